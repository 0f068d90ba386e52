//! Comparisons of the fine-tuned model's own answers (paper section 3.2.1): to each prompt two answers
//! of two variants at different temperatures, compared by the world's annotators. The variants are the
//! model as it is and the model with a safety preprompt, which refuses more.

use super::super::text::metrics;
use super::super::{Metrics, Stand};
use super::material::{blocks, newest, plain, rollouts, tokens, with_world};
use crate::recipe::{FeedbackPlan, Stage};
use crate::report::Reporter;
use anyhow::Result;
use puna_align::Placement;
use puna_align::rollout::SampleOptions;
use puna_align::write_json_lines;
use puna_llama::SamplingOptions;
use puna_world::{Split, Stream};
use serde_json::json;
use std::collections::BTreeMap;

/// Name of the comparisons in the stage's directory.
pub const COMPARISONS: &str = "preferences.jsonl";
/// Prompts that are answered together.
const BLOCK: usize = 128;

/// Whether the second answer to the prompt of this number is the careful variant's: every other.
fn is_careful(number: usize) -> bool {
    !number.is_multiple_of(2)
}

/// Samples and compares.
pub fn comparisons(
    stand: &Stand<'_>,
    plan: &FeedbackPlan,
    report: &mut Reporter,
) -> Result<Metrics> {
    let tokenizer = stand.tokenizer()?;
    let model = newest(stand)?;
    let asked_model = stand.plan.model_before(stand.index).map_or("", Stage::name);
    let mut sampler = rollouts(stand, &model.config, &tokenizer, model.config.context)?;
    let mut told = blocks(report);
    with_world(stand, |feedback| {
        let prompts = feedback.prompts(Split::Train);
        let order = puna_train::permutation(prompts.len() as u32, plan.seed, 0);
        let chosen: Vec<_> = order
            .iter()
            .take(plan.sampled)
            .map(|&i| &prompts[i as usize])
            .collect();
        let annotators = feedback.annotators();
        let preprompts = feedback.preprompts(Split::Train);
        let batch = feedback.options().batches.max(1);
        let mut preferences = Vec::new();
        let mut too_long = 0usize;
        let mut excluded: BTreeMap<String, u64> = BTreeMap::new();
        let total = chosen.len().div_ceil(BLOCK);
        for (number, block) in chosen.chunks(BLOCK).enumerate() {
            let asked = tokens(&tokenizer, block.iter().map(|prompt| plain(prompt)))?;
            let mut answers = Vec::new();
            let careful = block.iter().enumerate().map(|(i, prompt)| {
                let mut prompt = plain(prompt);
                if is_careful(number * BLOCK + i) {
                    let preprompt = &preprompts[(number * BLOCK + i) / 2 % preprompts.len()];
                    prompt.messages = Placement::SystemMessage.place(preprompt, &prompt.messages);
                }
                prompt
            });
            let careful = tokens(&tokenizer, careful)?;
            // A prompt that leaves no room for an answer gets none.
            let room = |tokens: &Vec<u32>| tokens.len() < model.config.context;
            let fits: Vec<usize> = (0..block.len())
                .filter(|&i| room(&asked[i]) && room(&careful[i]))
                .collect();
            too_long += block.len() - fits.len();
            let of_fitting = |all: &[Vec<u32>]| fits.iter().map(|&i| all[i].clone()).collect();
            let variants: [Vec<Vec<u32>>; 2] = [of_fitting(&asked), of_fitting(&careful)];
            for (side, temperature) in plan.temperatures.into_iter().enumerate() {
                let options = SampleOptions {
                    k: 1,
                    max_tokens: plan.max_tokens,
                    sampling: SamplingOptions {
                        temperature,
                        seed: plan.seed ^ (side as u64 + 1) << 32,
                        ..SamplingOptions::default()
                    },
                    numbers: fits.iter().map(|&i| (number * BLOCK + i) as u32).collect(),
                };
                answers.push(sampler.sample(&model.params, &variants[side], &options)?);
            }
            for (place, &i) in fits.iter().enumerate() {
                let prompt = block[i];
                let pair = [
                    answers[0][place][0].text.trim(),
                    answers[1][place][0].text.trim(),
                ];
                for stream in [Stream::Helpfulness, Stream::Safety] {
                    match annotators.compare(prompt, pair, stream, batch) {
                        Ok((mut preference, swapped)) => {
                            let mut temperatures = plan.temperatures;
                            let other = match is_careful(number * BLOCK + i) {
                                true => format!("{asked_model} with a preprompt"),
                                false => asked_model.into(),
                            };
                            let mut models = [asked_model.into(), other];
                            if swapped {
                                temperatures.reverse();
                                models.reverse();
                            }
                            preference.temperatures = Some(temperatures);
                            preference.models = Some(models);
                            preferences.push(preference);
                        }
                        Err(why) => {
                            let why = serde_json::to_value(why)?;
                            let why = why.as_str().unwrap_or_default().to_owned();
                            *excluded.entry(why).or_default() += 1;
                        }
                    }
                }
            }
            told("blocks of prompts", number + 1, total);
        }
        write_json_lines(&stand.dir.join(COMPARISONS), &preferences)?;
        Ok(metrics(json!({
            "prompts": chosen.len(), "comparisons": preferences.len(), "too_long": too_long,
            "excluded": excluded, "synthetic": true,
        })))
    })
}
