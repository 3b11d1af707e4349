use super::*;

struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("awe-letters-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn letters(&self) -> Result<Letters, TemplateError> {
        Letters::new(Some(&self.0), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn the_built_in_letters_say_what_it_is_about() {
    let letters = Letters::new(None, "https://awe.example.org/tasks/{{ task_id }}").unwrap();
    let assigned = letters.write(&EXAMPLE).unwrap();
    assert_eq!(assigned.subject, "Approval needed: artifact_type artifact_id");
    let nil = Uuid::nil();
    let expected = format!(
        "A request waits for your decision.\n\n\
         Artifact:  artifact_type artifact_id\nPolicy:    policy_name (policy_key)\nStage:     stage_name\n\
         Requester: requester\nDeadline:  1970-01-01 00:00 UTC\nRequest:   {nil}\nTask:      {nil}\n\n\
         You are asked because owner has delegated to you.\n\nhttps://awe.example.org/tasks/{nil}"
    );
    assert_eq!(assigned.body, expected);
    let reminder = letters.write(&Facts { reminder: true, ..EXAMPLE }).unwrap();
    assert_eq!(reminder.subject, "Reminder, due 1970-01-01 00:00 UTC: artifact_type artifact_id");
    assert!(
        reminder.body.starts_with("A request still waits for your decision.\n\nDeadline:"),
        "{}",
        reminder.body
    );
}

#[test]
fn what_there_is_not_is_left_out() {
    let letters = Letters::new(None, "").unwrap();
    let bare = Facts { delegated_from: "", due_at: None, kind: "observer", ..EXAMPLE };
    let letter = letters.write(&bare).unwrap();
    assert!(letter.subject.starts_with("For your information:"));
    assert!(!letter.body.contains("Deadline") && !letter.body.contains("delegated"), "{}", letter.body);
    assert!(letter.body.ends_with(&format!("Task:      {}", Uuid::nil())), "{}", letter.body);
}

#[test]
fn whoever_names_an_artifact_writes_no_line_of_a_mail() {
    let letters = Letters::new(None, "https://x.example/{{ artifact_id | urlencode }}").unwrap();
    let attack = "CR-1\r\nBcc: eve@example.org\n\nPay at once: http://evil.example/\u{2028}now\u{0}";
    let letter = letters.write(&Facts { artifact_id: attack, ..EXAMPLE }).unwrap();
    assert!(!letter.subject.contains(['\r', '\n']), "{:?}", letter.subject);
    assert!(
        letter.body.lines().all(|line| !line.starts_with("Bcc") && !line.starts_with("Pay")),
        "{}",
        letter.body
    );
    assert!(letter.body.contains("https://x.example/CR-1%20Bcc%3A%20eve%40example.org"), "{}", letter.body);
    let long = "x".repeat(1000);
    let letter = letters.write(&Facts { artifact_id: &long, ..EXAMPLE }).unwrap();
    assert_eq!(letter.subject.chars().count(), LONGEST_SUBJECT);
}

#[test]
fn a_directory_replaces_what_it_has() {
    let folder = Folder::with(&[
        ("assigned.subject.txt", "Bitte freigeben:\n{{ artifact_id }}\n"),
        ("README.md", "{% not a template"),
    ]);
    let letter = folder.letters().unwrap().write(&EXAMPLE).unwrap();
    assert_eq!(letter.subject, "Bitte freigeben: artifact_id");
    assert!(letter.body.starts_with("A request waits"), "{}", letter.body);
}

#[test]
fn a_template_that_cannot_work_is_told_by_its_name() {
    for (name, text, told) in [
        ("assigned.body.txt", "{% if %}", "assigned.body.txt:1"),
        ("reminder.body.txt", "{{ artefact_id }}", "reminder.body.txt:1"),
        ("reminder.subject.txt", "  \n", "reminder.subject.txt makes an empty subject"),
        ("asigned.body.txt", "hello", "asigned.body.txt: no template is called so"),
    ] {
        let refused = Folder::with(&[(name, text)]).letters().unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
    }
    assert!(
        Letters::new(Some(Path::new("/nonexistent")), "").unwrap_err().to_string().contains("/nonexistent")
    );
    assert!(Letters::new(None, "{{ nobody }}").unwrap_err().to_string().contains("notifier.link_template"));
}
