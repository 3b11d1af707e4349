//! `awe-data-custodian`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    data_custodian::cli::main()
}
