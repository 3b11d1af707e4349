use super::*;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    name: String,
    #[serde(default)]
    count: i32,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    id: String,
    #[serde(default)]
    whole: bool,
}

fn flaws(text: &str) -> Vec<String> {
    told(&understand::<Shape>(text, false))
}

fn told<T>(document: &Document<T>) -> Vec<String> {
    document.flaws.iter().map(|flaw| format!("{}: {}", flaw.at, flaw.message)).collect()
}

fn value(text: &str) -> Value {
    understand::<Value>(text, false).sound(Path::new("f")).unwrap()
}

#[test]
fn every_misfit_is_told_with_its_place_and_not_only_the_first() {
    let text =
        "nam: x\ncount: first\nparts:\n  - {id: 1, whole: 2}\n  - {}\n  - 7\n  - {id: a, wole: true}\n";
    assert_eq!(
        flaws(text),
        [
            "1:1: nam: unknown field `nam`; did you mean `name`?; known: name, count, parts",
            "1:1: name: missing field `name`",
            "2:1: count: must be a whole number, is the text \"first\"",
            "4:6: parts[0].id: must be a text, is the number 1",
            "4:13: parts[0].whole: must be true or false, is the number 2",
            "5:5: parts[1].id: missing field `id`",
            "6:5: parts[2]: must be an object, is the number 7",
            "7:13: parts[3].wole: unknown field `wole`; did you mean `whole`?; known: id, whole",
        ]
    );
}

#[test]
fn a_name_that_is_written_twice_is_told_wherever_it_stands() {
    let text = "name: x\nname: y\nparts: [{id: a, id: b, id: c}]\n";
    assert_eq!(
        flaws(text),
        [
            "2:1: field `name` is written twice, first at 1:1",
            "3:17: field `id` is written twice, first at 3:10",
            "3:24: field `id` is written twice, first at 3:10",
        ]
    );
    let json = understand::<Shape>("{\"name\": \"x\",\n\t\"name\": \"y\"}", true);
    assert_eq!(told(&json), ["2:2: field `name` is written twice, first at 1:2"]);
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    for (text, message) in [
        ("name: [x\n", "1:7: is no YAML"),
        ("name: a: b\n", "1:8: is no YAML"),
        ("name: x\nparts:\n\t- id: a\n", "3:2: is no YAML: a tab stands where YAML wants spaces"),
        ("name: x\n---\nname: y\n", "3:1: a second document begins here"),
        ("name: *x\n", "1:7: is no YAML: no anchor of that name stands above"),
        ("a: &a {id: x}\nparts: [{<<: *a}]\n", "2:10: `<<` is not read"),
        ("name: x\n? [a]\n: b\n", "2:3: the name of a field must be a text"),
        ("", "1:1: is empty"),
        ("# nothing\n", "1:1: is empty"),
    ] {
        let told = flaws(text);
        assert!(told.len() == 1 && told[0].starts_with(message), "{text:?}: {told:?}");
    }
    for (text, place) in [
        ("{\"name\": }", "1:10: is no JSON"),
        ("{\"name\": \"x\",}", "1:14: is no JSON"),
        ("name: x", "1:2: is no JSON"),
    ] {
        let told = told(&understand::<Shape>(text, true));
        assert!(told.len() == 1 && told[0].starts_with(place), "{text:?}: {told:?}");
    }
}

#[test]
fn a_mark_of_the_encoding_is_no_document_of_its_own() {
    for (text, json) in [
        ("\u{feff}name: x\n", false),
        ("\u{feff}---\nname: x\n...\n", false),
        ("\u{feff}{\"name\": \"x\"}", true),
    ] {
        assert_eq!(told(&understand::<Shape>(text, json)), [] as [&str; 0], "{text:?}");
    }
}

#[test]
fn what_aliases_repeat_is_bounded_and_so_is_nesting() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let of = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{of}]\n"));
    }
    for text in [
        bomb,
        format!("name: {}", "[".repeat(100_000)),
        format!("name: {0}x{1}", "[".repeat(200), "]".repeat(200)),
    ] {
        let told = told(&understand::<Value>(&text, false));
        assert!(told.len() == 1 && told[0].contains("is too large: at most"), "{told:?}");
    }
    assert_eq!(value("a: &a {b: 1}\nc: *a\n")["c"]["b"], 1);
}

#[test]
fn a_number_is_kept_as_it_is_written_or_refused() {
    for number in [
        "12345678901234567890123",
        "1e400",
        "-1e400",
        "1e-400",
        "0.1234567890123456789012345",
        ".inf",
        ".nan",
    ] {
        let told = told(&understand::<Value>(&format!("a: [0, {number}]"), false));
        assert!(
            told.len() == 1 && told[0].starts_with("1:8: ") && told[0].contains("cannot be kept exactly"),
            "{number}: {told:?}"
        );
    }
    let texts = "['1e400', \"1e400\", account 12345678901234567890123, 2026-11-30, 1.2.3] # 1e400";
    assert!(value(texts).as_array().unwrap().iter().all(Value::is_string));
    let read = value("[1, -2, 1.5, 1e16, 9007199254740993, 18446744073709551615, 0x10]");
    assert_eq!(read.to_string(), "[1,-2,1.5,1e+16,9007199254740993,18446744073709551615,16]");
}

#[test]
fn words_are_read_as_they_stand() {
    let read = value("[yes, no, on, off, y, 010, 1_000, 2030-01-01, 1.2.3, '5', true, null, ~]");
    let texts = ["yes", "no", "on", "off", "y", "010", "1_000", "2030-01-01", "1.2.3", "5"];
    assert_eq!(read.as_array().unwrap()[..10], texts.map(Value::from));
    assert_eq!(read.as_array().unwrap()[10..], [Value::Bool(true), Value::Null, Value::Null]);
}

#[test]
fn json_is_read_as_json_readers_read_it() {
    let text =
        "{\n\t\"a\": \"\\ud83d\\ude00 \\/ \\u00e9\",\n\t\"b\":[1,{\"c\":null}], \"long\": \"x: y # z\"}";
    let read = understand::<Value>(text, true).sound(Path::new("f")).unwrap();
    assert_eq!(read, serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn what_a_file_holds_does_not_command_the_terminal() {
    let told = flaws("name: x\n\"a\\x1b[31m\\nb\": 1\n");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("2:1: a\\u{1b}[31m\\nb: unknown field") && !told[0].contains(char::is_control),
        "{told:?}"
    );
}

#[test]
fn of_very_many_faults_the_first_are_told_and_that_there_are_more() {
    let unknown: String = (0..150).map(|n| format!("k{n}: 1\n")).collect();
    let twice = "k: 1\n".repeat(50_000);
    for text in [format!("name: x\n{unknown}"), format!("name: x\n{twice}")] {
        let told = flaws(&text);
        assert_eq!(told.len(), 101);
        assert!(told[100].ends_with("and more: 100 faults are told at once"), "{}", told[100]);
    }
}
