//! Completions do not depend on who else is being completed, nor on how the prompts are read.

use crate::common::*;
use puna_compute::{HostBuf, Ops, WeightFormat};
use puna_llama::{
    Decoder, Error, Finish, GenerateOptions, Generated, Model, SamplingOptions, ScoreItem, Worker,
    WorkerOptions, generate, score,
};
use puna_text::{Tokenizer, TrainOptions};

const TEXT: &str = "the llama walks up the hill and eats the grass; the puna is high and cold. \
    Ein Lama läuft über die Hügel.";

fn setting() -> (Model, Tokenizer) {
    let options = TrainOptions {
        vocab_size: 300,
        ..TrainOptions::default()
    };
    let tokenizer = Tokenizer::train([TEXT], &options).unwrap();
    (lively_model(tokenizer.vocab_size()), tokenizer)
}

fn prompts(tokenizer: &Tokenizer) -> Vec<Vec<u32>> {
    let texts = [
        "the llama walks up the hill and eats the grass",
        "the llama walks up the hill and eats the",
        "the llama walks up the hill and eats the grass",
        "Ein Lama",
        "",
        "the puna is high and cold and the llama walks up the hill and eats",
        "the llama walks up the hill and sleeps",
    ];
    texts
        .iter()
        .map(|t| [vec![tokenizer.bos()], tokenizer.encode(t)].concat())
        .collect()
}

fn run<O: Ops<Buf = HostBuf>>(
    ops: O,
    (model, tokenizer): &(Model, Tokenizer),
    slots: usize,
    options: &GenerateOptions,
) -> Vec<Generated> {
    let prompts = prompts(tokenizer);
    let mut decoder = Decoder::new(
        ops,
        &model.config,
        &model.params,
        WeightFormat::Training,
        slots,
        96,
    )
    .unwrap();
    let mut heard = vec![String::new(); prompts.len()];
    let mut listen = |i: usize, text: &str| heard[i].push_str(text);
    let out = generate(
        &mut decoder,
        tokenizer,
        &prompts,
        options,
        Some(&mut listen),
    )
    .unwrap();
    for (heard, generated) in heard.iter().zip(&out) {
        assert_eq!(heard, &generated.text);
        assert_eq!(generated.tokens.len(), generated.logprobs.len());
    }
    // A second run finds slots that hold something and says the same.
    assert_eq!(
        generate(&mut decoder, tokenizer, &prompts, options, None).unwrap(),
        out
    );
    out
}

fn batches<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let setting = setting();
    // The reference is slow, and its only claim is that it is right.
    let layouts: &[(usize, usize)] = match make().device() {
        "reference" => &[(3, 5)],
        _ => &[(4, 256), (16, 256), (3, 5), (16, 1)],
    };
    let sampled = SamplingOptions {
        temperature: 0.9,
        top_p: 0.95,
        ..SamplingOptions::default()
    };
    for sampling in [SamplingOptions::greedy(), sampled] {
        let options = |prefill_rows| GenerateOptions {
            max_tokens: 20,
            sampling: sampling.clone(),
            stop: vec!["qu".into(), "llama".into()],
            prefill_rows,
            ..GenerateOptions::default()
        };
        let alone = run(make(), &setting, 1, &options(256));
        for &(slots, prefill_rows) in layouts {
            let together = run(make(), &setting, slots, &options(prefill_rows));
            assert_eq!(together, alone, "{slots} slots, {prefill_rows} rows");
        }
    }
}

#[test]
fn batches_do_not_matter() {
    on_every_device!(make => batches(&make));
}

#[test]
fn text_is_the_decoded_tokens_up_to_the_stop() {
    let setting = setting();
    let sampling = SamplingOptions {
        temperature: 1.2,
        top_p: 1.0,
        ..SamplingOptions::default()
    };
    let base = GenerateOptions {
        max_tokens: 60,
        sampling,
        ..GenerateOptions::default()
    };
    let free = run(puna_compute::Cpu::new(1), &setting, 4, &base);
    for (prompt, generated) in prompts(&setting.1).iter().zip(&free) {
        let whole = setting.1.decode(&[&prompt[..], &generated.tokens].concat());
        assert_eq!(whole, setting.1.decode(prompt) + &generated.text);
        match generated.finish {
            Finish::Eos => assert_eq!(generated.tokens.last(), Some(&setting.1.eos())),
            Finish::Length => {
                assert_eq!(generated.tokens.len(), 60.min(96 - prompt.len()));
            }
            Finish::Stop => panic!("nothing to stop at"),
        }
    }
    // Stop at pieces of the free text that lie across tokens: two characters, anywhere.
    let mut stopped = 0;
    for start in [3, 9, 20] {
        let stop: Vec<String> = free
            .iter()
            .map(|g| g.text.chars().skip(start).take(2).collect())
            .collect();
        let stop: Vec<String> = stop
            .into_iter()
            .filter(|s: &String| !s.is_empty())
            .collect();
        let options = GenerateOptions {
            stop: stop.clone(),
            ..base.clone()
        };
        for (generated, free) in run(puna_compute::Cpu::new(1), &setting, 4, &options)
            .iter()
            .zip(&free)
        {
            assert!(free.tokens.starts_with(&generated.tokens));
            assert!(free.text.starts_with(&generated.text));
            assert!(
                stop.iter().all(|s| !generated.text.contains(s.as_str())),
                "{generated:?}"
            );
            if generated.finish == Finish::Stop {
                stopped += 1;
                assert!(
                    stop.iter()
                        .any(|s| free.text[generated.text.len()..].starts_with(s.as_str()))
                );
            }
        }
    }
    assert!(stopped > 5, "{stopped}");
}

