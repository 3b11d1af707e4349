//! Writes the program's own output, apart from logs.

use std::io::{self, Write as _};

/// Writes a line to standard output. A reader that has gone away (`| head`) is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line to standard error.
pub(super) fn complain(text: &str) {
    // When this fails there is no other place to report it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
