//! `awe policy validate` and `awe policy test`, as a pipeline runs them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::PathBuf;
use std::process::Command;

const SOUND: &str = "policy_key: k
name: K
artifact_type: t
stages:
  - {name: One, stage_order: 1, rules: [{rule_type: user, rule_value: {user_id: ann}}]}
";

/// A folder of files, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("awe-policy-files-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            std::fs::write(folder.join(file), text).unwrap();
        }
        Self(folder)
    }

    /// Exit code, standard output and standard error.
    fn awe(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_awe"));
        let output = command.current_dir(&self.0).arg("policy").args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed does not fail the test.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn validate_tells_faults_from_warnings_by_word_and_exit_code() {
    let doubtful = SOUND.replace("stage_order: 1,", "stage_order: 1, skip_if: {'==': [1, 1]},");
    let faulty =
        SOUND.replace("stage_order: 1,", "stage_order: 1, mode: any-n, mode_value: 3, on_empty: wait,");
    let files =
        [("sound.yaml", SOUND), ("doubtful.yaml", &doubtful), ("faulty.yaml", &faulty), ("not.yaml", "{")];
    let folder = Folder::new("validate", &files);

    assert_eq!(folder.awe(&["validate", "sound.yaml"]).0, 0);
    let (code, out, _) = folder.awe(&["validate", "doubtful.yaml"]);
    assert_eq!(code, 0, "{out}");
    let warning = "  doubtful.yaml:5:33: warning: stage 1, field skip_if: holds on every";
    assert!(out.contains(&format!("doubtful.yaml: sound, 1 warning\n{warning}")), "{out}");
    assert_eq!(folder.awe(&["validate", "--strict", "doubtful.yaml", "sound.yaml"]).0, 3);
    assert_eq!(folder.awe(&["validate", "--strict", "doubtful.yaml", "faulty.yaml"]).0, 1);
    let (code, out, _) = folder.awe(&["validate", "faulty.yaml"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("faulty.yaml: refused, 2 faults"), "{out}");
    assert!(
        out.contains("faulty.yaml:5:46: fault: stage 1, field mode_value: 3 approvals can never"),
        "{out}"
    );
    assert!(out.contains("faulty.yaml:5:61: fault: stage 1, field on_empty: unknown word `wait`"), "{out}");
    let (code, out, err) = folder.awe(&["validate", "not.yaml", "sound.yaml"]);
    assert_eq!((code, &*err), (1, ""), "{out}");
    assert!(out.contains("not.yaml:1:1: fault: is no YAML") && out.contains("sound.yaml: sound"), "{out}");
    assert_eq!(folder.awe(&["validate"]).0, 2);
}

#[test]
fn validate_tells_every_fault_of_a_file_with_its_place_and_in_the_words_of_its_author() {
    let faulty = "policy_key: k
name: K
name: again
artifact_typ: t
stages:
  - name: One
    stage_order: first
    mod: any-n
    rules: [{rule_type: user, rule_value: {user_id: ann}, reqired: true}]
  - name: Two
    stage_order: 2
    mode: any_n
    skip_if: {filtr: [1]}
    rules: [{rule_type: rol, rule_value: {role: r}}, {rule_type: user, rule_value: {user: x}}]
";
    let folder = Folder::new("faults", &[("faulty.yaml", faulty)]);
    let (code, out, err) = folder.awe(&["validate", "faulty.yaml"]);
    assert_eq!((code, &*err), (1, ""), "{out}");
    let expected = [
        "1:1: fault: artifact_type: missing field `artifact_type`",
        "3:1: fault: field `name` is written twice, first at 2:1",
        "4:1: fault: artifact_typ: unknown field `artifact_typ`; did you mean `artifact_type`?; known: ",
        "7:5: fault: stages[0].stage_order: must be a whole number, is the text \"first\"",
        "8:5: fault: stages[0].mod: unknown field `mod`; did you mean `mode`?; known: ",
        "9:59: fault: stages[0].rules[0].reqired: unknown field `reqired`; did you mean `required`?; known: ",
        "12:5: fault: stage 2, field mode: unknown mode `any_n`: all, any-n, quorum or percentage; did you mean `any-n`?",
        "13:5: fault: stage 2, field skip_if: unknown operator `filtr`; did you mean `filter`?",
        "14:14: fault: stage 2, field rules[0].rule_type: unknown rule type `rol`: ",
        "14:72: fault: stage 2, field rules[1].rule_value: a user rule has no `user`: user_id",
    ];
    let lines: Vec<&str> = out.lines().skip(1).collect();
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("  faulty.yaml:{expected}")), "{line}\n{out}");
    }
    assert_eq!(lines.len(), expected.len(), "{out}");
    for word in ["i32", "struct", "enum", "string", "sequence", "Option", "serde"] {
        assert!(!out.contains(word), "{word}: {out}");
    }
}

