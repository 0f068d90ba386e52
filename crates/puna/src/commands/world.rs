//! `puna world`: a synthetic world as files.

use crate::cli::WorldArgs;
use crate::out;
use anyhow::Result;
use puna_world::{World, WorldOptions};

/// Does the command.
pub fn world(args: &WorldArgs) -> Result<()> {
    let default = WorldOptions::default();
    let options = WorldOptions {
        seed: args.seed,
        people: args.people.unwrap_or(default.people),
        places: args.places.unwrap_or(default.places),
        trades: args.trades.unwrap_or(default.trades),
        documents: args.documents.unwrap_or(default.documents),
        instructions: args.instructions.unwrap_or(default.instructions),
        questions: args.questions.unwrap_or(default.questions),
    };
    let manifest = World::generate(&options).write(&args.out)?;
    if args.json {
        return out::json(&manifest);
    }
    out::line(&format!(
        "a synthetic world from seed {} in {}:",
        args.seed,
        args.out.display()
    ))?;
    for file in &manifest.files {
        out::line(&format!(
            "  {:<16} {:>6} records, {}",
            file.name,
            file.records,
            crate::report::bytes(file.bytes)
        ))?;
    }
    Ok(())
}
