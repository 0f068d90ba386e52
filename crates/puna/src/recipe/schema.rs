//! The JSON Schema of recipes, for editors; `recipes/schema.json` is this, and a test holds it so.

use super::file::RecipeFile;
use schemars::generate::SchemaSettings;
use serde_json::json;

/// The schema as indented JSON.
pub fn json_schema() -> String {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<RecipeFile>();
    let mut schema = schema.to_value();
    // A recipe that extends another may leave out what that one has.
    if let Some(required) = schema.get_mut("required").map(serde_json::Value::take) {
        schema["anyOf"] = json!([{"required": ["extends"]}, {"required": required}]);
        schema["required"] = json!(["schema_version", "name"]);
    }
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
