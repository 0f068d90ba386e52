//! Sampling many answers to many prompts on all threads (paper section 3.2.3: both rejection sampling
//! and PPO begin with it).
//!
//! Every answer draws from a random stream that its prompt and its own number name, and the decoder
//! gives a sequence the same logits whatever shares its pass: an answer is the same for any number of
//! threads and slots, and whichever others are asked for.

use crate::error::{Error, Result, at_least_one};
use puna_compute::{Cpu, HostBuf, Team, WeightFormat};
use puna_llama::{
    Config, Decoder, GenerateOptions, Generated, Params, SamplingOptions, check_tokenizer, generate,
};
use puna_text::Tokenizer;

/// Answers that a thread writes at once, where nothing speaks for another number: two strips of the matrix
/// unit's rows, a seventh faster than one for a model of 128 dimensions and 4 layers. With vectors 8 to 32 are
/// as fast; with 64 it takes 1.7 times as long, since the keys and values of so many no longer stay near.
pub const SLOTS: usize = 32;

/// How a sampler is laid out; of no influence on what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutOptions {
    /// Threads, each with its own copy of the weights.
    pub threads: usize,
    /// Answers that a thread writes at once; [`SLOTS`] is a good number. More read the weights less
    /// often, and the cache, `2 * layers * kv_width * capacity` numbers each, from farther away.
    pub slots: usize,
    /// Most tokens of a prompt and its answer.
    pub capacity: usize,
}

/// How answers are sampled.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleOptions {
    /// Answers to each prompt.
    pub k: usize,
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// How each token is chosen, and the seed of all.
    pub sampling: SamplingOptions,
    /// Number of each prompt, which names its random streams; empty is 0, 1, 2 and so on. A prompt
    /// that keeps its number gets the same answers, whichever others it is sampled with.
    pub numbers: Vec<u32>,
}

/// A sampler of answers.
pub struct Rollouts<'a> {
    config: Config,
    tokenizer: &'a Tokenizer,
    options: RolloutOptions,
    /// One a thread; none before the weights are loaded.
    decoders: Vec<Decoder<Cpu>>,
    team: Team,
}

impl<'a> Rollouts<'a> {
    /// A sampler for models of that shape.
    ///
    /// # Errors
    /// A size that is 0; a tokenizer that is not the model's.
    pub fn new(config: &Config, tokenizer: &'a Tokenizer, options: RolloutOptions) -> Result<Self> {
        at_least_one([
            ("threads", options.threads),
            ("slots", options.slots),
            ("capacity", options.capacity),
        ])?;
        check_tokenizer(config, tokenizer)?;
        Ok(Self {
            config: config.clone(),
            tokenizer,
            options,
            decoders: Vec::new(),
            team: Team::new(options.threads),
        })
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &'a Tokenizer {
        self.tokenizer
    }

    /// The layout.
    pub fn options(&self) -> &RolloutOptions {
        &self.options
    }

    /// How many answers are written at once.
    pub fn at_once(&self) -> usize {
        self.options.threads * self.options.slots
    }

    /// Takes these weights, and forgets what it read with others.
    ///
    /// # Errors
    /// Weights of another shape, or too little memory.
    pub fn load(&mut self, params: &Params<HostBuf>) -> Result<()> {
        // After an error there are none, rather than some with these weights and some with others.
        let decoders = std::mem::take(&mut self.decoders).into_iter().map(Some);
        let mut each: Vec<_> = decoders.map(|decoder| (decoder, Ok(()))).collect();
        each.resize_with(self.options.threads, || (None, Ok(())));
        self.team.each(&mut each, &|(decoder, result)| {
            *result = match decoder {
                Some(decoder) => decoder.set_params(params),
                None => Decoder::new(
                    Cpu::new(1),
                    &self.config,
                    params,
                    WeightFormat::Training,
                    self.options.slots,
                    self.options.capacity,
                )
                .map(|new| *decoder = Some(new)),
            };
        });
        let mut decoders = Vec::with_capacity(each.len());
        for (decoder, result) in each {
            result?;
            decoders.extend(decoder);
        }
        self.decoders = decoders;
        Ok(())
    }

    /// [`Self::load`] and [`Self::answer`].
    ///
    /// # Errors
    /// Those of the two.
    pub fn sample(
        &mut self,
        params: &Params<HostBuf>,
        prompts: &[Vec<u32>],
        options: &SampleOptions,
    ) -> Result<Vec<Vec<Generated>>> {
        self.load(params)?;
        self.answer(prompts, options)
    }

    /// `k` answers to each prompt, by prompt, with the loaded weights. What a prompt has in common with
    /// one of those answered last is not read again: conversations that are answered turn by turn, no
    /// more than [`Self::at_once`] together, cost their new tokens only. Prompts are token ids as
    /// [`crate::prompt::Prompt::render`] gives them. Answers carry the log-probabilities of their tokens,
    /// bit for bit those of the training pass.
    ///
    /// # Errors
    /// No weights; a prompt that leaves no room in the capacity or holds ids that the model does not
    /// have; options without meaning; logits that are not finite.
    pub fn answer(
        &mut self,
        prompts: &[Vec<u32>],
        options: &SampleOptions,
    ) -> Result<Vec<Vec<Generated>>> {
        if self.decoders.is_empty() {
            return Err(Error::Data(
                "the sampler has no weights; load a model's first".into(),
            ));
        }
        let (k, n) = (options.k, prompts.len() * options.k);
        if u32::try_from(prompts.len().max(k)).is_err() {
            return Err(Error::setting("k", "prompts and answers are below 2^32"));
        }
        if !options.numbers.is_empty() && options.numbers.len() != prompts.len() {
            return Err(Error::Data(format!(
                "{} numbers for {} prompts; give each one, or none",
                options.numbers.len(),
                prompts.len()
            )));
        }
        let threads = self.options.threads.min(n);
        let tasks: Vec<_> = (0..threads)
            .map(|t| t * n / threads..(t + 1) * n / threads)
            .collect();
        let (tokenizer, decoders) = (self.tokenizer, &mut self.decoders);
        let work = |decoder: &mut Decoder<Cpu>, range: std::ops::Range<usize>| {
            let stream = |job: usize| {
                let number = options.numbers.get(job / k).copied();
                u64::from(number.unwrap_or((job / k) as u32)) << 32 | (job % k) as u64
            };
            let options = GenerateOptions {
                max_tokens: options.max_tokens,
                sampling: options.sampling.clone(),
                streams: range.clone().map(stream).collect(),
                ..GenerateOptions::default()
            };
            // Neighbours share their prompt, which is then read once.
            let prompts: Vec<Vec<u32>> = range.map(|job| prompts[job / k].clone()).collect();
            let answers = generate(decoder, tokenizer, &prompts, &options, None)?;
            Ok::<_, Error>(answers)
        };
        let tasks = decoders.iter_mut().zip(tasks);
        let mut each: Vec<_> = tasks.map(|task| (task, Ok(Vec::new()))).collect();
        self.team.each(&mut each, &|((decoder, range), result)| {
            *result = work(decoder, range.clone());
        });
        let mut all = Vec::with_capacity(n);
        for (_, result) in each {
            all.extend(result?);
        }
        let mut all = all.into_iter();
        Ok(prompts
            .iter()
            .map(|_| all.by_ref().take(k).collect())
            .collect())
    }
}
