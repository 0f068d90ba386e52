//! An answer depends on policy, prompt, seed and numbers alone.

#![allow(clippy::unwrap_used)]

mod common;

use common::{ending_policy, policy, prompts, tokenizer};
use puna_align::rollout::{RolloutOptions, Rollouts, SampleOptions};
use puna_compute::Cpu;
use puna_llama::{Finish, Generated, Model, SamplingOptions, Worker, WorkerOptions};
use puna_text::Tokenizer;

fn rollouts<'a>(
    model: &Model,
    tokenizer: &'a Tokenizer,
    threads: usize,
    slots: usize,
) -> Rollouts<'a> {
    let options = RolloutOptions {
        threads,
        slots,
        capacity: 96,
    };
    Rollouts::new(&model.config, tokenizer, options).unwrap()
}

fn options(k: usize) -> SampleOptions {
    SampleOptions {
        k,
        max_tokens: 12,
        sampling: SamplingOptions {
            temperature: 1.1,
            top_p: 1.0,
            seed: 9,
            ..SamplingOptions::default()
        },
        numbers: Vec::new(),
    }
}

fn asked(tokenizer: &Tokenizer, n: usize) -> Vec<Vec<u32>> {
    let prompts = prompts(n);
    prompts
        .iter()
        .map(|p| p.render(tokenizer).unwrap())
        .collect()
}

#[test]
fn neither_threads_nor_slots_nor_blocks_change_an_answer() {
    let tokenizer = tokenizer();
    let model = ending_policy(&tokenizer);
    let prompts = asked(&tokenizer, 7);
    let sample = |threads, slots, prompts: &[Vec<u32>], options: &SampleOptions| {
        rollouts(&model, &tokenizer, threads, slots)
            .sample(&model.params, prompts, options)
            .unwrap()
    };
    let all = sample(1, 1, &prompts, &options(5));
    assert!(all.len() == 7 && all.iter().all(|answers| answers.len() == 5));
    let finishes: Vec<Finish> = all.iter().flatten().map(|a| a.finish).collect();
    assert!(finishes.contains(&Finish::Eos) && finishes.contains(&Finish::Length));
    for (threads, slots) in [(1, 4), (2, 3), (3, 64), (50, 2)] {
        assert_eq!(
            sample(threads, slots, &prompts, &options(5)),
            all,
            "{threads} {slots}"
        );
    }
    // The first answers do not depend on how many there are.
    for (five, two) in all.iter().zip(sample(2, 8, &prompts, &options(2))) {
        assert_eq!(five[..2], two);
    }
    // Other prompts before and between do not matter, as long as a prompt keeps its number.
    let numbered = SampleOptions {
        numbers: vec![5, 2],
        ..options(5)
    };
    let some = sample(2, 8, &[prompts[5].clone(), prompts[2].clone()], &numbered);
    assert_eq!(some, [all[5].clone(), all[2].clone()]);
    // Neither two answers nor two prompts draw the same numbers.
    let twice = sample(1, 8, &[prompts[0].clone(), prompts[0].clone()], &options(5));
    let mut texts: Vec<&[u32]> = twice.iter().flatten().map(|a| &a.tokens[..]).collect();
    texts.sort_unstable();
    texts.dedup();
    assert!(texts.len() > 7, "{}", texts.len());
}

#[test]
fn a_changed_policy_leaves_nothing_of_the_old_one() {
    let tokenizer = tokenizer();
    let (one, other) = (ending_policy(&tokenizer), policy(&tokenizer));
    let prompts = asked(&tokenizer, 3);
    let mut kept = rollouts(&one, &tokenizer, 2, 4);
    for model in [&one, &other, &one] {
        let fresh = rollouts(model, &tokenizer, 1, 2)
            .sample(&model.params, &prompts, &options(3))
            .unwrap();
        assert_eq!(
            kept.sample(&model.params, &prompts, &options(3)).unwrap(),
            fresh
        );
    }
    // Fewer tasks than threads, and none at all.
    let first = kept
        .sample(&one.params, &prompts[..1], &options(1))
        .unwrap();
    let all = kept.sample(&one.params, &prompts, &options(3)).unwrap();
    assert_eq!(first[0][0], all[0][0]);
    assert!(
        kept.sample(&one.params, &[], &options(3))
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        kept.sample(&one.params, &prompts, &options(0)).unwrap(),
        [vec![], vec![], vec![]]
    );
}

