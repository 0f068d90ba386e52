//! The recipes of the repository and their schema.

use crate::common::{ok, root};
use std::fs;

#[test]
fn the_schema_is_the_code_s() {
    let path = root().join("recipes/schema.json");
    let generated = puna::recipe::json_schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "recipes/schema.json has drifted; set UPDATE_SCHEMA=1 and run this test again to write it"
    );
}

#[test]
fn every_key_is_described() {
    let schema: serde_json::Value = serde_json::from_str(&puna::recipe::json_schema()).unwrap();
    let definitions = schema["$defs"]
        .as_object()
        .unwrap()
        .values()
        .chain([&schema]);
    for definition in definitions {
        for (key, value) in definition["properties"].as_object().into_iter().flatten() {
            assert!(value["description"].is_string(), "{key} is not documented");
        }
    }
}

#[test]
fn every_recipe_can_be_inspected() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("recipes")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let told = ok(["inspect".as_ref(), path.as_os_str(), "--json".as_ref()]);
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert_eq!(told["name"].as_str(), path.file_stem().unwrap().to_str());
            count += 1;
        }
    }
    assert!(count >= 6);
}
