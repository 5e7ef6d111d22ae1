//! Harden the process, then let the command line speak.

use std::process::ExitCode;

fn main() -> ExitCode {
    vault::sys::harden();
    vault::cli::main()
}
