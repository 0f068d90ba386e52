//! Overrides from the command line: `--set section.key=value`, checked like the file itself.

use super::error::{Error, Result};
use super::file::RecipeFile;
use super::read::explain;
use serde::Deserialize;
use toml::{Table, Value};

/// Sets one key and reads the recipe again.
pub(super) fn apply(table: &mut Table, set: &str) -> Result<RecipeFile> {
    let fail = |what: String| Error::Override {
        set: set.into(),
        what,
    };
    let Some((key, value)) = set.split_once('=') else {
        return Err(fail(
            "an override is section.key=value, such as pretrain.steps=100".into(),
        ));
    };
    let mut path: Vec<&str> = key.trim().split('.').collect();
    let last = path.pop().unwrap_or_default();
    let mut at = &mut *table;
    for name in path {
        let section = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
        at = section.as_table_mut().ok_or_else(|| {
            fail(format!(
                "`{name}` is not a section, so it has no keys of its own"
            ))
        })?;
    }
    at.insert(last.into(), value_of(value.trim()));
    RecipeFile::deserialize(table.clone()).map_err(|e| fail(explain(e.message())))
}

/// The value as TOML has it; what is no TOML value is a string, so that paths need no quotes.
fn value_of(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()))
}