#[test]
fn what_is_no_text_is_unreadable_and_what_never_ends_is_refused() {
    let folder = Folder::new("unreadable", &[("sound.yaml", SOUND)]);
    std::fs::write(folder.0.join("latin.yaml"), b"policy_key: k\nname: caf\xe9\n").unwrap();
    std::fs::write(folder.0.join("wide.yaml"), b"\xff\xfep\0").unwrap();
    std::fs::write(folder.0.join("huge.yaml"), vec![b'#'; 5 * 1024 * 1024]).unwrap();
    std::fs::write(folder.0.join("marked.yaml"), format!("\u{feff}{SOUND}")).unwrap();
    for (file, message) in [
        ("latin.yaml", "is not UTF-8: byte 0xe9 at line 2, column 10"),
        ("wide.yaml", "is UTF-16: save it as UTF-8"),
        ("huge.yaml", "is larger than 4194304 bytes"),
        ("/dev/zero", "is larger than 4194304 bytes"),
        ("lost.yaml", "cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
    ] {
        for command in ["validate", "test"] {
            let (code, out, err) = folder.awe(&[command, file]);
            assert_eq!(code, 2, "{file}: {out}{err}");
            assert!(err.contains(&format!("awe: {file}: {message}")), "{err}");
        }
    }
    assert_eq!(folder.awe(&["validate", "--strict", "marked.yaml"]).0, 0);
}

#[test]
fn validate_warns_of_variables_that_the_schema_does_not_know() {
    let schema = "context_schema: {type: object, properties: {amount: {type: number}}}\nstages:";
    let policy = SOUND
        .replace("stages:", schema)
        .replace("stage_order: 1,", "stage_order: 1, skip_if: {'<': [{var: amont}, {var: amount}]},");
    let folder = Folder::new("variables", &[("p.yaml", &policy)]);
    let (code, out, _) = folder.awe(&["validate", "--strict", "p.yaml"]);
    assert_eq!(code, 3, "{out}");
    let amont = "p.yaml:6:33: warning: stage 1, field skip_if: reads `amont`, which context_schema does not declare; \
                 did you mean `amount`?";
    assert!(
        out.contains(amont) && out.contains("reads `amount`, which context_schema does not require"),
        "{out}"
    );
}

#[test]
fn test_tells_which_case_failed_and_why() {
    let case = |name: &str, status: &str| format!("  - {{name: {name}, expect: {{status: {status}}}}}\n");
    let cases = |cases: &[String]| format!("policy: sound.yaml\ncases:\n{}", cases.concat());
    let good = cases(&[case("starts", "in_review")]);
    let bad = cases(&[case("starts", "in_review"), case("ends", "approved")]);
    let files =
        [("sound.yaml", SOUND), ("good.yaml", &*good), ("bad.yaml", &*bad), ("lost.yaml", "policy: no.yaml")];
    let folder = Folder::new("test", &files);

    let (code, out, _) = folder.awe(&["test", "good.yaml"]);
    assert_eq!((code, out.as_str()), (0, "good.yaml: policy k\n  ok    starts\n  1 held, 0 failed\n"));
    let (code, out, _) = folder.awe(&["test", "good.yaml", "bad.yaml"]);
    assert_eq!(code, 1);
    assert!(out.contains("  FAIL  ends\n        status: expected approved, got in_review\n"), "{out}");
    assert!(out.ends_with("  1 held, 1 failed\n"), "{out}");
    let (code, _, err) = folder.awe(&["test", "lost.yaml"]);
    assert_eq!(code, 2);
    assert!(err.contains("lost.yaml:1:1: cases: missing field `cases`"), "{err}");
}

#[test]
fn test_tells_what_is_wrong_with_the_policy_that_a_file_of_cases_names_or_holds() {
    let cases = "cases: [{name: n, expect: {statu: approved}, steps: [{decid: {by: a}}]}]\n";
    let inside = format!("policy: {{policy_key: k, name: n, artifact_type: 7}}\n{cases}");
    let beside = "policy: broken.yaml\ncases: [{name: n, expect: {}}]\n";
    let broken = SOUND.replace("stages:", "stagse:");
    let folder =
        Folder::new("both", &[("inside.yaml", &*inside), ("beside.yaml", beside), ("broken.yaml", &broken)]);
    let (code, out, err) = folder.awe(&["test", "inside.yaml"]);
    assert_eq!(code, 2, "{out}");
    for told in [
        "inside.yaml:1:34: policy.artifact_type: must be a text, is the number 7",
        "inside.yaml:2:28: cases[0].expect.statu: unknown field `statu`; did you mean `status`?",
        "unknown word `decid`; did you mean `decide`?",
    ] {
        assert!(err.contains(told), "{told}: {err}");
    }
    let (code, out, _) = folder.awe(&["test", "beside.yaml"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("broken.yaml:4:1: stagse: unknown field `stagse`; did you mean `stages`?"), "{out}");
}

#[test]
fn a_number_that_cannot_be_kept_is_refused_with_its_line() {
    for number in ["12345678901234567890123", "1e400", "1e-400", "0.1234567890123456789012345"] {
        let skipping = format!("stage_order: 1, skip_if: {{\"==\": [{{\"var\": n}}, {number}]}},");
        let text = SOUND.replace("stage_order: 1,", &skipping);
        let folder = Folder::new("numbers", &[("k.yaml", &text)]);
        let (code, told, _) = folder.awe(&["validate", "k.yaml"]);
        assert_eq!(code, 1, "{told}");
        let fault = format!("k.yaml:5:62: fault: the number {number} cannot be kept exactly");
        assert!(told.contains(&fault), "{told}");
    }
}

#[test]
fn a_schema_that_branches_without_end_is_a_warning() {
    let deeper = "{properties: {a: {$ref: '#/$defs/node'}}}";
    let text = format!(
        "{SOUND}context_schema: {{$ref: '#/$defs/node', $defs: {{node: {{anyOf: [{deeper}, {deeper}]}}}}}}\n"
    );
    let folder = Folder::new("branching", &[("k.yaml", &text)]);
    let (code, told, _) = folder.awe(&["validate", "k.yaml"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("warning: field context_schema: takes too many steps"), "{told}");
    assert_eq!(folder.awe(&["validate", "--strict", "k.yaml"]).0, 3);
}
