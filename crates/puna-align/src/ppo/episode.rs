//! A sampled answer with everything PPO learns from it (paper section 3.2.3).

use super::gae::gae;
use super::kl::KlEstimator;
use super::reward::{WhiteningWindow, logit, whiten};
use super::settings::PpoSettings;
use crate::judge::Scores;
use crate::prompt::Prompt;
use puna_llama::{Finish, Generated};

/// An answer's figures, one a token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Episode {
    /// Rows of the sequence before the one whose target is the first token of the answer.
    pub lead: usize,
    /// Log-probability of each token when it was sampled.
    pub sampled: Vec<f64>,
    /// Log-probability under the reference.
    pub reference: Vec<f64>,
    /// What the critic expected before the token.
    pub values: Vec<f64>,
    /// Advantages of the tokens.
    pub advantages: Vec<f64>,
    /// What the critic should have expected.
    pub returns: Vec<f64>,
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

impl Episode {
    /// An episode whose values and advantages are yet to come. `reference` are the outputs of all rows
    /// of its sequence.
    pub fn new(prompt_len: usize, answer: &Generated, reference: &[f32]) -> Self {
        let lead = prompt_len - 1;
        Self {
            lead,
            sampled: wide(&answer.logprobs),
            reference: wide(&reference[lead..]),
            ..Self::default()
        }
    }

    /// Sets the critic's values from its outputs of all rows.
    pub fn set_values(&mut self, outputs: &[f32]) {
        self.values = wide(&outputs[self.lead..]);
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.sampled.len()
    }

    /// Divergence of the whole answer from the reference, nats.
    pub fn kl(&self, estimator: KlEstimator) -> f64 {
        let pairs = self.sampled.iter().zip(&self.reference);
        pairs.map(|(&p, &q)| estimator.estimate(p, q)).sum()
    }

    /// Rows of a gradient: nothing for those before the answer, `derivative(t)` for token `t`.
    pub fn rows(&self, derivative: impl Fn(usize) -> f64) -> Vec<f32> {
        let mut rows = vec![0.0; self.lead];
        rows.extend((0..self.len()).map(|t| derivative(t) as f32));
        rows
    }
}

/// The logits of the answers' rewards by the paper's piecewise rule. An answer that could not be scored
/// has the lowest reward of those that could: the logit of a score of 0 is so far below all others that
/// the whitening would press these together. Where none could be scored, it is what all have.
pub(crate) fn rewards(prompts: &[&Prompt], scores: &[Option<Scores>], threshold: f64) -> Vec<f64> {
    let pairs = prompts.iter().zip(scores);
    let known: Vec<Option<f64>> = pairs
        .map(|(prompt, scores)| Some(logit(scores.as_ref()?.combined(prompt.safety, threshold))))
        .collect();
    let lowest = known.iter().flatten().copied().reduce(f64::min);
    let lowest = lowest.unwrap_or(logit(0.0));
    known.into_iter().map(|r| r.unwrap_or(lowest)).collect()
}

