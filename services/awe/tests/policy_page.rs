//! `docs/policies.md` is run: its policies are sound, its cases hold, its outputs are what the program says, and no word
//! of the engine is missing.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use engine::command::reason;
use engine::logic::{self, Logic};
use engine::policy::{CommentRequired, Kind, Mode, OnBreach, OnEmpty, RejectMode, RuleSource};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

const PAGE: &str = include_str!("../../../docs/policies.md");

/// Fenced blocks of a language, without the fences.
fn blocks(language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    PAGE.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A folder with the page's files, removed when it is dropped.
struct Folder(PathBuf, Vec<&'static str>);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("awe-policy-page-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut files = Vec::new();
        for block in blocks("yaml") {
            let (name, text) = block.strip_prefix("# ").and_then(|block| block.split_once('\n')).unwrap();
            assert!(!files.contains(&name), "{name} stands there twice");
            std::fs::write(folder.join(name), text).unwrap();
            files.push(name);
        }
        Self(folder, files)
    }

    fn awe(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_awe"));
        let output = command.current_dir(&self.0).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed does not fail the test.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_policy_is_sound_and_every_case_holds() {
    let folder = Folder::new("run");
    let (cases, policies): (Vec<&str>, Vec<&str>) =
        folder.1.iter().partition(|name| name.ends_with(".cases.yaml"));
    assert!(cases.len() >= 10 && policies.len() >= 12, "{:?}", folder.1);
    for policy in policies.into_iter().filter(|name| *name != "typo.yaml") {
        let (code, told) = folder.awe(&["policy", "validate", "--strict", policy]);
        assert_eq!(code, 0, "{told}");
    }
    for case in cases {
        let (code, told) = folder.awe(&["policy", "test", case]);
        assert_eq!(code, 0, "{told}");
    }
}

#[test]
fn every_output_is_what_the_program_says() {
    let folder = Folder::new("output");
    let consoles = blocks("console");
    assert!(!consoles.is_empty());
    for console in consoles {
        let (command, expected) = console.split_once('\n').unwrap();
        let words: Vec<&str> = command.strip_prefix("$ awe ").unwrap().split(' ').collect();
        assert_eq!(folder.awe(&words).1, expected, "{command}");
    }
}

#[test]
fn every_piece_of_json_is_an_expression_a_rule_or_the_protocol_of_one() {
    let outside: String = PAGE.split("```").step_by(2).collect();
    let mut seen = 0;
    for code in outside.split('`').skip(1).step_by(2).filter(|code| code.starts_with("{\"")) {
        let json: Value = serde_json::from_str(code).unwrap_or_else(|error| panic!("{code}: {error}"));
        let protocol = json.get("user_ids").is_some() || json.get("context").is_some();
        let rule = RuleSource::TYPES.iter().any(|kind| RuleSource::parse(kind, &json).is_ok());
        assert!(protocol || rule || Logic::compile(&json).is_ok(), "{code}");
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
}

#[test]
fn every_word_and_bound_of_the_engine_is_on_the_page() {
    let words = [
        Mode::WORDS,
        RejectMode::WORDS,
        OnEmpty::WORDS,
        OnBreach::WORDS,
        CommentRequired::WORDS,
        Kind::WORDS,
        RuleSource::TYPES,
        logic::operators(),
        reason::ALL,
    ];
    for word in words.into_iter().flatten() {
        assert!(PAGE.contains(&format!("`{word}`")), "`{word}`");
    }
    let fields = |name: &str| {
        let document: Value = serde_json::from_str(include_str!("../../../schemas/openapi.json")).unwrap();
        let schema = &document["components"]["schemas"][name];
        schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    for field in ["PolicyCreate", "StageIn", "ApproverRuleIn"].into_iter().flat_map(fields) {
        assert!(PAGE.contains(&format!("`{field}`")), "`{field}`");
    }
    let bounds = [
        logic::MAX_STEPS.to_string(),
        logic::MAX_VALUE_DEPTH.to_string(),
        (logic::MAX_BYTES / 1024).to_string(),
        logic::MAX_DEPTH.to_string(),
        (logic::MAX_MEMORY / 1024 / 1024).to_string(),
    ];
    let digits = PAGE.replace(',', "");
    for bound in bounds {
        assert!(digits.contains(&bound), "{bound}");
    }
}
