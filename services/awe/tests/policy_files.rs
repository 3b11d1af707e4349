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

/// A folder of files, removed in the end.
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
        // A folder that stays behind does not make the test wrong.
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
    assert!(
        out.contains("doubtful.yaml: sound, 1 warning\n  warning: stage 1, field skip_if: holds on every"),
        "{out}"
    );
    assert_eq!(folder.awe(&["validate", "--strict", "doubtful.yaml", "sound.yaml"]).0, 1);
    let (code, out, _) = folder.awe(&["validate", "faulty.yaml"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("faulty.yaml: refused, 2 faults"), "{out}");
    assert!(out.contains("fault: stage 1, field mode_value: 3 approvals can never be reached"), "{out}");
    assert!(out.contains("fault: stage 1, field on_empty: unknown word `wait`"), "{out}");
    let (code, out, err) = folder.awe(&["validate", "not.yaml", "sound.yaml"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("not.yaml is no YAML") && out.contains("sound.yaml: sound"), "{err}{out}");
    assert_eq!(folder.awe(&["validate"]).0, 2);
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
    assert_eq!(folder.awe(&["test", "lost.yaml"]).0, 2);
}

#[test]
fn a_number_that_cannot_be_kept_is_refused_with_its_line() {
    for number in ["12345678901234567890123", "1e400", "1e-400", "0.1234567890123456789012345"] {
        let skipping = format!("stage_order: 1, skip_if: {{\"==\": [{{\"var\": n}}, {number}]}},");
        let text = SOUND.replace("stage_order: 1,", &skipping);
        let folder = Folder::new("numbers", &[("k.yaml", &text)]);
        let (code, _, told) = folder.awe(&["validate", "k.yaml"]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(&format!("line 5: the number {number}")), "{told}");
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
    assert_eq!(folder.awe(&["validate", "--strict", "k.yaml"]).0, 1);
}
