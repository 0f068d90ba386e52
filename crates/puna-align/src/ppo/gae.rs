//! Generalized advantage estimation (Schulman et al. 2016), which the paper's PPO (section 3.2.3)
//! needs and does not describe.

/// What an answer's tokens were worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advantages {
    /// How much better than expected the answer went on after each token.
    pub advantages: Vec<f64>,
    /// What the critic should have expected before each token: advantage and value.
    pub returns: Vec<f64>,
}

/// GAE(gamma, lambda) over one answer: `rewards[t]` follows token `t`, `values[t]` is what the critic
/// expected before it. The answer ends the episode, so nothing is expected after the last token.
///
/// # Panics
/// If there are not as many rewards as values.
pub fn gae(rewards: &[f64], values: &[f64], gamma: f64, lambda: f64) -> Advantages {
    assert_eq!(rewards.len(), values.len(), "a value for every reward");
    let mut advantages = vec![0.0; rewards.len()];
    let (mut next_value, mut next_advantage) = (0.0, 0.0);
    for t in (0..rewards.len()).rev() {
        let surprise = rewards[t] + gamma * next_value - values[t];
        advantages[t] = surprise + gamma * lambda * next_advantage;
        (next_value, next_advantage) = (values[t], advantages[t]);
    }
    let returns = advantages.iter().zip(values).map(|(a, v)| a + v).collect();
    Advantages {
        advantages,
        returns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By hand, gamma 0.5 and lambda 0.5. Surprises: 1 + 0.5 * 2 - 4 = -2, 0 + 0.5 * 1 - 2 = -1.5,
    /// 3 + 0 - 1 = 2. Advantages from the end: 2; -1.5 + 0.25 * 2 = -1; -2 + 0.25 * -1 = -2.25.
    #[test]
    fn three_tokens_by_hand() {
        let out = gae(&[1.0, 0.0, 3.0], &[4.0, 2.0, 1.0], 0.5, 0.5);
        assert_eq!(out.advantages, [-2.25, -1.0, 2.0]);
        assert_eq!(out.returns, [1.75, 1.0, 3.0]);
        assert_eq!(gae(&[], &[], 1.0, 1.0), Advantages::default());
    }

    proptest! {
        /// With lambda 1 the return is the discounted sum of what follows, whatever the critic says;
        /// with lambda 0 it is one step of the critic.
        #[test]
        fn both_ends_of_lambda(
            steps in prop::collection::vec((-2.0f64..2.0, -2.0f64..2.0), 1..30),
            gamma in 0.5f64..=1.0,
        ) {
            let (rewards, values): (Vec<f64>, Vec<f64>) = steps.into_iter().unzip();
            let all = gae(&rewards, &values, gamma, 1.0);
            let one = gae(&rewards, &values, gamma, 0.0);
            for t in 0..rewards.len() {
                let sum: f64 = rewards[t..].iter().rev().fold(0.0, |after, r| r + gamma * after);
                prop_assert!((all.returns[t] - sum).abs() < 1e-9);
                let next = values.get(t + 1).copied().unwrap_or(0.0);
                prop_assert!((one.returns[t] - (rewards[t] + gamma * next)).abs() < 1e-9);
            }
        }

        /// A critic that is right leaves nothing to be surprised by.
        #[test]
        fn a_right_critic_has_no_advantages(
            rewards in prop::collection::vec(-2.0f64..2.0, 1..30),
            lambda in 0.0f64..=1.0,
        ) {
            let values = gae(&rewards, &vec![0.0; rewards.len()], 0.9, 1.0).returns;
            let out = gae(&rewards, &values, 0.9, lambda);
            prop_assert!(out.advantages.iter().all(|a| a.abs() < 1e-9));
        }
    }
}
