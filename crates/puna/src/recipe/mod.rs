//! Recipes: the file as written ([`RecipeFile`]), how it is read, and the resolved [`Plan`].

mod error;
mod expected;
mod extends;
mod file;
#[cfg(test)]
mod fuzz;
mod limits;
mod overrides;
mod plan;
mod read;
mod resolve;
mod schema;

pub use error::{Error, Result};
pub use file::{
    AlignSection, BaseSection, CorpusSection, DistillSection, EngineSection, EvaluateSection,
    FeedbackSection, GhostInstructionSection, LongSection, ModelSection, PreferencesSection,
    PretrainSection, RecipeFile, RewardSection, SafetyScalingSection, ScoreboardSection,
    SftExpected, SftSection, SourceSection, TokenizerSection, TooLongDialogues, WorldSection,
};
pub use overrides::with_overrides;
pub use plan::{
    BasePlan, CrawlPlan, DistillPlan, DpoPlan, EvaluatePlan, FeedbackPlan, GhostPlan, Material,
    OwnGhost, Plan, PpoPlan, PreferenceFile, PretrainPlan, ROUNDS, RejectionPlan, RewardPlan,
    SafetyScalingPlan, ScoreboardPlan, SftPlan, Source, Stage, TextsPlan, TokenizerPlan,
    TokensPlan, WorldPlan, model_numbers,
};
pub use read::Recipe;
pub use schema::json_schema;
