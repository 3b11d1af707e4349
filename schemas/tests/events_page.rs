//! `docs/events.md` has a section for each type of event, says which are webhooks, and its examples are events.

use engine::request::EventType;
use schemas::event::{Subjects, WebhookEvent, webhook_wanted};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/events.md");
const DOCUMENT: &str = include_str!("../asyncapi.yaml");

/// The sections about types, by the word of their heading.
fn sections() -> Vec<(&'static str, &'static str)> {
    let types = PAGE.split_once("\n## Types\n").expect("there is a chapter about types").1;
    let sections = types.split("\n### `").skip(1);
    sections.map(|section| section.split_once("`\n").expect("a heading is one word")).collect()
}

fn example(section: &str) -> Value {
    let json = section.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    serde_json::from_str(json.expect("there is an example")).expect("the example is JSON")
}

#[test]
fn every_type_has_a_section_and_no_other_word_has() {
    let mut documented: Vec<_> = sections().iter().map(|(word, _)| *word).collect();
    for event_type in EventType::ALL {
        assert!(documented.contains(&event_type.as_str()), "docs/events.md lacks {}", event_type.as_str());
    }
    documented.retain(|word| EventType::parse(word).is_none());
    assert!(documented.is_empty(), "docs/events.md tells of {documented:?}, which no event is");
    assert_eq!(sections().len(), EventType::ALL.len(), "a type is documented twice");
}

#[test]
fn a_section_says_whether_webhooks_carry_the_type() {
    for (word, section) in sections() {
        let told = if webhook_wanted(word, None) { "Webhook: yes." } else { "Webhook: no." };
        assert!(section.lines().any(|line| line == told), "docs/events.md must say of {word}: {told}");
    }
}

#[test]
fn every_example_keeps_the_committed_schema_and_says_nothing_that_is_not_in_it() {
    let document: Value = yaml_serde::from_str(DOCUMENT).expect("the document is YAML");
    let schema = &document["components"]["schemas"]["WebhookEvent"];
    let validator = jsonschema::validator_for(schema).expect("the schema is one");
    for (word, section) in sections() {
        let example = example(section);
        assert_eq!(example["event_type"], word, "the example of {word}");
        let faults: Vec<String> = validator.iter_errors(&example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "the example of {word}: {faults:?}");
        let read: WebhookEvent = serde_json::from_value(example.clone()).expect("it can be read");
        let written = serde_json::to_value(read).expect("it can be written");
        assert_eq!(written, example, "the example of {word} has a field too many, or one too few");
    }
}

#[test]
fn an_example_tells_what_the_section_says_and_repeats_stage_and_actor() {
    for (word, section) in sections() {
        let example = example(section);
        let payload = example["payload"].as_object().expect("a payload is an object");
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
        let named = |row: &Vec<&str>| row[0].trim_end_matches('`').to_owned();
        for row in rows.iter().filter(|row| row[2].starts_with("always")) {
            assert!(payload.contains_key(&named(row)), "the example of {word} lacks {}", row[0]);
        }
        for name in payload.keys().filter(|name| !["actor", "reason", "stage_order"].contains(&name.as_str()))
        {
            assert!(rows.iter().any(|row| named(row) == *name), "docs/events.md lacks {name} of {word}");
        }
        assert_eq!(payload["actor"], example["actor"], "{word}");
        assert_eq!(payload.get("stage_order").unwrap_or(&Value::Null), &example["stage_order"], "{word}");
    }
}

#[test]
fn the_page_names_every_field_of_an_event_and_the_subject_as_the_bus_does() {
    let document: Value = yaml_serde::from_str(DOCUMENT).expect("the document is YAML");
    let fields = document["components"]["schemas"]["WebhookEvent"]["properties"].as_object();
    for field in fields.expect("an event has fields").keys() {
        assert!(PAGE.contains(&format!("`{field}`")), "docs/events.md lacks the field {field}");
    }
    let subjects = Subjects::default();
    for subject in [
        subjects.events(),
        subjects.subject("request_approved", "registry_change_request", uuid::Uuid::nil()),
    ] {
        let beginning = subject.split("request_approved").next().unwrap_or_default();
        assert!(PAGE.contains(&format!("`{beginning}")), "docs/events.md lacks the subject {subject}");
    }
}
