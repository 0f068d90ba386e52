//! Encoding against the rule as SentencePiece states it, on vocabularies that no trainer would make.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::Id;
use crate::chat::{Message, Role, render_prompt, render_training};
use crate::tokenizer::Tokenizer;
use crate::vocab::{Kind, Piece, SPACE, Settings, Vocab, piece_of_byte};

/// A vocabulary of these pieces with these scores after the usual 259.
fn vocab(normal: &[(String, f32)], byte_fallback: bool, dummy_prefix: bool) -> Vocab {
    let piece = |text: &str, score, kind| Piece {
        text: text.into(),
        score,
        kind,
    };
    let mut pieces = vec![
        piece("<unk>", 0.0, Kind::Unknown),
        piece("<s>", 0.0, Kind::Control),
        piece("</s>", 0.0, Kind::Control),
    ];
    if byte_fallback {
        pieces.extend((0..=255).map(|byte| piece(&piece_of_byte(byte), 0.0, Kind::Byte)));
    }
    for (text, score) in normal {
        if !pieces.iter().any(|p| *p.text == **text) {
            pieces.push(piece(text, *score, Kind::Normal));
        }
    }
    Vocab::new(
        pieces,
        Settings {
            byte_fallback,
            dummy_prefix,
            ..Settings::default()
        },
    )
    .unwrap()
}

/// The rule, word for word: of all neighbours whose joined text is a piece, join the pair with the highest
/// score, the leftmost among equals; until there is none.
fn by_the_rule(vocab: &Vocab, text: &str) -> Vec<Id> {
    if text.is_empty() {
        return Vec::new();
    }
    let prefix = if vocab.dummy_prefix { " " } else { "" };
    let text = format!("{prefix}{text}").replace(' ', &SPACE.to_string());
    let mut symbols: Vec<String> = text.chars().map(String::from).collect();
    loop {
        let mut best: Option<(usize, f32)> = None;
        for at in 1..symbols.len() {
            if let Some(id) = vocab.normal(&format!("{}{}", symbols[at - 1], symbols[at])) {
                let score = vocab.pieces[id as usize].score;
                if best.is_none_or(|(_, most)| score > most) {
                    best = Some((at, score));
                }
            }
        }
        let Some((at, _)) = best else { break };
        let right = symbols.remove(at);
        symbols[at - 1].push_str(&right);
    }
    let mut ids = Vec::new();
    for symbol in symbols {
        match (vocab.normal(&symbol), &vocab.bytes) {
            (Some(id), _) => ids.push(id),
            (None, Some(bytes)) => ids.extend(symbol.bytes().map(|b| bytes[usize::from(b)])),
            (None, None) if ids.last() == Some(&vocab.unk) => {}
            (None, None) => ids.push(vocab.unk),
        }
    }
    ids
}

/// Text over few characters, so that pieces and texts meet: spaces in both spellings, two scripts, and
/// characters that vocabularies often lack.
fn text(chars: &'static [char], len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(prop::sample::select(chars), len).prop_map(|chars| chars.into_iter().collect())
}

const PIECE_CHARS: &[char] = &['a', 'a', 'b', SPACE, SPACE, 'é', '漢', '.'];
const TEXT_CHARS: &[char] = &[
    'a', 'a', 'b', ' ', ' ', SPACE, 'é', '漢', '.', 'x', '\n', '🚀',
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_vocabulary_follows_the_rule(
        pieces in vec((text(PIECE_CHARS, 1..5), (0i8..12).prop_map(f32::from)), 1..40),
        texts in vec(text(TEXT_CHARS, 0..30), 1..5),
        byte_fallback: bool,
        dummy_prefix: bool,
    ) {
        let vocab = vocab(&pieces, byte_fallback, dummy_prefix);
        let tokenizer = Tokenizer::from_vocab(vocab.clone());
        for text in &texts {
            prop_assert_eq!(tokenizer.encode(text), by_the_rule(&vocab, text), "{:?}", text);
        }
    }

    #[test]
    fn long_segments_follow_the_rule(
        pieces in vec((text(&['a', 'b'], 1..6), (0i8..9).prop_map(f32::from)), 1..40),
        text in text(&['a', 'b', 'b', 'c'], 40..200),
    ) {
        let vocab = vocab(&pieces, true, true);
        prop_assert_eq!(Tokenizer::from_vocab(vocab.clone()).encode(&text), by_the_rule(&vocab, &text));
    }

    #[test]
    fn prompts_are_prefixes_of_training_whatever_the_vocabulary(
        pieces in vec((text(&['[', 'I', 'N', ']', '/', SPACE, 'a'], 1..5), (0i8..9).prop_map(f32::from)), 1..60),
        contents in vec(text(&['a', ' ', ']', '[', '\n'], 0..8), 4),
    ) {
        let tokenizer = Tokenizer::from_vocab(vocab(&pieces, true, true));
        let roles = [Role::User, Role::Assistant, Role::User, Role::Assistant];
        let dialogue: Vec<_> = roles.into_iter().zip(&contents).map(|(r, c)| Message::new(r, c)).collect();
        let trained = render_training(&tokenizer, &dialogue).unwrap();
        prop_assert_eq!(trained.ids.len(), trained.loss_mask.len());
        for asked in [1, 3] {
            let prompt = render_prompt(&tokenizer, &dialogue[..asked]).unwrap();
            prop_assert!(trained.ids.starts_with(&prompt));
            // The answer begins where the prompt ends.
            prop_assert!(!trained.loss_mask[prompt.len() - 1] && trained.loss_mask[prompt.len()]);
        }
        prop_assert_eq!(trained.loss_mask.last(), Some(&true));
        prop_assert_eq!(trained.ids.last(), Some(&tokenizer.eos()));
    }
}

#[test]
fn a_word_of_a_megabyte_takes_no_quadratic_time() {
    let pieces: Vec<_> = [
        "\u{2581}", "a", "aa", "aaaa", "aaaaaaaa", "b", "ab", "ba", "aab",
    ]
    .iter()
    .enumerate()
    .map(|(rank, text)| (text.to_string(), -(rank as f32)))
    .collect();
    let tokenizer = Tokenizer::from_vocab(vocab(&pieces, true, true));
    let all_equal = "a".repeat(1 << 20);
    let ids = tokenizer.encode(&all_equal);
    assert!(ids.len() < (1 << 17) + 8, "{}", ids.len());
    assert_eq!(tokenizer.decode(&ids), all_equal);
    let mixed: String = (0..1u32 << 20)
        .map(|i| if i.wrapping_mul(i) % 7 < 4 { 'a' } else { 'b' })
        .collect();
    assert_eq!(tokenizer.decode(&tokenizer.encode(&mixed)), mixed);
}
