//! What the program says, apart from logs.

use std::io::{self, Write as _};

/// To standard output. A reader that has gone away is no fault of ours.
pub(super) fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// To standard error.
pub(super) fn complain(text: &str) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
