//! Pages for people: one HTML file each, no network, no scripts, all text from outside escaped.

pub(crate) mod frame;
mod labels;
pub(crate) mod plot;

use self::frame::percent;
use crate::rate::Rate;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page of a title (of the window), what stands at its top, in its middle and at its foot.
pub(crate) fn page(title: &str, header: &Markup, main: &Markup, footer: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header { (header) }
                main { (main) }
                footer { (footer) }
            }
        }
    }
    .into_string()
}

/// A share in percent.
pub(crate) fn share(rate: Rate) -> String {
    rate.value.map_or("–".to_owned(), percent)
}

/// How sure it is.
pub(crate) fn interval(rate: Rate) -> String {
    match rate.n {
        0 => "not measured".to_owned(),
        _ => format!("{} to {}", percent(rate.low), percent(rate.high)),
    }
}
