//! Preference data as files (paper section 3.2.1): their forms, what can be wrong with them, and real ones.

#![allow(clippy::unwrap_used)]

mod first;
mod forms;
mod problems;
mod properties;
mod real;

use puna_align::preferences::{
    Preference, Read, ReadPolicy, SafetyLabel, Stream, Strength, read_preferences,
};
use puna_text::chat::{Message, Role};

fn read_bytes(bytes: &[u8], policy: &ReadPolicy) -> puna_align::Result<Read> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.data");
    std::fs::write(&path, bytes).unwrap();
    read_preferences(&path, policy)
}

fn read(text: &str) -> Read {
    read_bytes(text.as_bytes(), &ReadPolicy::default()).unwrap()
}

fn user(text: &str) -> Message {
    Message::new(Role::User, text)
}

fn assistant(text: &str) -> Message {
    Message::new(Role::Assistant, text)
}

/// The dialogue's texts, the chosen answer and the rejected one.
fn texts(preference: &Preference) -> (Vec<&str>, &str, &str) {
    let dialogue = preference.dialogue.iter();
    (
        dialogue.map(|m| m.content.as_str()).collect(),
        &preference.chosen,
        &preference.rejected,
    )
}

fn full() -> Preference {
    let dialogue = vec![
        Message::new(Role::System, "Be brief."),
        user("hi"),
        assistant("hello"),
        user("why?\n\u{1f999}"),
    ];
    let mut preference = Preference::new(
        dialogue,
        "because",
        "no",
        Strength::SlightlyBetter,
        Stream::Safety,
    );
    preference.safety = Some(SafetyLabel::BothUnsafe);
    preference.annotator = Some("a-7".into());
    preference.batch = Some(3);
    preference.models = Some(["v2".into(), "v1".into()]);
    preference.temperatures = Some([0.7, 1.1]);
    preference
}
