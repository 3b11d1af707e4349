//! The page about errors tells of every reason, and of no other.

use schemas::api::Reason;

const PAGE: &str = include_str!("../../docs/errors.md");

/// The cells of each row of the table, its head left out.
fn rows() -> Vec<Vec<&'static str>> {
    let table = PAGE.lines().filter(|line| line.starts_with("| `"));
    table.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_reason_is_documented_with_its_code_and_status_and_none_that_is_gone() {
    let documented: Vec<_> = rows().iter().map(|row| (row[0].trim_matches('`'), row[1], row[2])).collect();
    let status: Vec<String> = Reason::ALL.iter().map(|reason| reason.status().to_string()).collect();
    let known: Vec<_> = Reason::ALL
        .iter()
        .zip(&status)
        .map(|(reason, status)| (reason.as_str(), reason.code(), status.as_str()))
        .collect();
    for row in &known {
        assert!(documented.contains(row), "docs/errors.md lacks the row {row:?}");
    }
    for row in &documented {
        assert!(known.contains(row), "docs/errors.md tells of {row:?}, which no answer says");
    }
    assert_eq!(documented.len(), known.len(), "a reason is documented twice");
}

#[test]
fn every_row_says_what_it_means_and_whether_a_retry_is_safe() {
    for row in rows() {
        assert_eq!(row.len(), 7, "{row:?}");
        assert!(!row[3].is_empty(), "no meaning: {row:?}");
        assert!(!row[4].is_empty() || !row[5].is_empty(), "nobody helps: {row:?}");
        assert!(["yes", "no", "with a key"].contains(&row[6]), "{row:?}");
    }
}

#[test]
fn the_document_names_every_reason_as_answers_say_it() {
    let document: serde_json::Value = serde_json::from_str(&schemas::openapi_json()).expect("is JSON");
    let named = &document["components"]["schemas"]["Reason"]["enum"];
    let said: Vec<&str> = schemas::api::Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(*named, serde_json::json!(said));
}

#[test]
fn the_example_is_an_answer() {
    let json = PAGE.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    let example: serde_json::Value = serde_json::from_str(json.expect("an example")).expect("is JSON");
    let read: schemas::api::ErrorEnvelope = serde_json::from_value(example.clone()).expect("is an error");
    assert_eq!(serde_json::to_value(read).expect("is JSON"), example);
}
