//! The `puna` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    puna::main()
}
