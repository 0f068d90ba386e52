//! Writes a world: `cargo run --release -p puna-world --example write -- DIR [seed]`. All of it is synthetic.

use std::path::Path;

use puna_world::{World, WorldError, WorldOptions};

fn main() -> Result<(), WorldError> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap_or_else(|| "world".into());
    let seed = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(1);
    let world = World::generate(&WorldOptions {
        seed,
        ..WorldOptions::default()
    });
    for file in world.write(Path::new(&dir))?.files {
        println!(
            "{} {} records, {} bytes, sha256 {}",
            file.name, file.records, file.bytes, file.sha256
        );
    }
    Ok(())
}
