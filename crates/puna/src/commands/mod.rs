//! One file per command.

mod bench;
mod chat;
mod contamination;
mod corpus;
mod generate;
mod import;
mod inspect;
mod plan;
mod run;
mod score;
mod tokenizer;
mod verify;
mod world;

use crate::cli::Command;
use anyhow::Result;

/// Does what the command line says.
pub fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Pretrain(args) => run::stage(&args, "pretrain"),
        Command::Sft(args) => run::stage(&args, "sft"),
        Command::Reward(args) => run::stage(&args, "reward"),
        Command::Align(args) => run::stage(&args, "align"),
        Command::Distill(args) => run::stage(&args, "distill"),
        Command::Tokenizer(command) => tokenizer::tokenizer(&command),
        Command::Generate(args) => generate::generate(&args),
        Command::Score(args) => score::score(&args),
        Command::Chat(args) => chat::chat(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Bench(command) => bench::bench(&command),
        Command::Verify(args) => verify::verify(&args),
        Command::Corpus(args) => corpus::corpus(&args),
        Command::Contamination(args) => contamination::contamination(&args),
        Command::World(args) => world::world(&args),
        Command::Import(args) => import::import(&args),
    }
}
