//! The table "Rooms" of ARCHITECTURE.md, held against the workspace: which rooms there are, which may use which, and
//! which technology is spoken in which room. The tests read the table itself, so that it cannot say anything else than
//! what holds.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that are not named as their room.
const CRATES: [(&str, &str); 1] = [("awe-client", "clients/rust")];
const COLUMNS: [&str; 4] = ["Room", "What it is", "May use", "The only room that may say"];

/// One row of the table, as names without quotes and slashes.
#[derive(Debug, Default)]
struct Room {
    uses: BTreeSet<String>,
    says: BTreeSet<String>,
}

#[test]
fn rooms_use_each_other_in_one_direction_only() {
    let rooms = rooms();
    for (room, dependencies) in crates() {
        let may = &rooms.get(&room).unwrap_or_else(|| panic!("{room} is in no row of the table")).uses;
        for used in dependencies.iter().filter_map(|used| room_of(used, &rooms)) {
            assert!(may.contains(last_part(&used)), "{room} uses {used}, which the table does not allow");
        }
    }
}

#[test]
fn what_the_table_allows_leads_to_rooms_and_never_in_a_circle() {
    let rooms = rooms();
    let mut before = BTreeSet::new();
    let mut left: Vec<&String> = rooms.keys().collect();
    while !left.is_empty() {
        let waiting = left.len();
        left.retain(|room| {
            let ready = rooms[*room].uses.iter().all(|used| before.contains(used.as_str()));
            if ready {
                before.insert(last_part(room));
            }
            !ready
        });
        assert!(left.len() < waiting, "these use each other, or what is no room: {left:?}");
    }
}

#[test]
fn each_technology_is_spoken_in_its_own_room() {
    let (rooms, crates) = (rooms(), crates());
    let mut said: BTreeMap<&String, &String> = BTreeMap::new();
    for (room, technology) in rooms.iter().flat_map(|(room, row)| row.says.iter().map(move |t| (room, t))) {
        assert_eq!(said.insert(technology, room), None, "{technology} is in two rows of the table");
        let speaks = |name: &String| crates.get(name).is_some_and(|all| all.contains(technology));
        assert!(speaks(room), "{room} does not speak {technology} any more");
        let of_awe = |other: &String| !is_caller(&rooms[other]);
        let others: Vec<_> =
            crates.keys().filter(|other| *other != room && speaks(other) && of_awe(other)).collect();
        assert!(others.is_empty(), "{others:?} speak {technology}, which is for {room} alone");
    }
}

/// `deny.toml` guards the same crates against dependencies that come by way of others.
#[test]
fn what_cargo_deny_keeps_in_one_room_is_in_the_table() {
    let rooms = rooms();
    let text = read("deny.toml");
    let guarded = text.lines().filter(|line| line.contains("wrappers = ["));
    let mut number = 0;
    for line in guarded {
        let quoted: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        let [technology, wrappers @ ..] = &quoted[..] else { panic!("not understood: {line}") };
        let room = wrappers.iter().find_map(|wrapper| room_of(wrapper, &rooms)).expect("a room of ours");
        assert!(rooms[&room].says.contains(*technology), "{technology} is not in the row of {room}");
        number += 1;
    }
    let said: usize = rooms.values().map(|row| row.says.len()).sum();
    assert_eq!(number, said, "deny.toml and the table do not name the same technologies");
}

#[test]
fn every_folder_is_in_the_table_and_every_room_is_a_folder() {
    let rooms = rooms();
    for room in rooms.keys() {
        assert!(root().join(room).is_dir(), "{room} is no folder");
    }
    for entry in std::fs::read_dir(root()).expect("the workspace can be listed") {
        let entry = entry.expect("the workspace can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        // What is built stands in no table: `dist` is what `./dev release` makes.
        let is_built = ["target", "dist"].contains(&name.as_str());
        let is_room = entry.path().is_dir() && !name.starts_with('.') && !is_built;
        let listed = rooms.keys().any(|room| room.split('/').next() == Some(&name));
        assert!(!is_room || listed, "{name}/ is in no row of the table");
    }
}

/// `services/awe/src/routes.rs` states this rule.
#[test]
fn a_handler_has_at_most_fifteen_lines() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    let mut handlers = 0;
    for entry in std::fs::read_dir(folder).expect("the routes can be listed") {
        let path = entry.expect("the routes can be listed").path();
        let text = std::fs::read_to_string(&path).expect("a route can be read");
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("async fn ")) {
            let length = lines[start..].iter().position(|line| *line == "}").expect("a function ends") + 1;
            assert!(length <= 15, "{}: {line} has {length} lines", path.display());
            handlers += 1;
        }
    }
    assert!(handlers > 30, "the routes were not found");
}

/// Every row of the table by the path of its room.
fn rooms() -> BTreeMap<String, Room> {
    let text = read("ARCHITECTURE.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Rooms\n"));
    let mut rows = section.expect("a section Rooms").lines().filter(|line| line.starts_with('|')).map(cells);
    assert_eq!(rows.next().as_deref(), Some(&COLUMNS.map(str::to_owned)[..]), "the head of the table");
    assert!(rows.next().is_some_and(|line| line.iter().all(|cell| cell == "---")), "the line below the head");
    let mut rooms = BTreeMap::new();
    for row in rows {
        let [room, _, uses, says] = &row[..] else { panic!("not {} cells: {row:?}", COLUMNS.len()) };
        for name in names(room) {
            let uses = names(uses).map(|used| last_part(&used).to_owned()).collect();
            let row = Room { uses, says: names(says).collect() };
            assert!(rooms.insert(name.clone(), row).is_none(), "{name} is in two rows of the table");
        }
    }
    assert!(rooms.len() > 10, "the table was not understood");
    rooms
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The names of a cell: whatever is written as code.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches('/').to_owned())
}

fn last_part(room: &str) -> &str {
    room.rsplit('/').next().unwrap_or(room)
}

/// The room of ours that a crate of this name is.
fn room_of(name: &str, rooms: &BTreeMap<String, Room>) -> Option<String> {
    let named = CRATES.iter().find(|(of, _)| *of == name).map(|(_, room)| *room);
    rooms.keys().find(|room| named.map_or(last_part(room) == name, |named| *room == named)).cloned()
}

/// A program that knows AWE by a client library alone, as a stranger's does, and runs as programs of ours do.
fn is_caller(room: &Room) -> bool {
    room.uses.contains("rust")
        && room.uses.iter().all(|used| ["rust", "serving", "telemetry"].contains(&&**used))
}

/// The path of every workspace member, with what its product code depends on.
fn crates() -> BTreeMap<String, Vec<String>> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().expect("a manifest"));
            let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root()).ok());
            let folder = folder.expect("a folder of the workspace").to_string_lossy().into_owned();
            let all = package["dependencies"].as_array().expect("dependencies");
            let product = all.iter().filter(|dependency| dependency["kind"].is_null());
            let names = product.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned);
            (folder, names.collect())
        })
        .collect()
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is there")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
