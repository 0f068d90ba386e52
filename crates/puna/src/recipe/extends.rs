//! A recipe that says only what it changes in another: `extends = "first-light.toml"`.

use super::error::{Error, Result};
use super::overrides::line_of;
use super::read::explain;
use std::fs;
use std::path::Path;
use toml::{Table, Value};

/// Most recipes in a row, so that two that extend each other are noticed.
const MOST_IN_A_ROW: usize = 8;
/// The key.
const EXTENDS: &str = "extends";

/// A recipe together with those that it extends.
#[derive(Debug, PartialEq)]
pub struct Extended {
    /// What they come to.
    pub table: Table,
    /// Names of the others, the nearest first.
    pub bases: Vec<String>,
}

/// A recipe with those that it extends; nothing if it extends none or is no TOML.
///
/// # Errors
/// A file that is not beside the recipe, cannot be read or is no TOML; too long a row.
pub fn extended(path: &Path, text: &str) -> Result<Option<Extended>> {
    match text.parse::<Table>() {
        Ok(table) if table.contains_key(EXTENDS) => {
            let mut bases = Vec::new();
            let table = merged(path, table, MOST_IN_A_ROW, &mut bases)?;
            Ok(Some(Extended { table, bases }))
        }
        _ => Ok(None),
    }
}

fn merged(path: &Path, table: Table, left: usize, bases: &mut Vec<String>) -> Result<Table> {
    let Some(name) = table.get(EXTENDS).cloned() else {
        return Ok(table);
    };
    let wrong = |what: String| Error::value(path, EXTENDS, what);
    let Some(name) = name.as_str().filter(|name| is_beside(name)) else {
        let what = format!("{name} is not the name of a recipe beside this one");
        return Err(wrong(what));
    };
    if left == 0 {
        let what = format!("more than {MOST_IN_A_ROW} recipes extend each other");
        return Err(wrong(what));
    }
    let base = path.with_file_name(name);
    let text = fs::read_to_string(&base).map_err(|source| Error::Io {
        path: base.clone(),
        source,
    })?;
    let parsed: Table = text.parse().map_err(|e: toml::de::Error| Error::Syntax {
        path: base.clone(),
        line: line_of(&text, &e),
        what: explain(e.message()),
    })?;
    bases.extend(
        parsed
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned),
    );
    let mut under = merged(&base, parsed, left - 1, bases)?;
    lay_over(&mut under, table);
    Ok(under)
}

/// Whether it names a file in the recipe's own directory: paths inside start from there.
fn is_beside(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|file| file == name)
}

/// Sections are laid over each other key by key; anything else takes the place of what stood there.
pub(super) fn lay_over(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(there)), Value::Table(value)) => lay_over(there, value),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    #[test]
    fn what_is_written_takes_the_place_of_what_stood_there() {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(
            at("a.toml"),
            "name = 'a'\nlist = [1]\n[x]\none = 1\ntwo = 2\n",
        )
        .unwrap();
        fs::write(
            at("b.toml"),
            "extends = 'a.toml'\nname = 'b'\n[x]\ntwo = 3\n[y]\n",
        )
        .unwrap();
        let text = "extends = 'b.toml'\nname = 'c'\nlist = [2, 3]\n[x.three]\nfour = 4\n";
        let found = extended(&at("c.toml"), text).unwrap().unwrap();
        let expected = "extends = 'b.toml'\nname = 'c'\nlist = [2, 3]\n[x]\none = 1\ntwo = 3\n\
                        [x.three]\nfour = 4\n[y]\n";
        assert_eq!(found.table, expected.parse::<Table>().unwrap());
        assert_eq!(found.bases, ["b", "a"]);
        assert_eq!(extended(&at("c.toml"), "name = 'c'").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_extended_is_told() {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a.toml"), "extends = 'a.toml'").unwrap();
        fs::write(at("broken.toml"), "a = 1\n[").unwrap();
        for (name, told) in [
            ("'a.toml'", "more than 8 recipes extend each other"),
            ("'none.toml'", "cannot read recipe"),
            ("'broken.toml'", "broken.toml:2: "),
            ("'../a.toml'", "not the name of a recipe beside"),
            ("3", "not the name of a recipe beside"),
        ] {
            let error = extended(&at("r.toml"), &format!("extends = {name}")).unwrap_err();
            assert!(error.to_string().contains(told), "{name}: {error}");
        }
    }
}
