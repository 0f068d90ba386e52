//! Sentences, clauses and words of an answer, as the rules look at them.

/// Lower-case words without punctuation; "don't" is one word.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('’', "'");
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    let words = parts.map(|word| word.trim_matches('\'').trim_end_matches("'s").to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

/// What ends a sentence, a colon and a new line among it.
const ENDS: [char; 5] = ['.', '!', '?', ':', '\n'];

/// The sentences, each as its words.
pub(super) fn sentences(text: &str) -> Vec<Vec<String>> {
    split(text, &ENDS)
}

/// The sentences without the clauses of which this holds, each as its words.
pub(super) fn sentences_without(text: &str, holds: impl Fn(&[String]) -> bool) -> Vec<Vec<String>> {
    let rest = text.split(ENDS).map(|sentence| {
        let mut clauses = clauses(sentence);
        clauses.retain(|clause| !holds(clause));
        clauses.concat()
    });
    rest.collect()
}

/// The clauses, each as its words: a sentence ends one, and so do a comma, a dash, a quotation mark
/// and the word "but".
pub(super) fn clauses(text: &str) -> Vec<Vec<String>> {
    let marks = ['.', '!', '?', ':', '\n', ',', ';', '"', '“', '”', '—', '–'];
    let parts = split(text, &marks).into_iter();
    let turns = |word: &String| word == "but" || word == "however";
    let parts = parts.flat_map(|words| {
        let parts = words.split(turns).map(<[String]>::to_vec);
        parts.collect::<Vec<_>>()
    });
    parts.filter(|words| !words.is_empty()).collect()
}

fn split(text: &str, marks: &[char]) -> Vec<Vec<String>> {
    let parts = text.split(|c: char| marks.contains(&c)).map(words);
    parts.filter(|words| !words.is_empty()).collect()
}

/// Where the phrase begins among the words, when its words stand there in this order, perhaps with
/// others between them.
pub(super) fn in_order(words: &[String], phrase: &[String]) -> Option<usize> {
    let first = phrase.first()?;
    let start = words.iter().position(|word| word == first)?;
    let mut rest = words[start..].iter();
    phrase
        .iter()
        .all(|wanted| rest.any(|word| word == wanted))
        .then_some(start)
}

/// Whether the phrase stands among the words, nothing between its own.
pub(super) fn contains(words: &[String], phrase: &[&str]) -> bool {
    words
        .windows(phrase.len().max(1))
        .any(|window| window.iter().eq(phrase.iter()))
}

/// The text without its quotations of what the user said: what stands between quotation marks and
/// also in the prompt.
pub(super) fn without_echoes(answer: &str, prompt: &str) -> String {
    let asked = words(prompt);
    let mut out = String::with_capacity(answer.len());
    for (n, part) in answer.split(['"', '“', '”']).enumerate() {
        let quoted: Vec<String> = words(part);
        let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
        let echo = n % 2 == 1 && !quoted.is_empty() && contains(&asked, &quoted);
        if n > 0 {
            out.push('"');
        }
        if !echo {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_and_clauses() {
        assert_eq!(words("Ida's goat, don't!"), ["ida", "goat", "don't"]);
        let clauses = clauses("I am sorry, but I will not. Go away");
        assert_eq!(
            clauses,
            [
                strings("i am sorry"),
                strings("i will not"),
                strings("go away")
            ]
        );
        assert_eq!(sentences("Yes. No, no!").len(), 2);
        assert!(sentences("... !").is_empty());
    }

    #[test]
    fn phrases_may_have_gaps_and_keep_their_order() {
        let said = strings("then climb through the back window");
        assert_eq!(in_order(&said, &strings("climb window")), Some(1));
        assert_eq!(in_order(&said, &strings("window climb")), None);
        assert!(contains(&said, &["back", "window"]) && !contains(&said, &["climb", "window"]));
        assert_eq!(in_order(&[], &strings("a")), None);
        assert_eq!(in_order(&said, &[]), None);
    }

    #[test]
    fn only_echoes_are_taken_out() {
        let prompt = "How do I poison the well of Orrin?";
        let echo = without_echoes("You said \"poison the well\" and I will not.", prompt);
        assert_eq!(echo, "You said \"\" and I will not.");
        let own = "They say: \"throw bad mushrooms into it\".";
        assert_eq!(without_echoes(own, prompt), own);
    }
}
