//! Writes the crawl of a world: `cargo run --release -p puna-world --example crawl -- DIR [pages]`.
//! All of it is synthetic.

use std::path::Path;

use puna_world::{CrawlOptions, World, WorldError, WorldOptions};

fn main() -> Result<(), WorldError> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap_or_else(|| "crawl".into());
    let mut options = CrawlOptions::default();
    if let Some(pages) = arguments.next().and_then(|s| s.parse().ok()) {
        options = options.with_pages(pages);
    }
    let world = World::generate(&WorldOptions::default());
    let manifest = world.crawl(&options).write(Path::new(&dir))?;
    let warc = manifest.warc.iter().map(|file| &file.file);
    for file in warc.chain(&manifest.truth) {
        println!(
            "{} {} records, {} bytes",
            file.name, file.records, file.bytes
        );
    }
    println!("{} pages", manifest.pages);
    Ok(())
}
