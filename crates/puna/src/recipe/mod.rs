//! Recipes: the file as written ([`RecipeFile`]), how it is read, and the resolved [`Plan`].

mod error;
mod file;
mod overrides;
mod plan;
mod read;
mod resolve;
mod schema;

pub use error::{Error, Result};
pub use file::{
    CorpusSection, EngineSection, EvaluateSection, ModelSection, PretrainSection, RecipeFile,
    SftExpected, SftSection, SourceSection, TokenizerSection, TooLongDialogues, WorldSection,
};
pub use overrides::with_overrides;
pub use plan::{
    CorpusPlan, EvaluatePlan, Plan, PretrainPlan, SftPlan, Source, Stage, TokenizerPlan,
    TokensPlan, WorldPlan, model_numbers,
};
pub use read::Recipe;
pub use schema::json_schema;
