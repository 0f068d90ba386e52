//! `tokenizer_config.json`: how transformers should use the tokenizer.

use serde_json::{Map, Value, json};

use super::json::added_tokens;
use crate::Result;
use crate::chat::CHAT_TEMPLATE;
use crate::vocab::Vocab;

/// The file's bytes.
pub(super) fn write(vocab: &Vocab) -> Result<Vec<u8>> {
    let text = |id: u32| &*vocab.pieces[id as usize].text;
    let added: Map<String, Value> = added_tokens(vocab)
        .map(|(id, piece)| {
            let token = json!({"content": piece.text, "lstrip": false, "normalized": false,
                               "rstrip": false, "single_word": false, "special": true});
            (id.to_string(), token)
        })
        .collect();
    super::to_json(&json!({
        "add_bos_token": true,
        "add_eos_token": false,
        "added_tokens_decoder": added,
        "bos_token": text(vocab.bos),
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": false,
        "eos_token": text(vocab.eos),
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": text(vocab.unk),
    }))
}
