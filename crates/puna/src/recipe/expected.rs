//! A value of the wrong kind, in the words of whoever writes a recipe: a parser names types of this program.

/// What a parser's message about a value of the wrong kind comes to, such as `must be a number, not "abc"`;
/// nothing if the message is about something else.
pub fn must_be(message: &str) -> Option<String> {
    let told = ["invalid type: ", "invalid value: "];
    let told = told.iter().find_map(|kind| message.strip_prefix(kind))?;
    // A text that was found may say anything; what is expected comes last.
    let (found, expected) = told.rsplit_once(", expected ")?;
    let kinds = ["string ", "integer ", "floating point ", "boolean "];
    let found = kinds
        .iter()
        .find_map(|kind| found.strip_prefix(kind))
        .unwrap_or(found);
    Some(format!("must be {}, not {found}", in_words(expected)))
}

fn in_words(expected: &str) -> String {
    let most: u64 = match expected {
        "usize" | "u64" => return "a whole number of at least 0".into(),
        "isize" | "i64" => return "a whole number".into(),
        "f32" | "f64" => return "a number".into(),
        "a boolean" => return "true or false".into(),
        "a string" => return "text".into(),
        "a sequence" => return "a list".into(),
        "a map" => return "a section of keys".into(),
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        _ if expected.starts_with("struct ") => return "a section of keys".into(),
        _ => return expected.into(),
    };
    format!("a whole number from 0 to {most}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_in_words() {
        for (message, told) in [
            (
                "invalid type: string \"abc, expected x\", expected f32",
                "must be a number, not \"abc, expected x\"",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "must be a whole number of at least 0, not `-1`",
            ),
            (
                "invalid value: integer `300`, expected u8",
                "must be a whole number from 0 to 255, not `300`",
            ),
            (
                "invalid type: map, expected a boolean",
                "must be true or false, not map",
            ),
            (
                "invalid type: integer `3`, expected struct ModelSection",
                "must be a section of keys, not `3`",
            ),
            (
                "invalid type: integer `3`, expected a date",
                "must be a date, not `3`",
            ),
        ] {
            assert_eq!(must_be(message).as_deref(), Some(told));
        }
        assert_eq!(must_be("missing field `peak_lr`"), None);
    }
}
