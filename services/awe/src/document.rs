//! Reads documents that people write in files: YAML or, by the name of the file, JSON. It finds every fault at once, each
//! with its line and column.

pub(crate) mod fit;
mod flaw;
mod tree;

pub(crate) use flaw::{Flaw, Flawed, Position, printable};

use flaw::MOST_FLAWS;
use schemas::api::{Location, dotted};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use tree::Tree;

/// Bytes of the largest file that is read.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("cannot be read")]
    Io(#[from] io::Error),
    #[error("is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("is not UTF-8: byte {byte:#04x} at line {line}, column {column}; save it as UTF-8")]
    NotUtf8 { byte: u8, line: usize, column: usize },
    #[error("is UTF-16: save it as UTF-8")]
    Utf16,
}

/// A file that was read, with everything that is wrong with it.
#[derive(Debug)]
pub(crate) struct Document<T> {
    /// The content. In a document with flaws, made-up values stand in for what is wrong; `None` when none would fit.
    pub(crate) content: Option<T>,
    /// In the order of the lines.
    pub(crate) flaws: Vec<Flaw>,
    /// The paths to the flaws: the content there is not what its author meant.
    flawed: Vec<Vec<Location>>,
    tree: Option<Tree>,
}

impl<T> Document<T> {
    /// The position of a value or, where there is none, of the nearest value around it.
    pub(crate) fn place(&self, way: &[Location]) -> Position {
        self.tree.as_ref().map_or(Position::START, |tree| tree.place(way))
    }

    /// Whether there is a flaw at this path, within it or around it.
    pub(crate) fn is_flawed(&self, way: &[Location]) -> bool {
        is_flawed(&self.flawed, way)
    }

    fn broken(mut flaw: Flaw) -> Self {
        flaw.message = printable(&flaw.message);
        Self { content: None, flaws: vec![flaw], flawed: vec![Vec::new()], tree: None }
    }
}

impl<T> Document<T> {
    /// The content of a document without flaws.
    ///
    /// # Errors
    /// Every flaw of the document.
    pub(crate) fn sound(self, file: &Path) -> Result<T, Flawed> {
        match self.content {
            Some(content) if self.flaws.is_empty() => Ok(content),
            _ => Err(Flawed::new(file, &self.flaws)),
        }
    }
}

/// Whether one of these flaws is at this path, within it or around it.
pub(crate) fn is_flawed(flaws: &[Vec<Location>], way: &[Location]) -> bool {
    flaws.iter().any(|flaw| flaw.starts_with(way) || way.starts_with(flaw))
}

/// Reads a file.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Result<Document<T>, Unreadable> {
    let text = text_of(file)?;
    let json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    Ok(understand(&text, json))
}

fn text_of(file: &Path) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    // Bounded while reading, because a file may grow and some never end.
    File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Unreadable::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = String::from_utf8_lossy(&bytes[..valid]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Unreadable::NotUtf8 { byte: bytes[valid], line, column }
    })
}

fn understand<T: DeserializeOwned>(text: &str, json: bool) -> Document<T> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = if json { check_json(text).and_then(|()| Tree::read(text)) } else { Tree::read(text) };
    let (tree, value, mut flaws) = match read {
        Ok(read) => read,
        Err(flaw) => return Document::broken(flaw),
    };
    let mut flawed: Vec<Vec<Location>> = flaws.iter().map(|(way, _)| way.clone()).collect();
    let (content, misfits) = fit::fit(value, fit::MOST_READINGS);
    for misfit in misfits {
        flawed.push(misfit.loc.clone());
        flaws.push((
            misfit.loc.clone(),
            Flaw { at: tree.place(&misfit.loc), message: told(&misfit.loc, &misfit.msg) },
        ));
    }
    let mut flaws: Vec<Flaw> = flaws.into_iter().map(|(_, flaw)| flaw).collect();
    flaws.sort_by_key(|flaw| flaw.at);
    if flaws.len() > MOST_FLAWS {
        flaws.truncate(MOST_FLAWS);
        let at = flaws.last().map_or(tree.place(&[]), |last| last.at);
        flaws.push(Flaw { at, message: format!("and more: {MOST_FLAWS} faults are told at once") });
    }
    for flaw in &mut flaws {
        flaw.message = printable(&flaw.message);
    }
    Document { content, flaws, flawed, tree: Some(tree) }
}

fn check_json(text: &str) -> Result<(), Flaw> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
        let at = Position { line: error.line() as u64, column: error.column() as u64 };
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Flaw { at, message: format!("is no JSON: {message}") }
    })?;
    Ok(())
}

/// The message with the path to the flaw before it, for readers who look for names rather than lines.
fn told(way: &[Location], message: &str) -> String {
    let path = dotted(way);
    if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
}

#[cfg(test)]
mod tests;
