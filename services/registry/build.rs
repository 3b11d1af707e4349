//! Chooses the portal that the program carries: the one that `./dev ui` has built, else a page that says how. With
//! `AWE_REQUIRE_UI` (what is given away, CI) the page is not enough.

use std::env;
use std::path::Path;

/// Where `./dev ui` leaves the portal. The folder is there always, or cargo would run this each time.
const BUILT: &str = "../../ui/apps/registry/dist";
const PLACEHOLDER: &str = "placeholder";

fn main() {
    for path in ["build.rs", BUILT, PLACEHOLDER] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=AWE_REQUIRE_UI");
    let is_built = Path::new(BUILT).join("index.html").is_file();
    let is_required = env::var("AWE_REQUIRE_UI").is_ok_and(|required| !required.is_empty());
    assert!(
        is_built || !is_required,
        "AWE_REQUIRE_UI is set, and the portal is not built: run `./dev ui` first"
    );
    println!("cargo::rustc-env=REGISTRY_PORTAL_DIR={}", if is_built { BUILT } else { PLACEHOLDER });
}
