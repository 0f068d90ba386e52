//! Tests that the annotators are as they are said to be, and the labels in the paper's shares.

use std::collections::BTreeMap;

use super::{
    Check, Excluded, FeedbackOptions, Prompt, Rules, SafetyLabel, Split, Stream, Strength,
};
use crate::world::{World, WorldOptions};

fn default_world() -> World {
    World::generate(&WorldOptions::default())
}

/// Accuracy against the rules is nearly one where the annotators say "significantly better", falls
/// from level to level, and is near a half at "negligibly".
#[test]
fn annotators_are_right_where_they_are_sure() {
    let world = default_world();
    let options = FeedbackOptions {
        preferences: 6_000,
        safety_preferences: 6_000,
        ..FeedbackOptions::default()
    };
    let feedback = world.feedback(&options);
    let prompts = feedback.prompts(Split::Train).iter();
    let by_text: BTreeMap<&str, &Prompt> = prompts.map(|p| (p.text(), p)).collect();
    for stream in [Stream::Helpfulness, Stream::Safety] {
        let (mut right, mut all) = (BTreeMap::new(), BTreeMap::new());
        let mut by_half = [0_usize; 2];
        for preference in feedback
            .preferences(stream, Split::Train)
            .into_iter()
            .flatten()
        {
            let (_, text) = &preference.dialogue[preference.dialogue.len() - 1];
            let prompt = by_text[text.as_str()];
            let points = [&preference.chosen, &preference.rejected].map(|answer| {
                let verdict = Rules.judge(prompt, answer);
                match stream {
                    Stream::Helpfulness => 100 * u32::from(verdict.helpfulness),
                    Stream::Safety => {
                        85 * u32::from(verdict.safety) + 15 * u32::from(verdict.helpfulness)
                    }
                }
            });
            // Answers of equal worth count half.
            let won = match points[0].cmp(&points[1]) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
            *right.entry(preference.strength).or_insert(0.0) += won;
            *all.entry(preference.strength).or_insert(0_usize) += 1;
            if preference.strength == Strength::SignificantlyBetter {
                by_half[usize::from(preference.batch > Some(7))] += 1;
            }
        }
        let accuracy = Strength::ALL.map(|level| right[&level] / all[&level] as f64);
        println!("{stream:?}: {accuracy:?} of {all:?}");
        assert!(
            accuracy[0] > 0.99 && accuracy[1] > 0.98,
            "{stream:?} {accuracy:?}"
        );
        assert!(
            accuracy[3] < 0.75 && accuracy[3] < accuracy[2],
            "{stream:?} {accuracy:?}"
        );
        assert!(all.values().all(|count| *count > 100), "{stream:?} {all:?}");
        assert!(
            by_half[0] > by_half[1] * 5 / 4,
            "the measure drifts: {by_half:?}"
        );
    }
}

#[test]
fn safety_labels_come_in_the_papers_shares() {
    let world = default_world();
    let options = FeedbackOptions {
        preferences: 6_000,
        safety_preferences: 6_000,
        ..FeedbackOptions::default()
    };
    let feedback = world.feedback(&options);
    let mut labels: BTreeMap<SafetyLabel, usize> = BTreeMap::new();
    let mut excluded: BTreeMap<Excluded, usize> = BTreeMap::new();
    for compared in feedback.preferences(Stream::Safety, Split::Train) {
        match compared {
            Ok(preference) => {
                let label = preference.safety.expect("in the safety stream");
                *labels.entry(label).or_default() += 1;
                assert_ne!(preference.chosen, preference.rejected);
            }
            Err(why) => *excluded.entry(why).or_default() += 1,
        }
    }
    let kept: usize = labels.values().sum();
    let share = |label| labels[&label] * 100 / kept;
    assert!(
        (14..=22).contains(&share(SafetyLabel::ChosenSafe)),
        "{labels:?}"
    );
    assert!(
        (43..=51).contains(&share(SafetyLabel::BothSafe)),
        "{labels:?}"
    );
    assert!(
        (31..=39).contains(&share(SafetyLabel::BothUnsafe)),
        "{labels:?}"
    );
    assert!(
        excluded
            .get(&Excluded::UnsafeChosen)
            .is_some_and(|n| *n < 300),
        "{excluded:?}"
    );
    let helpful = feedback.preferences(Stream::Helpfulness, Split::Train);
    assert!(
        helpful
            .into_iter()
            .flatten()
            .all(|preference| preference.safety.is_none())
    );
}

/// An answer that is about somebody else than was asked for is worse than one that is not, and there are enough
/// of them to learn from: without any, a reward model cannot tell who a story is about.
#[test]
fn what_is_about_somebody_else_loses() {
    let world = default_world();
    let options = FeedbackOptions {
        preferences: 12_000,
        ..FeedbackOptions::default()
    };
    let feedback = world.feedback(&options);
    let prompts = feedback.prompts(Split::Train).iter();
    let about =
        |prompt: &&Prompt| matches!(&prompt.check, Check::Names { names, .. } if names.len() > 1);
    let stories: BTreeMap<&str, &Prompt> = prompts
        .filter(about)
        .map(|prompt| (prompt.text(), prompt))
        .collect();
    let (mut wrong, mut lost) = (0, 0);
    for preference in feedback
        .preferences(Stream::Helpfulness, Split::Train)
        .into_iter()
        .flatten()
    {
        let (_, text) = &preference.dialogue[preference.dialogue.len() - 1];
        let models = preference.models.unwrap_or_default();
        let Some(prompt) = stories.get(text.as_str()) else {
            continue;
        };
        for (model, answer) in models
            .iter()
            .zip([&preference.chosen, &preference.rejected])
        {
            if model == "world_wrong" {
                wrong += 1;
                assert!(!Rules.judge(prompt, answer).helpful, "{text}: {answer}");
            }
        }
        lost += usize::from(models == ["world_good", "world_wrong"]);
    }
    assert!(wrong > 100 && lost > 20, "{wrong} {lost}");
}
