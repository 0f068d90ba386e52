//! The last section: how the numbers were made, and what they do not say.

use maud::{Markup, html};

use crate::report::summary::Report;

pub(super) fn notes(report: &Report) -> Markup {
    let about = &report.about;
    html! {
        p { "Numbers about text are numbers about a method. These are its limits." }
        ul {
            li {
                strong { "Language. " }
                "Identified by " (or(&about.language_identifier, "an identifier that was not named"))
                ". Short texts, mixed texts and close languages are mistaken most often. Pronouns, identity terms and toxicity are counted in English documents only, as in the paper, so they are silent on all others."
            }
            li {
                strong { "Toxicity. " }
                @match &about.toxicity_classifier {
                    Some(name) => {
                        "Scored by " (name) ": each line on its own, and the mean of the lines is the document's score. "
                        "A classifier learns its labellers' view, marks some groups' ordinary speech as toxic, and misses insults in polite words. "
                        "Scores of different classifiers cannot be compared, so neither can this page's share with the paper's 0.2%."
                    }
                    None => "Not measured: no classifier was given.",
                }
            }
            li {
                strong { "The cost of filtering. " }
                "Counted on kept documents. A ratio over 1 does not say why: the texts may be insults aimed at the group, or speech by the group that the classifier gets wrong. Read some before you filter."
            }
            li {
                strong { "Identity terms. " }
                "Whole words of the list " code { (report.identity.list) } ", whatever their case, hyphen or space alike, without inflection: “Christians” is not “Christian”. "
                "Where terms overlap the longest counts: “Native American” names no nationality. "
                "A mention says nothing about how a group is spoken of, and “Indian” may be a restaurant."
            }
            li {
                strong { "Pronouns. " }
                "Lists of words without context: “US” in capitals counts as us, and “they” may be things."
            }
            li {
                strong { "Personal information. " }
                "Found by patterns and check digits. Some is missed and some is not personal, such as a shop's telephone. Counts are of pieces found, not of people."
            }
            li {
                strong { "Documents. " }
                "Each kept document counts once here, however often the mixture repeats it."
            }
        }
        @if !about.settings.is_empty() {
            h3 { "Settings" }
            div class="scroll" { table { tbody {
                @for (name, value) in &about.settings { tr { th scope="row" { (name) } td class="text" { (value) } } }
            } } }
        }
        @if !about.inputs.is_empty() {
            h3 { "Inputs" }
            ul { @for input in about.inputs.iter().take(50) { li { code { (input) } } } }
            @if about.inputs.len() > 50 { p class="note" { "The first 50 of " (about.inputs.len()) "; all are in report.json." } }
        }
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
