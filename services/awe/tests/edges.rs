//! Which room may use which: an edge that is not listed here is a change of architecture, not of code.

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Room, and the rooms it may use. The same table stands in ARCHITECTURE.md.
const MAY_USE: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("schemas", &["engine"]),
    ("store", &["schemas", "engine"]),
    ("bus", &["schemas"]),
    ("outbound", &["schemas"]),
    ("actors", &["engine", "schemas", "store", "bus", "outbound"]),
    ("awe", &["engine", "schemas", "store", "bus", "outbound", "actors"]),
];

/// An outside technology, and the rooms that may name it in their product code.
const SPOKEN_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("async-nats", &["bus"]),
    ("ractor", &["actors"]),
    ("jsonschema", &["actors"]),
    ("axum", &["awe"]),
    ("clap", &["awe"]),
    ("utoipa", &["schemas"]),
    ("lettre", &["outbound"]),
    ("minijinja", &["outbound"]),
    // `awe` fetches the keys that tokens are verified with.
    ("reqwest", &["outbound", "awe"]),
];

#[test]
fn rooms_use_each_other_in_one_direction_only() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    for (room, uses) in dependencies() {
        let may = allowed.get(room.as_str()).unwrap_or_else(|| panic!("{room} is in no row of the table"));
        for used in uses.iter().filter(|used| allowed.contains_key(used.as_str())) {
            assert!(may.contains(&used.as_str()), "{room} uses {used}, which the table does not allow");
        }
    }
}

#[test]
fn each_technology_is_spoken_in_its_own_room() {
    for (room, uses) in dependencies() {
        for (technology, rooms) in SPOKEN_IN {
            let speaks = uses.iter().any(|used| used == technology);
            assert!(!speaks || rooms.contains(&room.as_str()), "{room} speaks {technology}");
        }
    }
}

/// Every workspace member with what its product code depends on.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let product = all.iter().filter(|d| d["kind"].is_null());
            let names = product.filter_map(|d| d["name"].as_str()).map(str::to_owned).collect();
            (package["name"].as_str().unwrap_or_default().to_owned(), names)
        })
        .collect()
}
