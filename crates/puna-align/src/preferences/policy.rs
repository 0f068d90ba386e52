//! What is done with records that cannot be used (paper section 3.2.1 leaves out one kind, appendix A.3.1
//! describes the data; for the others the paper does not say): refused or skipped, always counted and named.

use super::record::{Stream, Strength};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be wrong with a record, so that no comparison comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It is not JSON, not an object or not UTF-8.
    Malformed,
    /// A field is missing or is not what it should be.
    MissingField,
    /// The turns do not alternate from the user's to the user's, or two transcripts differ before their
    /// last answers.
    Turns,
    /// The two answers are the same text.
    EqualAnswers,
    /// An answer or a message is empty.
    EmptyAnswer,
    /// The dialogue with its longer answer is over the limit.
    OverLong,
    /// A message or an answer contains a tag of the chat format, such as `[INST]`.
    ChatTags,
    /// The chosen answer is unsafe while the rejected one is safe.
    UnsafeChosen,
    /// Two answers of equal score or rank: nothing is preferred.
    Tie,
    /// A message that its source marks as deleted.
    Deleted,
}

impl ProblemKind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::MissingField,
        Self::Turns,
        Self::EqualAnswers,
        Self::EmptyAnswer,
        Self::OverLong,
        Self::ChatTags,
        Self::UnsafeChosen,
        Self::Tie,
        Self::Deleted,
    ];

    /// The name of the setting in [`ReadPolicy`], and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::MissingField => "missing_field",
            Self::Turns => "turns",
            Self::EqualAnswers => "equal_answers",
            Self::EmptyAnswer => "empty_answer",
            Self::OverLong => "over_long",
            Self::ChatTags => "chat_tags",
            Self::UnsafeChosen => "unsafe_chosen",
            Self::Tie => "tie",
            Self::Deleted => "deleted",
        }
    }
}

/// What to do with a record that has a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Stop with an error that names file, line and field.
    Refuse,
    /// Leave the record out, and report it.
    Skip,
}

/// How preference files are read. The first ten settings say what is done with each [`ProblemKind`]: damage
/// is refused, and what real data are known to contain is skipped, unless set otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReadPolicy {
    /// Default: refuse. The paper does not say.
    pub malformed: Action,
    /// Default: refuse. The paper does not say.
    pub missing_field: Action,
    /// Default: skip. The paper does not say.
    pub turns: Action,
    /// Default: skip. The paper does not say.
    pub equal_answers: Action,
    /// Default: skip. The paper does not say.
    pub empty_answer: Action,
    /// Default: skip. The paper does not say.
    pub over_long: Action,
    /// Default: skip. The paper does not say; its code refuses prompts with tags.
    pub chat_tags: Action,
    /// Default: skip, as the paper does (section 3.2.1).
    pub unsafe_chosen: Action,
    /// Default: skip. The paper's annotators had to choose.
    pub tie: Action,
    /// Default: skip. The paper does not say.
    pub deleted: Action,
    /// The most characters that a dialogue may have together with its longer answer. Default: 16,384, some
    /// 4,096 tokens of English, the paper's context. [`super::Read::limit_tokens`] counts tokens.
    pub max_characters: usize,
    /// The most bytes that a file may have once decompressed. Default: 8 GiB.
    pub max_bytes: u64,
    /// The stream of data that do not name it: all but Puna's own. Default: helpfulness.
    pub stream: Stream,
    /// The strength of comparisons whose source does not grade them. Default: negligibly, which asks a
    /// reward model for no margin. The paper does not say.
    pub ungraded: Strength,
}

impl Default for ReadPolicy {
    fn default() -> Self {
        Self {
            malformed: Action::Refuse,
            missing_field: Action::Refuse,
            turns: Action::Skip,
            equal_answers: Action::Skip,
            empty_answer: Action::Skip,
            over_long: Action::Skip,
            chat_tags: Action::Skip,
            unsafe_chosen: Action::Skip,
            tie: Action::Skip,
            deleted: Action::Skip,
            max_characters: 16_384,
            max_bytes: 8 << 30,
            stream: Stream::Helpfulness,
            ungraded: Strength::Negligibly,
        }
    }
}

impl ReadPolicy {
    /// The defaults, with the same action for every kind of problem.
    pub fn all(action: Action) -> Self {
        Self {
            malformed: action,
            missing_field: action,
            turns: action,
            equal_answers: action,
            empty_answer: action,
            over_long: action,
            chat_tags: action,
            unsafe_chosen: action,
            tie: action,
            deleted: action,
            ..Self::default()
        }
    }

    /// What to do about this kind of problem.
    pub fn action(&self, kind: ProblemKind) -> Action {
        match kind {
            ProblemKind::Malformed => self.malformed,
            ProblemKind::MissingField => self.missing_field,
            ProblemKind::Turns => self.turns,
            ProblemKind::EqualAnswers => self.equal_answers,
            ProblemKind::EmptyAnswer => self.empty_answer,
            ProblemKind::OverLong => self.over_long,
            ProblemKind::ChatTags => self.chat_tags,
            ProblemKind::UnsafeChosen => self.unsafe_chosen,
            ProblemKind::Tie => self.tie,
            ProblemKind::Deleted => self.deleted,
        }
    }
}
