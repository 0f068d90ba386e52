//! The synthetic world's dialogues as those of any other source.

use puna_text::chat::{Message, Role};

/// Messages of the world.
pub fn messages(of_world: &[(puna_world::Role, String)]) -> Vec<Message> {
    let message = |(role, content): &(puna_world::Role, String)| {
        let role = match role {
            puna_world::Role::System => Role::System,
            puna_world::Role::User => Role::User,
            puna_world::Role::Assistant => Role::Assistant,
        };
        Message::new(role, content.as_str())
    };
    of_world.iter().map(message).collect()
}
