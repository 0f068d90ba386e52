//! Which of the known forms a preference file has, by what its first record looks like (paper section
//! 3.2.1 and Table 6 name the public sets).

use super::collect::Collector;
use super::{hh, judged, messages, oasst, pairs, puna, qa_feedback, safe_rlhf, scored};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A record of any form.
pub(super) type Object = Map<String, Value>;

/// The forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Puna's own: the serde form of [`super::Preference`].
    Puna,
    /// HH-RLHF's `{"chosen", "rejected"}`, two transcripts.
    HhRlhf,
    /// `{"text": [..], "score": [..]}`, transcripts and their scores, as the DSP project repacked HH-RLHF.
    ScoredTranscripts,
    /// OpenAssistant's trees, or single messages that hold their replies: `{"prompt": {"replies", ..}}`.
    OasstTrees,
    /// OpenAssistant's flat messages with `parent_id` and `rank`.
    OasstMessages,
    /// UltraFeedback's `{"instruction", "completions": [{"response", "overall_score"}]}`.
    ScoredCompletions,
    /// DPO's `{"prompt", "chosen", "rejected"}`, text or lists of messages.
    Pairs,
    /// PKU-SafeRLHF's `{"response_0", "response_1", "better_response_id", "safer_response_id", ..}`.
    SafeRlhf,
    /// LLMBar's `{"input", "output_1", "output_2", "label"}`.
    Judged,
    /// FineGrainedRLHF's `{"question", "passages", "prediction 1" .. "prediction 4", "preference"}`.
    QaFeedback,
}

impl Format {
    /// The order in which they are tried.
    pub const ALL: [Self; 10] = [
        Self::Puna,
        Self::SafeRlhf,
        Self::Judged,
        Self::QaFeedback,
        Self::ScoredCompletions,
        Self::ScoredTranscripts,
        Self::OasstTrees,
        Self::OasstMessages,
        Self::Pairs,
        Self::HhRlhf,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Puna => "puna",
            Self::HhRlhf => "hh_rlhf",
            Self::ScoredTranscripts => "scored_transcripts",
            Self::OasstTrees => "oasst_trees",
            Self::OasstMessages => "oasst_messages",
            Self::ScoredCompletions => "scored_completions",
            Self::Pairs => "pairs",
            Self::SafeRlhf => "safe_rlhf",
            Self::Judged => "judged",
            Self::QaFeedback => "qa_feedback",
        }
    }

    /// Fields that tell the form: of each group, one has to be there.
    fn fields(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Puna => &[&["dialogue"], &["chosen", "rejected"]],
            Self::HhRlhf => &[&["chosen", "rejected"]],
            Self::ScoredTranscripts => &[&["text"], &["score"]],
            // Flat messages can name their tree too, and hold no other message.
            Self::OasstTrees => &[&["replies", "prompt"], &["replies", "message_tree_id"]],
            Self::OasstMessages => &[
                &["message_id", "parent_id", "parent_message_id"],
                &["role"],
                &["text"],
            ],
            Self::ScoredCompletions => &[&["completions"], messages::PROMPTS],
            Self::Pairs => &[messages::PROMPTS, &["chosen", "rejected"]],
            Self::SafeRlhf => &[&["response_0", "response_1"]],
            Self::Judged => &[&["output_1", "output_2"]],
            Self::QaFeedback => &[&["prediction 1"], &["preference"]],
        }
    }

    /// Fields that no other form has: where a needed one is missing, they still tell from which form.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Puna => &["dialogue", "strength", "stream"],
            Self::QaFeedback => &qa_feedback::PREDICTIONS,
            Self::ScoredCompletions => &["completions"],
            Self::OasstMessages => &["message_id", "parent_id", "parent_message_id"],
            _ => &[],
        }
    }

    /// The form of a record.
    pub(super) fn of(record: &Object) -> Option<Self> {
        let has = |name: &&str| record.contains_key(*name);
        let whole = |format: &Self| {
            let mut groups = format.fields().iter();
            groups.all(|group| group.iter().any(has))
        };
        let marked = || (Self::ALL.into_iter()).find(|format| format.marks().iter().any(has));
        let either = |looks: fn(&Value) -> bool| {
            let answers = ["chosen", "rejected"].into_iter();
            answers.filter_map(|name| record.get(name)).any(looks)
        };
        match Self::ALL.into_iter().find(whole) {
            // Every form of two answers has these fields: how they look must tell.
            Some(Self::HhRlhf) if either(hh::looks_like_transcript) => Some(Self::HhRlhf),
            // Lists of messages need no prompt beside them.
            Some(Self::HhRlhf) if either(Value::is_array) => Some(Self::Pairs),
            Some(Self::HhRlhf) => marked().or(Some(Self::Pairs)),
            None => marked(),
            known => known,
        }
    }

    /// What is known, for an error about what is not.
    pub(super) fn known() -> String {
        let forms = Self::ALL.map(|format| {
            let groups: Vec<String> = (format.fields().iter())
                .map(|group| group.join(" or "))
                .collect();
            format!("{} ({})", format.name(), groups.join(", "))
        });
        forms.join("; ")
    }

    /// Reads one record, or takes it up for [`Format::end`].
    pub(super) fn record(
        self,
        record: &Object,
        state: &mut oasst::Messages,
        to: &mut Collector<'_>,
    ) -> Result<()> {
        match self {
            Self::Puna => to.take(puna::read(record)),
            Self::HhRlhf => to.take(hh::read(record)),
            Self::ScoredTranscripts => scored::transcripts(record, to),
            Self::OasstTrees => oasst::tree(record, to),
            Self::OasstMessages => state.add(record, to),
            Self::ScoredCompletions => scored::completions(record, to),
            Self::Pairs => to.take(pairs::read(record)),
            Self::SafeRlhf => to.take(safe_rlhf::read(record, to.stream())),
            Self::Judged => to.take(judged::read(record)),
            Self::QaFeedback => qa_feedback::read(record, to),
        }
    }
}
