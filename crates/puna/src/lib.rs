//! Puna's command line, its recipes and its runs.

mod calibrate;
pub mod cli;
pub mod commands;
mod corpus;
pub mod error;
mod forecast;
mod machine;
mod model_file;
mod out;
pub mod recipe;
pub mod report;
pub mod run;
mod world;

use std::process::ExitCode;

/// Parses the command line, does what it says and turns errors into one paragraph.
pub fn main() -> ExitCode {
    let cli = cli::Cli::read();
    let done = puna_compute::Isa::chosen()
        .map_err(anyhow::Error::from)
        .and_then(|_| commands::dispatch(cli.command));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // As a program ends that the system stops because its reader is gone.
        Err(error) if error::is_broken_pipe(&error) => ExitCode::from(141),
        Err(error) => {
            eprintln!("error: {}", error::flatten(&error));
            ExitCode::FAILURE
        }
    }
}
