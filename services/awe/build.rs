//! Tells the program when and from which commit it was built, for `GET /version`, and which UI it carries.
//!
//! `AWE_GIT_COMMIT` and `SOURCE_DATE_EPOCH` win, so that images say the right thing and builds can be repeated.
//! The UI is the one that `./dev ui` has built, else a page that says how: nothing here needs Node or a download. With
//! `AWE_REQUIRE_UI` (what is given away, CI) the page is not enough.

use std::path::Path;
use std::{env, fs};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const GIT: &str = "../../.git";
/// Where `./dev ui` leaves the UI. The folder is there always, or cargo would run this each time.
const UI: &str = "../../ui/apps/admin/dist";
const PLACEHOLDER: &str = "../../ui/placeholder";

fn main() {
    for variable in ["AWE_GIT_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let commit = env::var("AWE_GIT_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(commit);
    println!("cargo::rustc-env=AWE_GIT_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=AWE_BUILD_TIME={}", build_time());
    ui();
}

fn ui() {
    println!("cargo::rerun-if-changed={UI}");
    println!("cargo::rerun-if-changed={PLACEHOLDER}");
    println!("cargo::rerun-if-env-changed=AWE_REQUIRE_UI");
    let built = Path::new(UI).join("index.html").is_file();
    let is_required = env::var("AWE_REQUIRE_UI").is_ok_and(|required| !required.is_empty());
    assert!(built || !is_required, "AWE_REQUIRE_UI is set, and the UI is not built: run `./dev ui` first");
    let hash = fs::read_to_string(Path::new(UI).join("hash.txt")).unwrap_or_default();
    println!("cargo::rustc-env=AWE_UI_DIR={}", if built { UI } else { PLACEHOLDER });
    println!("cargo::rustc-env=AWE_UI_HASH={}", if built { hash.trim() } else { "" });
}

fn build_time() -> String {
    let epoch = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let moment = epoch.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let moment = moment.unwrap_or_else(OffsetDateTime::now_utc);
    // Whole seconds: nobody builds twice in one.
    moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).unwrap_or_default()
}

/// The commit that is checked out, when this is a checkout.
fn commit() -> Option<String> {
    let head = read("HEAD")?;
    let Some(branch) = head.strip_prefix("ref: ") else { return Some(head) };
    read(branch).or_else(|| {
        let packed = read("packed-refs")?;
        let line = packed.lines().find(|line| line.ends_with(branch))?;
        line.split(' ').next().map(str::to_owned)
    })
}

fn read(name: &str) -> Option<String> {
    let path = Path::new(GIT).join(name);
    if path.is_file() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}
