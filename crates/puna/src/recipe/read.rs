//! Reading a recipe: text to [`RecipeFile`], with the line and a suggestion when it does not fit.

use super::error::{Error, Result};
use super::expected::must_be;
use super::extends::{Extended, extended};
use super::file::RecipeFile;
use super::overrides;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A recipe that was read, and where it stands.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The recipe with its overrides.
    pub file: RecipeFile,
    /// Where it was read; relative paths inside start from its directory.
    pub path: PathBuf,
    /// Names of the recipes that it extends, the nearest first.
    pub bases: Vec<String>,
}

impl Recipe {
    /// Reads a recipe and applies overrides of the form `section.key=value`.
    pub fn read(path: &Path, set: &[String]) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.into(),
            source,
        })?;
        Self::parse(path, &text, set)
    }

    /// [`Recipe::read`] with the text at hand.
    pub fn parse(path: &Path, text: &str, set: &[String]) -> Result<Self> {
        let (file, bases) = match extended(path, text)? {
            Some(Extended { table, bases }) => {
                let file = RecipeFile::deserialize(table.clone());
                let file = file.map_err(|e| Error::Extended {
                    path: path.into(),
                    what: placed(&e),
                })?;
                (overrides::apply_all(table, file, set)?, bases)
            }
            None => {
                let file = overrides::parse(text, set, |line, what| Error::Syntax {
                    path: path.into(),
                    line,
                    what,
                })?;
                (file, Vec::new())
            }
        };
        Ok(Self {
            file,
            path: path.into(),
            bases,
        })
    }

    /// A path of the recipe, seen from here.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

/// A message about a table that has no lines any more, with the section.
fn placed(e: &toml::de::Error) -> String {
    let told = e.to_string();
    let section = told.lines().find_map(|line| line.strip_prefix("in `"));
    let section = section.map(|section| section.trim_end_matches('`'));
    match section {
        Some(section) => format!("[{section}]: {}", explain(e.message())),
        None => explain(e.message()),
    }
}

/// A parser's message as one line, with the nearest name added to an unknown one, and a value of the wrong
/// kind in words.
pub(super) fn explain(message: &str) -> String {
    let message = message.trim().replace('\n', ", ");
    if let Some(must_be) = must_be(&message) {
        return format!("the value {must_be}");
    }
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if !message.starts_with("unknown field") {
        return message;
    }
    let Some((wrong, known)) = names.split_first() else {
        return message;
    };
    let nearest = nearest(wrong, known);
    let known = known.join(", ");
    match nearest {
        Some(name) => {
            format!("unknown key `{wrong}`; did you mean `{name}`? (known here: {known})")
        }
        None => format!("unknown key `{wrong}`; known here: {known}"),
    }
}

/// The name that was probably meant.
fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known
        .iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), *name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.75).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const TINY: &str = r#"
schema_version = 1
name = "tiny"
[world]
[tokenizer]
vocab_size = 400
[model]
dim = 32
layers = 1
heads = 2
context = 64
[pretrain]
batch_tokens = 256
steps = 2
peak_lr = 1e-3
warmup_steps = 1
"#;

    fn error(text: &str, set: &[&str]) -> String {
        let set: Vec<String> = set.iter().map(|s| (*s).into()).collect();
        Recipe::parse(Path::new("r.toml"), text, &set)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
        let text = TINY.replace("peak_lr", "peek_lr");
        assert_eq!(
            error(&text, &[]).split(" (").next().unwrap(),
            "r.toml:15: unknown key `peek_lr`; did you mean `peak_lr`?"
        );
        assert!(error(&TINY.replace("[world]", "[wold]"), &[]).contains("did you mean `world`?"));
        assert!(
            error(&TINY.replace("steps = 2", "zzz = 2"), &[])
                .contains("unknown key `zzz`; known here")
        );
    }

    #[test]
    fn a_wrong_type_and_a_broken_line_are_named() {
        let message = error(&TINY.replace("dim = 32", "dim = \"wide\""), &[]);
        assert!(
            message.starts_with(
                "r.toml:8: the value must be a whole number of at least 0, not \"wide\""
            ),
            "{message}"
        );
        let message = error(&TINY.replace("[model]", "[model"), &[]);
        assert!(message.starts_with("r.toml:7: "), "{message}");
        let message = error(&TINY.replace("peak_lr = 1e-3\n", ""), &[]);
        assert!(message.contains("missing field `peak_lr`"), "{message}");
    }

    #[test]
    fn overrides_are_checked_like_the_file() {
        let read = |set: &str| Recipe::parse(Path::new("r.toml"), TINY, &[set.to_owned()]);
        assert_eq!(read("model.dim=64").unwrap().file.model.unwrap().dim, 64);
        assert_eq!(read("name=other").unwrap().file.name, "other");
        assert_eq!(
            read("pretrain.peak_lr=2")
                .unwrap()
                .file
                .pretrain
                .unwrap()
                .peak_lr,
            2.0
        );
        assert_eq!(
            read("sft.peak_lr=1e-4").unwrap().file.sft.unwrap().epochs,
            2
        );
        assert!(error(TINY, &["model.dims=3"]).contains("did you mean `dim`?"));
        for (set, told) in [
            (
                "model.dim=wide",
                "model.dim must be a whole number of at least 0, not \"wide\"",
            ),
            (
                "model.dim=-1",
                "model.dim must be a whole number of at least 0, not `-1`",
            ),
            (
                "pretrain.peak_lr=high",
                "pretrain.peak_lr must be a number, not \"high\"",
            ),
            ("model=3", "model must be a section of keys, not `3`"),
        ] {
            assert_eq!(error(TINY, &[set]), format!("--set {set}: {told}"));
        }
        assert!(error(TINY, &["model.dim"]).contains("section.key=value"));
        assert!(error(TINY, &["name.first=x"]).contains("`name` is not a section"));
    }
}
