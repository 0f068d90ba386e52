//! `tokenizer.json` of the Hugging Face `tokenizers` library, as Llama 2's conversion writes it.

use std::collections::BTreeMap;
use std::path::Path;

use rustc_hash::FxHashMap;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::merges::merge_list;
use crate::vocab::{Kind, Merge, Piece, SPACE, Settings, Vocab, byte_of_piece};
use crate::{Error, Id, Result};

/// The file, of which the parts that decide the ids are read.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    model: Model,
}

#[derive(Deserialize)]
struct AddedToken {
    id: Id,
    content: String,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    dropout: Option<f32>,
    unk_token: Option<String>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    vocab: BTreeMap<String, Id>,
    merges: Vec<Pair>,
}

/// A merge, in the older and the newer spelling.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Joined(String),
    Apart(String, String),
}

impl Pair {
    fn parts(&self) -> Option<(&str, &str)> {
        match self {
            Self::Joined(text) => text.split_once(' '),
            Self::Apart(left, right) => Some((left, right)),
        }
    }
}

/// The normaliser that does what SentencePiece's identity normaliser with a dummy prefix does.
fn normalizer(dummy_prefix: bool) -> Value {
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    let mut steps = vec![replace];
    if dummy_prefix {
        steps.insert(0, json!({"type": "Prepend", "prepend": SPACE}));
    }
    json!({"type": "Sequence", "normalizers": steps})
}

/// Reads the bytes of a `tokenizer.json`.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vocab> {
    let corrupt = |what: String| Error::Corrupt {
        path: path.into(),
        format: "tokenizer.json",
        what,
    };
    let file: File = serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
    let model = &file.model;
    let dummy_prefix = file.normalizer == normalizer(true);
    let foreign = [
        (
            model.kind.as_deref().is_some_and(|kind| kind != "BPE"),
            "a model that is not BPE",
        ),
        (model.dropout.is_some_and(|p| p != 0.0), "dropout of merges"),
        (
            model.ignore_merges,
            "whole words without merges (ignore_merges)",
        ),
        (
            model
                .continuing_subword_prefix
                .as_deref()
                .is_some_and(|s| !s.is_empty()),
            "a subword prefix",
        ),
        (
            model
                .end_of_word_suffix
                .as_deref()
                .is_some_and(|s| !s.is_empty()),
            "an end-of-word suffix",
        ),
        (
            !dummy_prefix && file.normalizer != normalizer(false),
            "another normaliser than Llama 2's",
        ),
        (!file.pre_tokenizer.is_null(), "a pre-tokenizer"),
        (
            file.added_tokens.iter().any(|t| !t.special),
            "added tokens that are not special",
        ),
    ];
    if let Some((_, feature)) = foreign.into_iter().find(|(on, _)| *on) {
        let hint = "load the tokenizer.model it was converted from";
        return Err(Error::Unsupported {
            path: path.into(),
            feature: (*feature).into(),
            hint,
        });
    }
    let (pieces, settings) = pieces(&file, dummy_prefix).map_err(corrupt)?;
    let mut vocab = Vocab::new(pieces, settings).map_err(corrupt)?;
    let merges = merges(&vocab, &model.merges).map_err(corrupt)?;
    score(&mut vocab, &merges);
    if merge_list(&vocab) != merges {
        vocab.explicit_merges = Some(merges);
    }
    Ok(vocab)
}

/// Pieces in the order of ids, without scores.
fn pieces(file: &File, dummy_prefix: bool) -> Result<(Vec<Piece>, Settings), String> {
    let model = &file.model;
    let unk = model
        .unk_token
        .as_deref()
        .ok_or("model.unk_token is missing")?;
    let mut by_id: BTreeMap<Id, &str> = BTreeMap::new();
    let added = file.added_tokens.iter().map(|t| (t.content.as_str(), t.id));
    for (text, id) in model
        .vocab
        .iter()
        .map(|(text, &id)| (text.as_str(), id))
        .chain(added)
    {
        if let Some(other) = by_id.insert(id, text).filter(|&other| other != text) {
            return Err(format!("{other:?} and {text:?} both have the id {id}"));
        }
    }
    let special = |text: &str| file.added_tokens.iter().any(|t| t.content == text);
    let mut pieces = Vec::with_capacity(by_id.len());
    for (expected, (id, text)) in (0..).zip(by_id) {
        if id != expected {
            return Err(format!("no piece has the id {expected}"));
        }
        let kind = match text {
            _ if text == unk => Kind::Unknown,
            _ if special(text) => Kind::Control,
            _ if model.byte_fallback && byte_of_piece(text).is_some() => Kind::Byte,
            _ => Kind::Normal,
        };
        pieces.push(Piece {
            text: text.into(),
            score: 0.0,
            kind,
        });
    }
    let find = |text: &str| {
        let at = pieces.iter().position(|p| &*p.text == text);
        at.map(|at| at as Id)
            .ok_or_else(|| format!("there is no {text:?} piece"))
    };
    let (bos, eos) = (find("<s>")?, find("</s>")?);
    Ok((
        pieces,
        Settings {
            bos,
            eos,
            byte_fallback: model.byte_fallback,
            dummy_prefix,
            ..Settings::default()
        },
    ))
}

