//! `puna world`: a synthetic world as files.

use crate::cli::WorldArgs;
use crate::out;
use anyhow::Result;
use puna_world::{CrawlManifest, CrawlOptions, World, WorldOptions};

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
    let world = World::generate(&options);
    let manifest = world.write(&args.out)?;
    let crawl = crawl(&world, args)?;
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
    if let Some(crawl) = crawl {
        out::line(&format!(
            "a crawl of {} pages, in {}:",
            crawl.pages,
            args.out.join("crawl").display()
        ))?;
        for file in crawl.warc.iter().map(|warc| &warc.file).chain(&crawl.truth) {
            out::line(&format!(
                "  {:<20} {:>6} records, {}",
                file.name,
                file.records,
                crate::report::bytes(file.bytes)
            ))?;
        }
    }
    Ok(())
}

/// Writes the crawl, if one is wanted.
fn crawl(world: &World, args: &WorldArgs) -> Result<Option<CrawlManifest>> {
    let mut options = CrawlOptions::default();
    if let Some(files) = args.crawl_files {
        options.files = files;
    }
    match args.crawl_pages {
        Some(0) => return Ok(None),
        Some(pages) => options = options.with_pages(pages),
        None => {}
    }
    let crawl = world.crawl(&options).write(&args.out.join("crawl"))?;
    Ok(Some(crawl))
}
