//! What each version of a run's chat model is, in a line for people.

use crate::recipe::{Plan, Stage};

/// Name and line of every chat model before a stage, in order.
pub fn versions(plan: &Plan, before: usize) -> Vec<(String, String)> {
    let stages = plan.stages[..before].iter().enumerate();
    let named =
        stages.filter_map(|(index, stage)| Some((stage.name().to_owned(), line(plan, index)?)));
    named.collect()
}

fn line(plan: &Plan, index: usize) -> Option<String> {
    let last = plan.model_before(index).map_or("", Stage::name);
    Some(match &plan.stages[index] {
        Stage::Sft(_) => "The base model, fine-tuned on dialogues.".into(),
        Stage::Dpo(_) => {
            "sft, trained on the annotators’ comparisons without a reward model (DPO): a baseline, from \
             which no other version begins."
                .into()
        }
        Stage::Rejection(plan) => {
            let ghost = match plan.ghost {
                Some(_) => ", and on dialogues under an instruction (Ghost Attention)",
                None => "",
            };
            let earlier = match plan.pools.rounds(plan.round) {
                1 => "",
                _ => ", on those of the rounds before",
            };
            let kept = match plan.keep_dialogues {
                true => ", and on the dialogues of fine-tuning again",
                false => "",
            };
            format!(
                "The base model, fine-tuned on the best of {} answers of {last} to each prompt, as the \
                 reward models judge{earlier}{kept}{ghost}: round {} of rejection sampling.",
                plan.settings.k, plan.round
            )
        }
        Stage::Ppo(_) => format!("{last}, trained for what the reward models like (PPO)."),
        Stage::Distill(_) => format!(
            "{last}, trained to answer without a safety preprompt as it does with one, where that is \
             safer (context distillation)."
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use std::path::Path;

    fn plan(set: &[&str]) -> Plan {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
        let set: Vec<String> = set.iter().map(|&s| s.into()).collect();
        Plan::of(&Recipe::read(&recipes.join("dpo.toml"), &set).unwrap()).unwrap()
    }

    #[test]
    fn every_chat_model_of_a_recipe_has_its_line() {
        let plan = plan(&[]);
        let all = plan.stages.len();
        let found = versions(&plan, all);
        let models: Vec<&str> = plan.chat_models(all).map(Stage::name).collect();
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, models);
        let line = |name: &str| found.iter().find(|(n, _)| n == name).unwrap().1.as_str();
        // V1 is sampled from the fine-tuned model, not from the baseline beside the paper's way.
        assert!(line("v1").contains("answers of sft"), "{}", line("v1"));
        assert!(!line("v3").contains("Ghost") && line("v4").contains("Ghost"));
        assert!(!line("v3").contains("rounds before") && line("v4").contains("rounds before"));
        assert!(line("ppo").starts_with("v4,") && line("distill").starts_with("ppo,"));
    }

    #[test]
    fn a_round_says_whether_it_is_trained_on_the_dialogues_of_fine_tuning_again() {
        for (keep, expected) in [("true", 4), ("false", 0)] {
            let plan = plan(&[&format!("align.keep_dialogues={keep}")]);
            let lines = versions(&plan, plan.stages.len()).into_iter();
            let told =
                lines.filter(|(_, line)| line.contains("the dialogues of fine-tuning again"));
            let told: Vec<String> = told.map(|(name, _)| name).collect();
            assert_eq!(told.len(), expected, "{told:?}");
            assert!(told.iter().all(|name| name.starts_with('v')), "{told:?}");
        }
    }
}
