//! Overrides from the command line: `--set section.key=value`, checked like the file itself.

use super::error::{Error, Result};
use super::expected::must_be;
use super::read::explain;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Sets one key and reads the file again.
fn apply<T: DeserializeOwned>(table: &mut Table, set: &str) -> Result<T> {
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
    T::deserialize(table.clone()).map_err(|e| {
        let message = e.message().trim();
        fail(match must_be(message) {
            Some(must_be) => format!("{} {must_be}", key.trim()),
            None => explain(message),
        })
    })
}

/// Settings from the text of a TOML file and overrides; `syntax` makes an error of a line of the file and
/// what is wrong in it.
pub(super) fn parse<T: DeserializeOwned, E: From<Error>>(
    text: &str,
    set: &[String],
    syntax: impl Fn(usize, String) -> E,
) -> std::result::Result<T, E> {
    let explained = |e: toml::de::Error| syntax(line_of(text, &e), explain(e.message()));
    let settings = toml::from_str(text).map_err(explained)?;
    let table: Table = toml::from_str(text).map_err(explained)?;
    Ok(apply_all(table, settings, set)?)
}

/// The line that a parser's message is about, from 1.
pub(super) fn line_of(text: &str, e: &toml::de::Error) -> usize {
    let at = e.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.as_bytes()[..at].iter();
    before.filter(|&&b| b == b'\n').count() + 1
}

/// Sets the keys of all overrides in settings and the table that they were read from.
pub(super) fn apply_all<T: DeserializeOwned>(
    mut table: Table,
    mut settings: T,
    set: &[String],
) -> Result<T> {
    for set in set {
        settings = apply(&mut table, set)?;
    }
    Ok(settings)
}

/// Settings that are no recipe, read as recipes are.
pub fn with_overrides<T: DeserializeOwned>(text: &str, set: &[String]) -> anyhow::Result<T> {
    parse(text, set, |line, what| {
        anyhow::anyhow!("line {line}: {what}")
    })
}

/// The value as TOML has it; what is no TOML value is a string, so that paths need no quotes.
fn value_of(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()))
}