fn merges(vocab: &Vocab, pairs: &[Pair]) -> Result<Vec<Merge>, String> {
    let mut merges = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let (left, right) = pair
            .parts()
            .ok_or_else(|| format!("merge {index} is not two pieces"))?;
        let find = |text: &str| {
            vocab.normal(text).ok_or_else(|| {
                format!("merge {index} needs the piece {text:?}, which is not there")
            })
        };
        let result = find(&format!("{left}{right}"))?;
        merges.push(Merge {
            left: find(left)?,
            right: find(right)?,
            result,
        });
    }
    Ok(merges)
}

/// Gives scores that put pieces in the order of the merges that make them: for a vocabulary that
/// [`write`] wrote, the scores it was trained with.
///
/// Pieces whose merges lie between each other's in the list had equal scores, as the conversion sorts by
/// score first; they get one score again.
fn score(vocab: &mut Vocab, merges: &[Merge]) {
    let mut last: FxHashMap<Id, usize> = FxHashMap::default();
    for (at, merge) in merges.iter().enumerate() {
        last.insert(merge.result, at);
    }
    let mut rank = 0u32;
    let mut until = 0;
    let mut ranks: FxHashMap<Id, u32> = FxHashMap::default();
    for (at, merge) in merges.iter().enumerate() {
        if at > until {
            // As ranks count pieces, classes of equal scores leave gaps.
            rank = ranks.len() as u32;
        }
        ranks.entry(merge.result).or_insert(rank);
        until = until.max(last[&merge.result]);
    }
    let mut next = ranks.len() as u32;
    for (id, piece) in (0..)
        .zip(&mut vocab.pieces)
        .filter(|(_, p)| p.kind == Kind::Normal)
    {
        let rank = ranks.get(&id).copied().unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        piece.score = -(rank as f32);
    }
}

/// The vocabulary as a JSON object in the order of ids.
struct VocabMap<'a>(&'a Vocab);

impl Serialize for VocabMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.pieces.len()))?;
        for (id, piece) in self.0.pieces.iter().enumerate() {
            map.serialize_entry(&piece.text, &id)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Output<'a> {
    version: &'static str,
    truncation: Option<()>,
    padding: Option<()>,
    added_tokens: Value,
    normalizer: Value,
    pre_tokenizer: Option<()>,
    post_processor: Value,
    decoder: Value,
    model: OutputModel<'a>,
}

#[derive(Serialize)]
struct OutputModel<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dropout: Option<f32>,
    unk_token: &'a str,
    continuing_subword_prefix: Option<()>,
    end_of_word_suffix: Option<()>,
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    vocab: VocabMap<'a>,
    merges: Vec<String>,
}

/// The control and unknown pieces as that library's added tokens.
pub(super) fn added_tokens(vocab: &Vocab) -> impl Iterator<Item = (usize, &Piece)> {
    vocab
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, p)| matches!(p.kind, Kind::Unknown | Kind::Control))
}

/// The file's bytes.
pub(super) fn write(vocab: &Vocab) -> Result<Vec<u8>> {
    let text = |id: Id| &*vocab.pieces[id as usize].text;
    let added = added_tokens(vocab).map(|(id, piece)| {
        json!({"id": id, "content": piece.text, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false, "special": true})
    });
    let bos = text(vocab.bos);
    let begin = |kind: u32| json!({"SpecialToken": {"id": bos, "type_id": kind}});
    let sequence = |name: &str, kind: u32| json!({"Sequence": {"id": name, "type_id": kind}});
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if vocab.dummy_prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let output = Output {
        version: "1.0",
        truncation: None,
        padding: None,
        added_tokens: added.collect(),
        normalizer: normalizer(vocab.dummy_prefix),
        pre_tokenizer: None,
        post_processor: json!({
            "type": "TemplateProcessing",
            "single": [begin(0), sequence("A", 0)],
            "pair": [begin(0), sequence("A", 0), begin(1), sequence("B", 1)],
            "special_tokens": {bos: {"id": bos, "ids": [vocab.bos], "tokens": [bos]}},
        }),
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: OutputModel {
            kind: "BPE",
            dropout: None,
            unk_token: text(vocab.unk),
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
            fuse_unk: true,
            byte_fallback: vocab.bytes.is_some(),
            ignore_merges: false,
            vocab: VocabMap(vocab),
            merges: merge_list(vocab)
                .iter()
                .map(|m| format!("{} {}", text(m.left), text(m.right)))
                .collect(),
        },
    };
    super::to_json(&output)
}
