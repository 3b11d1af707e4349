//! Tells the program when and from which commit it was built, for `GET /version`.
//!
//! `AWE_GIT_COMMIT` and `SOURCE_DATE_EPOCH` win, so that images say the right thing and builds can be repeated.

use std::path::Path;
use std::{env, fs};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const GIT: &str = "../../.git";

fn main() {
    for variable in ["AWE_GIT_COMMIT", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    let commit = env::var("AWE_GIT_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(commit);
    println!("cargo::rustc-env=AWE_GIT_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=AWE_BUILD_TIME={}", build_time());
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
