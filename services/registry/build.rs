//! Chooses the portal that the program carries: the one that `./dev ui` has built, else a page that says how.

use std::path::Path;

/// Where `./dev ui` leaves the portal. The folder is there always, or cargo would run this each time.
const BUILT: &str = "../../ui/apps/registry/dist";
const PLACEHOLDER: &str = "placeholder";

fn main() {
    for path in ["build.rs", BUILT, PLACEHOLDER] {
        println!("cargo::rerun-if-changed={path}");
    }
    let is_built = Path::new(BUILT).join("index.html").is_file();
    println!("cargo::rustc-env=REGISTRY_PORTAL_DIR={}", if is_built { BUILT } else { PLACEHOLDER });
}
