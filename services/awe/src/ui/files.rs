//! The files of a build.

use crate::config;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What the program carries: a build of the UI, or the placeholder.
#[derive(RustEmbed)]
#[folder = "$AWE_UI_DIR"]
struct Carried;

/// What a build may hold. Other files are not served, so that one that got there by mistake stays private.
const KINDS: [(&str, &str); 7] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("woff2", "font/woff2"),
    ("txt", "text/plain; charset=utf-8"),
];

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) enum Files {
    Carried,
    Folder(Arc<Path>),
}

/// One file, as it is sent.
pub(super) struct File {
    pub bytes: Cow<'static, [u8]>,
    pub kind: &'static str,
    pub encoding: Option<&'static str>,
}

impl Files {
    pub(super) fn of(config: &config::Ui) -> Self {
        config.folder().map_or(Self::Carried, |folder| Self::Folder(folder.into()))
    }

    /// The file of this path in the first of these encodings (file ending, name) that there is, else as it is; `None`
    /// when there is none.
    pub(super) async fn read(&self, path: &str, encodings: &[(&str, &'static str)]) -> Option<File> {
        let kind = kind(path)?;
        for (ending, name) in encodings {
            if let Some(bytes) = self.bytes(&format!("{path}.{ending}")).await {
                return Some(File { bytes, kind, encoding: Some(name) });
            }
        }
        Some(File { bytes: self.bytes(path).await?, kind, encoding: None })
    }

    async fn bytes(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Carried => Carried::get(path).map(|file| file.data),
            Self::Folder(folder) => tokio::fs::read(inside(folder, path)?).await.ok().map(Cow::Owned),
        }
    }
}

fn kind(path: &str) -> Option<&'static str> {
    let ending = Path::new(path).extension()?.to_str()?;
    KINDS.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
}

/// The path below this folder; `None` for one that would leave it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    (is_plain && !path.contains('\\')).then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_reached() {
        let folder = Path::new("/srv/ui");
        assert_eq!(inside(folder, "assets/a.js"), Some(PathBuf::from("/srv/ui/assets/a.js")));
        for path in ["../secret.txt", "/etc/hosts.txt", "a/../../b.txt", "a\\..\\b.txt"] {
            assert_eq!(inside(folder, path), None, "{path}");
        }
    }

    #[test]
    fn only_known_kinds_are_served() {
        assert_eq!(kind("assets/a.js"), Some("text/javascript; charset=utf-8"));
        for path in [".env", "a.js.map", "a", "a.pem"] {
            assert_eq!(kind(path), None, "{path}");
        }
    }

    #[tokio::test]
    async fn the_program_carries_an_index() {
        assert!(Files::Carried.read("index.html", &[]).await.is_some());
        assert!(Files::Carried.read("assets/none.js", &[]).await.is_none());
    }
}
