//! The text of mails: Jinja templates, built in or from files of the operator.

use minijinja::{Environment, UndefinedBehavior, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

const ASSIGNED: [&str; 2] = ["assigned.subject.txt", "assigned.body.txt"];
const REMINDER: [&str; 2] = ["reminder.subject.txt", "reminder.body.txt"];
/// Name of the template that is a setting and not a file.
const LINK: &str = "notifier.link_template";
/// The built-in templates by file name.
const BUILT_IN: [(&str, &str); 4] = [
    (ASSIGNED[0], include_str!("../../assets/mail/assigned.subject.txt")),
    (ASSIGNED[1], include_str!("../../assets/mail/assigned.body.txt")),
    (REMINDER[0], include_str!("../../assets/mail/reminder.subject.txt")),
    (REMINDER[1], include_str!("../../assets/mail/reminder.body.txt")),
];
/// Characters of a subject.
const LONGEST_SUBJECT: usize = 200;

/// What a mail is about. Each field but `reminder` is a template variable of the same name.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whether the mail reminds of a deadline rather than tells of a new task; it selects the template.
    pub reminder: bool,
    /// Id of the task.
    pub task_id: Uuid,
    /// Id of the request that the task belongs to.
    pub request_id: Uuid,
    /// `approver` or `observer`.
    pub kind: &'a str,
    /// Subject id of the assignee.
    pub assignee: &'a str,
    /// Display name of the assignee; empty when it is not known.
    pub assignee_name: &'a str,
    /// Subject id of the user who delegated the task to the assignee; empty when nobody did.
    pub delegated_from: &'a str,
    /// Kind of the artifact to approve.
    pub artifact_type: &'a str,
    /// The caller's id of the artifact.
    pub artifact_id: &'a str,
    /// Subject id of the requester.
    pub requester: &'a str,
    /// Key of the policy.
    pub policy_key: &'a str,
    /// Name of the policy.
    pub policy_name: &'a str,
    /// Name of the stage.
    pub stage_name: &'a str,
    /// Deadline; in templates `2026-01-31 10:00 UTC`, or empty when there is none.
    pub due_at: Option<OffsetDateTime>,
}

/// The text of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Subject, on one line.
    pub subject: String,
    /// Body as plain text.
    pub body: String,
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The directory of templates or a file in it cannot be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// Path of the directory or file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A `.txt` file has not the name of a template.
    #[error("{}: no template is called so; there are {}", .0.display(), names())]
    UnknownName(PathBuf),
    /// The template does not parse, or names a variable that does not exist.
    #[error(transparent)]
    Template(#[from] minijinja::Error),
    /// The subject template of this name renders to nothing.
    #[error("{0} makes an empty subject")]
    EmptySubject(&'static str),
}

/// All templates, parsed.
#[derive(Debug)]
pub struct Letters {
    templates: Environment<'static>,
}

impl Letters {
    /// Takes the built-in templates, or a file of `directory` in place of the one with the same name. `link` is the
    /// template of the link to the task; when it is empty, mails have no link. Each template is rendered once, so that a
    /// faulty one is found at start.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn new(directory: Option<&Path>, link: &str) -> Result<Self, TemplateError> {
        let mut sources: BTreeMap<&str, String> =
            BUILT_IN.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        if let Some(directory) = directory {
            read_into(&mut sources, directory)?;
        }
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for (name, source) in sources.into_iter().chain([(LINK, link.to_owned())]) {
            templates.add_template_owned(name, source)?;
        }
        let letters = Self { templates };
        for reminder in [false, true] {
            letters.write(&Facts { reminder, ..EXAMPLE })?;
        }
        Ok(letters)
    }

    /// Renders the subject and the body of a mail.
    ///
    /// # Errors
    /// [`TemplateError::Template`] or [`TemplateError::EmptySubject`].
    pub fn write(&self, facts: &Facts<'_>) -> Result<Letter, TemplateError> {
        let link = one_line(&self.render(LINK, &variables(facts, ""))?);
        let variables = variables(facts, &link);
        let [subject, body] = if facts.reminder { REMINDER } else { ASSIGNED };
        let written: String =
            one_line(&self.render(subject, &variables)?).chars().take(LONGEST_SUBJECT).collect();
        if written.is_empty() {
            return Err(TemplateError::EmptySubject(subject));
        }
        Ok(Letter { subject: written, body: self.render(body, &variables)? })
    }

    fn render(&self, name: &str, variables: &Value) -> Result<String, minijinja::Error> {
        self.templates.get_template(name)?.render(variables)
    }
}

/// Facts for rendering each template once at start.
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

/// Replaces built-in templates by the `.txt` files of `directory`.
fn read_into(sources: &mut BTreeMap<&str, String>, directory: &Path) -> Result<(), TemplateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| TemplateError::Unreadable { path, source }
    };
    for entry in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = entry.map_err(unreadable(directory))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.ends_with(".txt") {
            continue;
        }
        let Some(source) = sources.get_mut(name) else { return Err(TemplateError::UnknownName(path)) };
        *source = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
    }
    Ok(())
}

/// The names of all template files.
fn names() -> String {
    BUILT_IN.map(|(name, _)| name).join(", ")
}

/// The variables of the templates, each on one line: a caller who names an artifact must not write lines of a mail.
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

/// The words of a text with one space between them, without line ends and other control characters.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
