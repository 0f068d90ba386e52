//! The JSON Schema of recipes, for editors; `recipes/schema.json` is this, and a test holds it so.

use super::file::RecipeFile;
use schemars::generate::SchemaSettings;

/// The schema as indented JSON.
pub fn json_schema() -> String {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<RecipeFile>();
    let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
    text.push('\n');
    text
}
