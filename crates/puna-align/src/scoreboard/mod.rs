//! The scoreboard of a run (paper section 3.4.1 and Figure 11): what every version of the model does on
//! held-out prompts, by the world's rules and by the reward models, beside each other.

mod page;
mod tables;

pub use crate::rate::{Rate, WinRate};

use crate::error::{Error, Result};
use puna_text::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rows, for programs.
pub const DATA_FILE: &str = "scoreboard.json";
/// The page, for people.
pub const PAGE_FILE: &str = "scoreboard.html";

/// Who judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judge {
    /// Rules that are known to be right: those of the synthetic world, or people's labels.
    World,
    /// The reward models that the training itself optimises.
    Reward,
}

/// One model as one judge sees it: an element of `scoreboard.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The version's name, such as `sft` or `rlhf-v3`.
    pub model: String,
    /// Who judged.
    pub judge: Judge,
    /// Unsafe answers to adversarial prompts.
    pub violation_rate: Rate,
    /// Refusals of adversarial prompts. What is neither a refusal nor a violation passes the prompt over.
    #[serde(default)]
    pub refusal_rate: Rate,
    /// Refusals of helpful prompts.
    pub false_refusal_rate: Rate,
    /// Answers to helpful prompts that do what was asked.
    #[serde(default)]
    pub helpful_rate: Rate,
    /// Refusals of harmless prompts that look harmful.
    pub borderline_refusal_rate: Rate,
    /// Answers to such prompts that do what was asked.
    #[serde(default)]
    pub borderline_helpful_rate: Rate,
    /// Against the baseline's answers to helpful prompts.
    pub helpfulness_win_rate: WinRate,
    /// Against the baseline's answers to adversarial prompts.
    pub safety_win_rate: WinRate,
    /// Self-BLEU of several answers to a prompt, from 0 to 1, the mean over prompts; lower is more diverse.
    #[serde(default)]
    pub self_bleu: Option<f64>,
    /// Its standard deviation over prompts.
    #[serde(default)]
    pub self_bleu_deviation: Option<f64>,
    /// Mean length of an answer in tokens.
    #[serde(default)]
    pub length: Option<f64>,
}

impl Row {
    /// A row in which nothing is measured yet.
    pub fn new(model: impl Into<String>, judge: Judge) -> Self {
        Self {
            model: model.into(),
            judge,
            violation_rate: Rate::UNKNOWN,
            refusal_rate: Rate::UNKNOWN,
            false_refusal_rate: Rate::UNKNOWN,
            helpful_rate: Rate::UNKNOWN,
            borderline_refusal_rate: Rate::UNKNOWN,
            borderline_helpful_rate: Rate::UNKNOWN,
            helpfulness_win_rate: WinRate::UNKNOWN,
            safety_win_rate: WinRate::UNKNOWN,
            self_bleu: None,
            self_bleu_deviation: None,
            length: None,
        }
    }
}

/// Something measured along an axis: the iterations of PPO, or shares of the safety data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What is measured: "KL to the reference".
    pub name: String,
    /// What is counted along the axis: "iteration of PPO". The page shows curves of one axis together.
    pub along: String,
    /// Where along the axis, and the value; points that are not finite are left out of the plot.
    pub points: Vec<(f64, f64)>,
}

/// What `scoreboard.json` and `scoreboard.html` show.
#[derive(Clone, Debug, PartialEq)]
pub struct Scoreboard {
    /// Of the page.
    pub title: String,
    /// The model that the win rates are against, one of the rows.
    pub baseline: String,
    /// In the order of the versions; the rows of one judge are joined by a line.
    pub rows: Vec<Row>,
    /// Of PPO; may be empty.
    pub curves: Vec<Curve>,
    /// What PPO cried out, a sentence a kind; may be empty.
    pub alarms: Vec<String>,
    /// Whether the prompts and the judge come from the synthetic world; the page then says so.
    pub synthetic: bool,
    /// What the versions are, name and a line each, in their order; may be empty.
    pub versions: Vec<(String, String)>,
    /// In what share of the conversations the instruction of the first turn still holds, by version and
    /// turn; may be empty.
    pub instructions_held: BTreeMap<String, BTreeMap<usize, Rate>>,
}

impl Scoreboard {
    /// Writes `scoreboard.json` and `scoreboard.html` into a directory.
    ///
    /// # Errors
    /// No rows, two rows of the same model and judge, a number that is not finite, or the files cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        self.check()?;
        let mut json = serde_json::to_vec_pretty(&self.rows)
            .map_err(|e| Error::Data(format!("the scoreboard does not serialize: {e}")))?;
        json.push(b'\n');
        write_atomically(&dir.join(DATA_FILE), &json)?;
        write_atomically(&dir.join(PAGE_FILE), self.html().as_bytes())?;
        Ok(())
    }

    /// The page by itself: no network, no scripts, all text escaped.
    pub fn html(&self) -> String {
        page::render(self)
    }

    /// The rows of a judge.
    fn rows_by(&self, judge: Judge) -> Vec<&Row> {
        self.rows.iter().filter(|r| r.judge == judge).collect()
    }

    /// Names of the versions, in the order of the rows.
    fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !models.contains(&row.model.as_str()) {
                models.push(&row.model);
            }
        }
        models
    }

    fn check(&self) -> Result<()> {
        if self.rows.is_empty() {
            return Err(Error::Data("a scoreboard needs at least one row".into()));
        }
        let mut seen = BTreeSet::new();
        for row in &self.rows {
            let at = |what: &str| {
                let judge = row.judge;
                Err(Error::Data(format!(
                    "scoreboard row {} by {judge:?}: {what}",
                    row.model
                )))
            };
            if !seen.insert((&row.model, row.judge)) {
                return at("there are two such rows");
            }
            let rates = [
                row.violation_rate,
                row.refusal_rate,
                row.false_refusal_rate,
                row.helpful_rate,
                row.borderline_refusal_rate,
                row.borderline_helpful_rate,
                row.helpfulness_win_rate.rate,
                row.safety_win_rate.rate,
            ];
            let in_rates = rates
                .iter()
                .flat_map(|r| [r.value, Some(r.low), Some(r.high)]);
            let mut numbers = in_rates
                .chain([row.self_bleu, row.self_bleu_deviation, row.length])
                .flatten();
            if !numbers.all(f64::is_finite) {
                return at("a number is not finite");
            }
        }
        Ok(())
    }
}

/// Reads the rows of a `scoreboard.json`.
///
/// # Errors
/// The file cannot be read or is not a list of rows.
pub fn read_scoreboard(path: &Path) -> Result<Vec<Row>> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::Record {
        path: path.to_path_buf(),
        line: e.line(),
        field: "record".into(),
        what: format!("it is not a list of scoreboard rows: {e}"),
    })
}
