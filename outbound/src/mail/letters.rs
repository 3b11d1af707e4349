//! What mails say: templates in files (Jinja), with built-in ones where the operator has none.

use minijinja::{Environment, UndefinedBehavior, Value};
use std::collections::BTreeMap;
use std::path::Path;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

const ASSIGNED: [&str; 2] = ["assigned.subject.txt", "assigned.body.txt"];
const REMINDER: [&str; 2] = ["reminder.subject.txt", "reminder.body.txt"];
/// The template that the configuration holds.
const LINK: &str = "notifier.link_template";
/// By file name.
const BUILT_IN: [(&str, &str); 4] = [
    (ASSIGNED[0], include_str!("../../assets/mail/assigned.subject.txt")),
    (ASSIGNED[1], include_str!("../../assets/mail/assigned.body.txt")),
    (REMINDER[0], include_str!("../../assets/mail/reminder.subject.txt")),
    (REMINDER[1], include_str!("../../assets/mail/reminder.body.txt")),
];
/// Characters of a subject.
const LONGEST_SUBJECT: usize = 200;

/// What a mail is about; each is a variable of the same name in templates.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whether this reminds of a deadline, rather than telling of a new task. No variable: it chooses the template.
    pub reminder: bool,
    /// Task.
    pub task_id: Uuid,
    /// Its request.
    pub request_id: Uuid,
    /// `approver` or `observer`.
    pub kind: &'a str,
    /// Subject id of the assignee.
    pub assignee: &'a str,
    /// How the assignee is called; empty when it is not known.
    pub assignee_name: &'a str,
    /// Subject id of whoever has delegated the task to the assignee; empty when nobody has.
    pub delegated_from: &'a str,
    /// What kind of thing is to be approved.
    pub artifact_type: &'a str,
    /// The caller's id of the thing.
    pub artifact_id: &'a str,
    /// Subject id of whoever asks.
    pub requester: &'a str,
    /// Key of the policy.
    pub policy_key: &'a str,
    /// Its name.
    pub policy_name: &'a str,
    /// Name of the stage.
    pub stage_name: &'a str,
    /// Deadline; in templates `2026-01-31 10:00 UTC`, or empty when there is none.
    pub due_at: Option<OffsetDateTime>,
}

/// What is written to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// Every template, parsed.
#[derive(Debug)]
pub struct Letters {
    templates: Environment<'static>,
}

impl Letters {
    /// The built-in templates; those that lie in `directory` under the same name instead. `link` is the template of the
    /// link to the task; empty = mails have none. Each is tried once.
    ///
    /// # Errors
    /// The directory or a file cannot be read, a file with the ending `.txt` has a name that is no template's, or a
    /// template does not parse or names a variable that does not exist.
    pub fn new(directory: Option<&Path>, link: &str) -> Result<Self, String> {
        let mut sources: BTreeMap<&str, String> =
            BUILT_IN.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        if let Some(directory) = directory {
            read_into(&mut sources, directory)?;
        }
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for (name, source) in sources.into_iter().chain([(LINK, link.to_owned())]) {
            templates.add_template_owned(name, source).map_err(|error| error.to_string())?;
        }
        let letters = Self { templates };
        for reminder in [false, true] {
            letters.write(&Facts { reminder, ..EXAMPLE })?;
        }
        Ok(letters)
    }

    /// Subject and text.
    ///
    /// # Errors
    /// A template cannot be rendered with these facts, or makes an empty subject.
    pub fn write(&self, facts: &Facts<'_>) -> Result<Letter, String> {
        let link = one_line(&self.render(LINK, &variables(facts, ""))?);
        let variables = variables(facts, &link);
        let [subject, body] = if facts.reminder { REMINDER } else { ASSIGNED };
        let written: String =
            one_line(&self.render(subject, &variables)?).chars().take(LONGEST_SUBJECT).collect();
        if written.is_empty() {
            return Err(format!("{subject} makes an empty subject"));
        }
        Ok(Letter { subject: written, body: self.render(body, &variables)? })
    }

    fn render(&self, name: &str, variables: &Value) -> Result<String, String> {
        let template = self.templates.get_template(name).map_err(|error| error.to_string())?;
        template.render(variables).map_err(|error| error.to_string())
    }
}

/// Tries each template before the first mail.
const EXAMPLE: Facts<'static> = Facts {
    reminder: false,
    task_id: Uuid::nil(),
    request_id: Uuid::nil(),
    kind: "approver",
    assignee: "assignee",
    assignee_name: "Assignee",
    delegated_from: "owner",
    artifact_type: "artifact_type",
    artifact_id: "artifact_id",
    requester: "requester",
    policy_key: "policy_key",
    policy_name: "policy_name",
    stage_name: "stage_name",
    due_at: Some(OffsetDateTime::UNIX_EPOCH),
};

fn read_into(sources: &mut BTreeMap<&str, String>, directory: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.ends_with(".txt") {
            continue;
        }
        let source = sources.get_mut(name).ok_or_else(|| {
            let known: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            format!("{}: no template is called so; there are {}", path.display(), known.join(", "))
        })?;
        *source = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Each on one line: whoever names an artifact does not get to write lines of a mail.
fn variables(facts: &Facts<'_>, link: &str) -> Value {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let utc = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).format(format).unwrap_or_default();
    let (task_id, request_id) = (facts.task_id.to_string(), facts.request_id.to_string());
    let due_at = facts.due_at.map(utc).unwrap_or_default();
    let all = [
        ("task_id", &*task_id),
        ("request_id", &*request_id),
        ("kind", facts.kind),
        ("assignee", facts.assignee),
        ("assignee_name", facts.assignee_name),
        ("delegated_from", facts.delegated_from),
        ("artifact_type", facts.artifact_type),
        ("artifact_id", facts.artifact_id),
        ("requester", facts.requester),
        ("policy_key", facts.policy_key),
        ("policy_name", facts.policy_name),
        ("stage_name", facts.stage_name),
        ("due_at", &*due_at),
        ("link", link),
    ];
    Value::from_pairs(all.map(|(name, text)| (name, one_line(text))))
}

/// The words of a text, with one space between them: without line ends and other controls.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
