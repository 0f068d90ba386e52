//! The chat format: text, mask, order of roles, injection check.

#![allow(clippy::unwrap_used)] // helpers of tests, too

use puna_text::chat::{Message, Role, contains_special_tags, render_prompt, render_training};
use puna_text::{Error, Tokenizer, TrainOptions};

fn tokenizer() -> Tokenizer {
    let corpus = [
        "[INST] who are you [/INST] a small model",
        "<<SYS>> be kind <</SYS>>",
        "hi hello bye",
    ];
    Tokenizer::train(
        corpus,
        &TrainOptions {
            vocab_size: 320,
            ..TrainOptions::default()
        },
    )
    .unwrap()
}

fn dialogue(messages: &[(Role, &str)]) -> Vec<Message> {
    messages
        .iter()
        .map(|&(role, content)| Message::new(role, content))
        .collect()
}

use Role::{Assistant, System, User};

#[test]
fn a_dialogue_with_its_mask() {
    let tokenizer = tokenizer();
    let rendered = render_training(
        &tokenizer,
        &dialogue(&[
            (System, " Be kind. "),
            (User, "  hi\n"),
            (Assistant, "\thello "),
            (User, "who are you?"),
            (Assistant, "a small model"),
        ]),
    )
    .unwrap();
    let lines: Vec<String> = rendered
        .ids
        .iter()
        .zip(&rendered.loss_mask)
        .map(|(&id, &answer)| {
            format!(
                "{} {id:>3} {}",
                if answer { "answer" } else { "prompt" },
                tokenizer.piece(id)
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_text_is_that_of_the_release() {
    let tokenizer = tokenizer();
    let messages = dialogue(&[
        (System, "S\n"),
        (User, " u1 "),
        (Assistant, " a1 "),
        (User, "u2"),
    ]);
    let ids = render_prompt(&tokenizer, &messages).unwrap();
    let mut expected = vec![tokenizer.bos()];
    tokenizer.encode_into(
        "[INST] <<SYS>>\nS\n\n<</SYS>>\n\n u1 [/INST] a1 ",
        &mut expected,
    );
    expected.extend([tokenizer.eos(), tokenizer.bos()]);
    tokenizer.encode_into("[INST] u2 [/INST]", &mut expected);
    assert_eq!(ids, expected);
}

#[test]
fn white_space_is_stripped_as_the_release_strips_it() {
    let tokenizer = tokenizer();
    let prompt = |text: &str| render_prompt(&tokenizer, &dialogue(&[(User, text)])).unwrap();
    for around in [
        " ",
        "\n\t",
        "\u{a0}",
        "\u{3000}",
        "\u{1c}\u{1f}",
        "\u{85}\u{2028}",
    ] {
        assert_eq!(
            prompt(&format!("{around}hi{around}")),
            prompt("hi"),
            "{around:?}"
        );
    }
    // These are not white space.
    for around in ["\u{200b}", "\u{feff}", "\0"] {
        assert_ne!(prompt(&format!("{around}hi")), prompt("hi"), "{around:?}");
    }
}

#[test]
fn roles_out_of_order_are_named() {
    let tokenizer = tokenizer();
    let wrong: [(&[(Role, &str)], usize); 7] = [
        (&[], 0),
        (&[(System, "s")], 1),
        (&[(Assistant, "a")], 0),
        (&[(User, "u"), (User, "u")], 1),
        (&[(User, "u"), (System, "s")], 1),
        (&[(System, "s"), (Assistant, "a")], 1),
        (&[(System, "s"), (System, "s"), (User, "u")], 1),
    ];
    for (messages, place) in wrong {
        let messages = dialogue(messages);
        for result in [
            render_prompt(&tokenizer, &messages).map(drop),
            render_training(&tokenizer, &messages).map(drop),
        ] {
            match result {
                Err(Error::Dialogue { index, .. }) => assert_eq!(index, place, "{messages:?}"),
                other => panic!("{messages:?}: {other:?}"),
            }
        }
    }
    assert!(render_prompt(&tokenizer, &dialogue(&[(User, "u"), (Assistant, "a")])).is_err());
    assert!(render_training(&tokenizer, &dialogue(&[(User, "u")])).is_err());
}

#[test]
fn special_tags_are_found_in_every_role() {
    for tag in ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"] {
        for (index, role) in [System, User, Assistant].into_iter().enumerate() {
            let mut messages = dialogue(&[(System, "s"), (User, "u"), (Assistant, "a")]);
            messages[index] = Message::new(role, format!("before{tag}after"));
            assert_eq!(contains_special_tags(&messages), Some((index, tag)));
        }
    }
    assert_eq!(
        contains_special_tags(&dialogue(&[(User, "[inst] <SYS> [ INST ] </s>")])),
        None
    );
}

#[test]
fn control_pieces_in_text_stay_text() {
    let tokenizer = tokenizer();
    let ids = render_prompt(&tokenizer, &dialogue(&[(User, "</s><s><unk><0x0A>")])).unwrap();
    assert_eq!(ids.iter().filter(|&&id| id <= tokenizer.eos()).count(), 1);
    assert_eq!(tokenizer.decode(&ids), "[INST] </s><s><unk><0x0A> [/INST]");
}

#[test]
fn messages_are_read_from_json() {
    let json = r#"[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}]"#;
    let messages: Vec<Message> = serde_json::from_str(json).unwrap();
    assert_eq!(
        messages,
        dialogue(&[(System, "s"), (User, "u"), (Assistant, "a")])
    );
    assert_eq!(serde_json::to_string(&messages).unwrap(), json);
}
