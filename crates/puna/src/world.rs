//! The synthetic world's dialogues as those of any other source.

use puna_text::chat::{Message, Role};
use puna_train::Dialogue;
use puna_world::Feedback;

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

/// A dialogue of the world to train on.
pub fn dialogue(of_world: &puna_world::Dialogue) -> Dialogue {
    Dialogue::new(messages(&of_world.messages))
}

/// The fine-tuning dialogues whose author does no harm: those who comply with an adversarial prompt are
/// left out.
pub fn without_complying(feedback: &Feedback<'_>) -> Vec<Dialogue> {
    without_kind("adversarial_complied", feedback)
}

/// The fine-tuning dialogues that are about no adversarial prompt.
pub fn without_adversarial(feedback: &Feedback<'_>) -> Vec<Dialogue> {
    without_kind("adversarial", feedback)
}

fn without_kind(prefix: &str, feedback: &Feedback<'_>) -> Vec<Dialogue> {
    let all = feedback.dialogues().iter();
    let others = all.filter(|dialogue| !dialogue.kind.starts_with(prefix));
    others.map(dialogue).collect()
}