#[test]
fn bad_input_is_refused() {
    let (model, tokenizer) = setting();
    let ops = puna_compute::Cpu::new(1);
    let mut decoder = Decoder::new(
        ops,
        &model.config,
        &model.params,
        WeightFormat::Training,
        2,
        16,
    )
    .unwrap();
    let mut refused = |prompt: Vec<u32>, options: GenerateOptions| match generate(
        &mut decoder,
        &tokenizer,
        &[vec![1], prompt],
        &options,
        None,
    ) {
        Err(Error::Input(what)) => what,
        other => panic!("{other:?}"),
    };
    let options = GenerateOptions::default;
    assert!(refused(vec![], options()).contains("prompt 1"));
    assert!(refused(vec![1; 16], options()).contains("context of 16"));
    assert!(refused(vec![1, 4000], options()).contains("4000"));
    assert!(
        refused(
            vec![1],
            GenerateOptions {
                stop: vec![String::new()],
                ..options()
            }
        )
        .contains("stop")
    );
    let sampling = SamplingOptions {
        top_p: 0.0,
        ..SamplingOptions::default()
    };
    assert!(
        refused(
            vec![1],
            GenerateOptions {
                sampling,
                ..options()
            }
        )
        .contains("top_p")
    );
}

fn scores<O: Ops<Buf = HostBuf>>(make: &dyn Fn() -> O) {
    let setting = setting();
    let options = GenerateOptions {
        max_tokens: 12,
        ..GenerateOptions::default()
    };
    let generated = run(make(), &setting, 2, &options);
    let mut items: Vec<ScoreItem> = prompts(&setting.1)
        .into_iter()
        .zip(&generated)
        .map(|(context, g)| ScoreItem {
            context,
            continuation: g.tokens.clone(),
        })
        .collect();
    items.insert(
        2,
        ScoreItem {
            context: vec![1],
            continuation: vec![],
        },
    );
    let (model, _) = &setting;
    let at = |max_rows| {
        let options = WorkerOptions {
            max_rows,
            recompute: true,
        };
        let mut worker = Worker::new(make(), &model.config, options).unwrap();
        score(&mut worker, &model.params, &items)
    };
    let scored = at(4096).unwrap();
    assert_eq!(scored, at(90).unwrap());
    assert_eq!(scored, at(200).unwrap());
    assert!(at(8).unwrap_err().to_string().contains("item 0"));
    assert_eq!(scored[2].sum, 0.0);
    for (s, g) in scored
        .iter()
        .enumerate()
        .filter(|&(i, _)| i != 2)
        .map(|(_, s)| s)
        .zip(&generated)
    {
        // The reference keeps its logits in f64 until the softmax is done.
        if make().device() == puna_compute::Reference.device() {
            assert_close("score and sampler", &s.logprobs, &g.logprobs, 2e-5);
        } else {
            assert_same_bits("score and sampler", &s.logprobs, &g.logprobs);
        }
        let sum: f64 = s.logprobs.iter().map(|&p| f64::from(p)).sum();
        assert_eq!(s.sum, sum);
    }
}

#[test]
fn scores_do_not_depend_on_packing() {
    on_every_device!(make => scores(&make));
}

/// What the sampler reports of a token is what a training pass finds, to the bit: with it, the
/// importance ratio of the first PPO step is exactly 1.
#[test]
fn sampled_logprobs_are_those_of_training() {
    let (model, tokenizer) = setting();
    let prompts: Vec<Vec<u32>> = (0..16)
        .map(|i| tokenizer.encode(&TEXT[i..i + 5 + 3 * i]))
        .collect();
    for isa in puna_compute::Isa::available() {
        for (slots, temperature) in [(1, 1.3), (4, 0.7), (16, 1.0), (16, 2.0)] {
            let make = || puna_compute::Cpu::with_isa(2, isa);
            let (config, params) = (&model.config, &model.params);
            let mut decoder =
                Decoder::new(make(), config, params, WeightFormat::Training, slots, 128).unwrap();
            let options = GenerateOptions {
                max_tokens: 40,
                sampling: SamplingOptions {
                    temperature,
                    top_p: 0.95,
                    ..SamplingOptions::default()
                },
                ..GenerateOptions::default()
            };
            let generated = generate(&mut decoder, &tokenizer, &prompts, &options, None).unwrap();
            let items: Vec<ScoreItem> = prompts
                .iter()
                .zip(&generated)
                .map(|(context, g)| ScoreItem {
                    context: context.clone(),
                    continuation: g.tokens.clone(),
                })
                .collect();
            let options = WorkerOptions {
                max_rows: 300,
                recompute: true,
            };
            let mut worker = Worker::new(make(), config, options).unwrap();
            let scored = score(&mut worker, params, &items).unwrap();
            for (s, g) in scored.iter().zip(&generated) {
                assert!(!g.tokens.is_empty());
                let what = format!("{isa:?}, {slots} slots, temperature {temperature}");
                assert_same_bits(&what, &g.logprobs, &s.logprobs);
            }
        }
    }
}
