//! The text of a completion as its tokens come, cut at stop strings.

use puna_text::{StreamDecoder, Tokenizer};

/// Decodes a completion token by token. Text that could still turn out to be the beginning of a
/// stop string is held back.
pub(crate) struct TextStream<'a> {
    decoder: StreamDecoder,
    stop: &'a [String],
    text: String,
    emitted: usize,
}

impl<'a> TextStream<'a> {
    /// A stream behind a prompt: the prompt decides whether the first space is text, and may end
    /// within a character.
    pub(crate) fn new(tokenizer: &Tokenizer, prompt: &[u32], stop: &'a [String]) -> Self {
        let mut decoder = StreamDecoder::new(tokenizer);
        for &token in prompt {
            decoder.push(token);
        }
        Self {
            decoder,
            stop,
            text: String::new(),
            emitted: 0,
        }
    }

    /// Takes a token; true when a stop string is complete, before which the text then ends.
    pub(crate) fn push(&mut self, token: u32) -> bool {
        let new = self.decoder.push(token);
        self.append(&new)
    }

    /// Takes what the decoder holds back when no more tokens come.
    pub(crate) fn finish(&mut self) -> bool {
        let new = self.decoder.finish();
        self.append(&new)
    }

    /// Text that has become certain since the last call.
    pub(crate) fn certain(&mut self) -> &str {
        let held = self
            .stop
            .iter()
            .map(|stop| overlap(&self.text, stop))
            .max()
            .unwrap_or(0);
        self.emit_to(self.text.len() - held)
    }

    /// The rest of the text, when no more will come.
    pub(crate) fn rest(&mut self) -> &str {
        self.emit_to(self.text.len())
    }

    /// The whole text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn append(&mut self, new: &str) -> bool {
        let old = self.text.len();
        self.text.push_str(new);
        let found = self.stop.iter().filter_map(|stop| {
            let mut from = old.saturating_sub(stop.len());
            while !self.text.is_char_boundary(from) {
                from -= 1;
            }
            self.text[from..].find(stop.as_str()).map(|at| from + at)
        });
        match found.min() {
            Some(at) => {
                self.text.truncate(at);
                true
            }
            None => false,
        }
    }

    fn emit_to(&mut self, end: usize) -> &str {
        let start = self.emitted.min(end);
        self.emitted = self.emitted.max(end);
        &self.text[start..end]
    }
}

/// Length of the longest end of `text` that is a beginning of `stop`, but not all of it.
fn overlap(text: &str, stop: &str) -> usize {
    let beginnings = stop.char_indices().map(|(i, _)| i).filter(|&i| i > 0);
    beginnings
        .filter(|&i| text.ends_with(&stop[..i]))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps() {
        assert_eq!(overlap("say <|", "<|end|>"), 2);
        assert_eq!(overlap("aaa", "aab"), 2);
        assert_eq!(overlap("naïï", "ïx"), 2);
        assert_eq!(overlap("end", "x"), 0);
    }
}