#[test]
fn log_probabilities_are_those_of_training() {
    let tokenizer = tokenizer();
    let model = ending_policy(&tokenizer);
    let prompts = asked(&tokenizer, 4);
    let answers = rollouts(&model, &tokenizer, 2, 8)
        .sample(&model.params, &prompts, &options(3))
        .unwrap();
    let worker_options = WorkerOptions {
        max_rows: 96,
        recompute: false,
    };
    let mut worker = Worker::new(Cpu::new(1), &model.config, worker_options).unwrap();
    for (prompt, answers) in prompts.iter().zip(&answers) {
        for Generated {
            tokens, logprobs, ..
        } in answers
        {
            let all = [&prompt[..], tokens].concat();
            let mut batch = puna_llama::Batch::default();
            batch.push(&all[..all.len() - 1], &all[1..]);
            let trained = worker.logprobs(&model.params, &batch);
            assert_eq!(trained[prompt.len() - 1..], logprobs[..]);
        }
    }
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let tokenizer = tokenizer();
    let model = policy(&tokenizer);
    let prompts = asked(&tokenizer, 2);
    let mut rollouts = rollouts(&model, &tokenizer, 2, 4);
    let mut refused = |prompts: &[Vec<u32>], options: &SampleOptions| {
        let result = rollouts.sample(&model.params, prompts, options);
        result.unwrap_err().to_string()
    };
    assert!(refused(&[vec![1; 96]], &options(2)).contains("leaves no room"));
    assert!(refused(&[vec![]], &options(2)).contains("no tokens"));
    let numbered = SampleOptions {
        numbers: vec![1],
        ..options(1)
    };
    assert!(refused(&prompts, &numbered).contains("1 numbers for 2 prompts"));
    let mut bad = options(1);
    bad.sampling.top_p = 0.0;
    assert!(refused(&prompts, &bad).contains("top_p"));
    // After an error the sampler works as before.
    assert!(
        rollouts
            .sample(&model.params, &prompts, &options(2))
            .is_ok()
    );
    let options = RolloutOptions {
        threads: 1,
        slots: 0,
        capacity: 8,
    };
    let error = Rollouts::new(&model.config, &tokenizer, options)
        .err()
        .unwrap();
    assert!(error.to_string().contains("slots"));
}

/// What is remembered of the answers before changes no answer: conversations go on turn by turn.
#[test]
fn what_is_remembered_from_turn_to_turn_changes_nothing() {
    let tokenizer = tokenizer();
    let model = ending_policy(&tokenizer);
    let mut kept = rollouts(&model, &tokenizer, 2, 4);
    assert_eq!(kept.at_once(), 8);
    let error = kept.answer(&asked(&tokenizer, 1), &options(1)).unwrap_err();
    assert!(error.to_string().contains("no weights"), "{error}");
    kept.load(&model.params).unwrap();
    let mut conversations = asked(&tokenizer, 5);
    for turn in 0..3 {
        let answers = kept.answer(&conversations, &options(1)).unwrap();
        let fresh = rollouts(&model, &tokenizer, 1, 1)
            .sample(&model.params, &conversations, &options(1))
            .unwrap();
        assert_eq!(answers, fresh, "turn {turn}");
        for (conversation, answers) in conversations.iter_mut().zip(answers) {
            conversation.extend(&answers[0].tokens);
            conversation.extend([5, 6, 7]);
        }
    }
}