/// Sets the advantages and returns of an iteration's episodes from the answers' rewards.
pub(crate) fn set_advantages(
    episodes: &mut [Episode],
    answers: &[Generated],
    mut rewards: Vec<f64>,
    settings: &PpoSettings,
) {
    if settings.whitening == WhiteningWindow::Batch {
        whiten(&mut rewards);
    }
    for ((episode, answer), reward) in episodes.iter_mut().zip(answers).zip(rewards) {
        let pairs = episode.sampled.iter().zip(&episode.reference);
        let mut by_token: Vec<f64> = pairs
            .map(|(&p, &q)| -settings.kl_coefficient * settings.kl_estimator.estimate(p, q))
            .collect();
        if let Some(last) = by_token.last_mut() {
            *last += reward;
            if answer.finish == Finish::Length {
                *last -= settings.unfinished_penalty;
            }
        }
        let out = gae(&by_token, &episode.values, settings.gamma, settings.lambda);
        (episode.advantages, episode.returns) = (out.advantages, out.returns);
    }
    if settings.whiten_advantages {
        let mut all: Vec<f64> = episodes
            .iter()
            .flat_map(|e| e.advantages.iter().copied())
            .collect();
        whiten(&mut all);
        let mut rest = all.into_iter();
        for episode in episodes {
            episode
                .advantages
                .iter_mut()
                .zip(&mut rest)
                .for_each(|(to, from)| *to = from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(logprobs: &[f32], finish: Finish) -> Generated {
        Generated {
            tokens: vec![7; logprobs.len()],
            text: String::new(),
            logprobs: logprobs.to_vec(),
            finish,
        }
    }

    #[test]
    fn rows_of_a_prompt_and_its_answer() {
        let a = answer(&[-1.0, -2.0, -3.0], Finish::Eos);
        let mut e = Episode::new(3, &a, &[0.5, 0.6, -1.0, -2.5, -3.0]);
        e.set_values(&[9.0, 9.0, 0.1, 0.25, 0.5]);
        assert_eq!(e.values[1..], [0.25, 0.5]);
        assert_eq!(e.reference, [-1.0, -2.5, -3.0]);
        assert_eq!(e.rows(|t| t as f64), [0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(e.kl(KlEstimator::K1), 0.5);
        assert_eq!(e.kl(KlEstimator::K2), 0.125);
    }

    /// Of 64 answers one cannot be scored: it is as good as the worst of the others, and these are as far
    /// from each other as without it. With the logit of 0 they would be nine times nearer.
    #[test]
    fn an_answer_without_a_score_has_the_lowest_reward() {
        let prompt = Prompt::new("p", "u");
        let score = |i: usize| Scores {
            helpfulness: 0.3 + 0.4 * i as f64 / 63.0,
            safety: 0.9,
        };
        let mut scores: Vec<Option<Scores>> = (0..64).map(|i| Some(score(i))).collect();
        let all = rewards(&[&prompt; 64], &scores, 0.15);
        assert!((0..64).all(|i| all[i] == logit(score(i).helpfulness)));
        scores[20] = None;
        let mut found = rewards(&[&prompt; 64], &scores, 0.15);
        assert_eq!(found[20], all[0]);
        let others = |r: &[f64]| [&r[..20], &r[21..]].concat();
        assert_eq!(others(&found), others(&all));
        let mut whitened = all.clone();
        whiten(&mut whitened);
        whiten(&mut found);
        let spread = |r: &[f64]| r[63] - r[0];
        assert!((spread(&found) / spread(&whitened) - 1.0).abs() < 0.05);

        let none = rewards(&[&prompt; 3], &[None; 3], 0.15);
        assert_eq!(none, [logit(0.0); 3]);
    }

    /// Two answers by hand, beta 0.1, gamma and lambda 1, a critic that says 0. Rewards 2 and 4 are
    /// whitened to -1 and 1. Divergences of the first: 0 and 1; of the second: -1. The return of a
    /// token is the sum of what follows.
    #[test]
    fn returns_by_hand() {
        let settings = PpoSettings {
            kl_coefficient: 0.1,
            lambda: 1.0,
            whiten_advantages: false,
            unfinished_penalty: 0.5,
            ..PpoSettings::default()
        };
        let answers = [
            answer(&[-1.0, -1.0], Finish::Eos),
            answer(&[-2.0], Finish::Length),
        ];
        let mut episodes = [
            Episode::new(2, &answers[0], &[0.0, -1.0, -2.0]),
            Episode::new(1, &answers[1], &[-1.0]),
        ];
        episodes
            .iter_mut()
            .for_each(|e| e.set_values(&[0.0; 3][..e.lead + e.len()]));
        set_advantages(&mut episodes, &answers, vec![2.0, 4.0], &settings);
        let near = |a: &[f64], b: &[f64]| {
            assert!(
                a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-7) && a.len() == b.len(),
                "{a:?} {b:?}"
            );
        };
        near(&episodes[0].returns, &[-1.1, -1.1]);
        near(&episodes[1].returns, &[1.0 + 0.1 - 0.5]);
        // Whitened, the advantages of all three tokens together have mean 0 and variance 1.
        let settings = PpoSettings {
            whiten_advantages: true,
            ..settings
        };
        set_advantages(&mut episodes, &answers, vec![2.0, 4.0], &settings);
        let half = 0.5f64.sqrt();
        near(&episodes[0].advantages, &[-half, -half]);
        near(&episodes[1].advantages, &[2.0 * half]);
    }
}
