//! What the critic begins with. The paper does not say; a reward model already knows what is worth
//! rewarding, so its trunk and head are the usual start.

use super::settings::CriticStart;
use crate::error::Result;
use puna_llama::{HeadKind, Model};

/// The critic of a run: a copy of the model that `start` names, with a scalar head for each token.
/// A head that must be new is drawn from `seed`.
pub fn initial_critic(
    start: CriticStart,
    policy: &Model,
    helpfulness: &Model,
    safety: &Model,
    seed: u64,
) -> Result<Model> {
    let trunk = match start {
        CriticStart::HelpfulnessReward => helpfulness,
        CriticStart::SafetyReward => safety,
        CriticStart::Policy => policy,
    };
    let copy = Model {
        config: trunk.config.clone(),
        params: trunk.params.try_clone()?,
    };
    Ok(match copy.config.head {
        HeadKind::Scalar => copy,
        HeadKind::LanguageModel => copy.with_scalar_head(seed)?,
    })
}
