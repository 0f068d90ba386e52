"""Times iterations of PPO in Puna, in a plain PyTorch loop and in TRL, interleaved, on one random model.

    cargo build --release -p puna-align --example ppo_benchmark
    pip install -r bench/peers/ppo_requirements.txt
    python3 bench/peers/ppo.py --puna target/release/examples/ppo_benchmark [--dim 288 --layers 6 ..]

An iteration is what the Llama 2 paper does in section 3.2.3: an answer to each prompt, its log-probabilities under the
reference, the critic's values, the scores of reward models, and one gradient step of policy and critic for each
mini-batch. The shapes are the same for all: prompts of one length, answers of one length (nothing ends them), f32,
policy, reference, critic and reward models of one size. Puna and the plain loop ask two reward models, as the paper does,
or with `--reward-models 1` one, which is all that TRL's trainer has room for. The first iteration of each run warms up and does not count; the figures are medians of all others: the
seconds that passed, and the processor's seconds, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

DEFAULTS = {
    "dim": 288, "layers": 6, "heads": 6, "hidden": 768, "vocab": 4096,
    "prompt": 64, "answer": 64, "batch": 64, "mini-batch": 16, "reward-models": 2, "threads": 2, "iterations": 3,
}

# Seconds that passed and seconds of the processor.
Mark = tuple[float, float]


def now() -> Mark:
    return time.perf_counter(), time.process_time()


def models(args: argparse.Namespace):
    """Policy, critic and reward models."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=args.dim, num_hidden_layers=args.layers, num_attention_heads=args.heads, intermediate_size=args.hidden,
        vocab_size=args.vocab, max_position_embeddings=args.prompt + args.answer, rms_norm_eps=1e-5, num_labels=1,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )
    scalar = [LlamaForSequenceClassification(config) for _ in range(1 + max(1, args.reward_models))]
    return LlamaForCausalLM(config), scalar[0], scalar[1:]


def plain_torch(args: argparse.Namespace) -> list[Mark]:
    """The loop as one would write it by hand over transformers' models."""
    import torch

    policy, critic, rewards = models(args)
    reference = copy.deepcopy(policy)
    optimizers = [torch.optim.AdamW(m.parameters(), lr=1e-6, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1, fused=True)
                  for m in (policy, critic)]
    prompts = torch.randint(3, args.vocab, (args.batch, args.prompt))

    def logprobs(model, ids):
        logits = model(ids, use_cache=False, logits_to_keep=args.answer + 1).logits[:, :-1]
        return logits.log_softmax(-1).gather(-1, ids[:, args.prompt:, None]).squeeze(-1)

    def values(model, ids):
        hidden = model.model(ids, use_cache=False).last_hidden_state
        return model.score(hidden[:, args.prompt - 1:]).squeeze(-1)

    def whiten(x):
        return (x - x.mean()) * torch.rsqrt(x.var() + 1e-8)

    def step(optimizer, model, loss):
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    marks = [now()]
    for _ in range(args.iterations):
        with torch.no_grad():
            ids = policy.generate(prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0,
                                  top_p=1.0, min_new_tokens=args.answer, max_new_tokens=args.answer)
            old = torch.cat([logprobs(policy, x) for x in ids.split(args.mini_batch)])
            ref = torch.cat([logprobs(reference, x) for x in ids.split(args.mini_batch)])
            old_values = torch.cat([values(critic, x)[:, :-1] for x in ids.split(args.mini_batch)])
            scores = [torch.cat([values(m, x)[:, -1] for x in ids.split(args.mini_batch)]) for m in rewards]
            per_token = -0.01 * (old - ref)
            per_token[:, -1] += whiten(torch.where(scores[-1].sigmoid() < 0.15, scores[-1], scores[0]))
            advantage, advantages = torch.zeros(args.batch), []
            for t in reversed(range(args.answer)):
                after = old_values[:, t + 1] if t + 1 < args.answer else 0.0
                advantage = per_token[:, t] + after - old_values[:, t] + 0.95 * advantage
                advantages.append(advantage)
            advantages = torch.stack(advantages[::-1], 1)
            returns = advantages + old_values
            advantages = whiten(advantages)
        for mb in torch.randperm(args.batch).split(args.mini_batch):
            ratio = (logprobs(policy, ids[mb]) - old[mb]).exp()
            a = advantages[mb]
            step(optimizers[0], policy, torch.maximum(-a * ratio, -a * ratio.clamp(0.8, 1.2)).mean())
            v = values(critic, ids[mb])[:, :-1]
            held = old_values[mb] + (v - old_values[mb]).clamp(-0.2, 0.2)
            step(optimizers[1], critic, 0.5 * torch.maximum((v - returns[mb]) ** 2, (held - returns[mb]) ** 2).mean())
        marks.append(now())
    return marks


def trl(args: argparse.Namespace) -> list[Mark]:
    """TRL's PPOTrainer, one epoch an iteration."""
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    policy, critic, rewards = models(args)
    words = {f"w{i}": i for i in range(args.vocab)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words, unk_token="w3")), pad_token="w0",
                                        bos_token="w1", eos_token="w2", padding_side="left")
    prompts = torch.randint(3, args.vocab, (args.batch, args.prompt)).tolist()
    dataset = Dataset.from_dict({"input_ids": prompts})
    marks: list[Mark] = []

    class Clock(TrainerCallback):
        def on_train_begin(self, *_, **__):
            marks.append(now())

        def on_step_end(self, *_, **__):
            marks.append(now())

    with tempfile.TemporaryDirectory() as out:
        config = PPOConfig(
            output_dir=out, use_cpu=True, bf16=False, gradient_checkpointing=False, report_to=[], disable_tqdm=True,
            save_strategy="no", num_sample_generations=0, learning_rate=1e-6, weight_decay=0.1,
            per_device_train_batch_size=args.mini_batch, gradient_accumulation_steps=args.batch // args.mini_batch,
            num_mini_batches=args.batch // args.mini_batch, local_rollout_forward_batch_size=args.mini_batch,
            num_ppo_epochs=1, total_episodes=args.batch * args.iterations, response_length=args.answer, temperature=1.0,
            kl_coef=0.01,
        )
        trainer = PPOTrainer(args=config, processing_class=tokenizer, model=policy, ref_model=copy.deepcopy(policy),
                             reward_model=rewards[0], value_model=critic, train_dataset=dataset, eval_dataset=dataset,
                             callbacks=[Clock()])
        trainer.train()
    return marks


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in DEFAULTS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each engine, one after the other")
    parser.add_argument("--puna", help="the built example; without it only the peers run")
    parser.add_argument("--engines", default="puna,torch,trl")
    parser.add_argument("--one", choices=["torch", "trl"], help="run this engine here and print its seconds")
    return parser.parse_args()


def main() -> None:
    args = parse()
    if args.one:
        marks = {"torch": plain_torch, "trl": trl}[args.one](args)
        wall, cpu = ([b[i] - a[i] for a, b in zip(marks, marks[1:])] for i in range(2))
        print(json.dumps({"seconds": wall, "cpu_seconds": cpu}))
        return
    shape = [x for name in DEFAULTS for x in (f"--{name}", str(getattr(args, name.replace("-", "_"))))]
    engines = [e for e in args.engines.split(",") if e != "puna" or args.puna]
    # Threads that spin while they wait would take the processor from the others.
    environment = os.environ | {"OMP_NUM_THREADS": str(args.threads), "OMP_WAIT_POLICY": "PASSIVE"}
    runs: dict[str, dict[str, list[float]]] = {engine: {"seconds": [], "cpu_seconds": []} for engine in engines}
    for _ in range(args.rounds):
        for engine in engines:
            command = [args.puna] if engine == "puna" else [sys.executable, __file__, "--one", engine]
            out = subprocess.run(command + shape, check=True, capture_output=True, text=True, env=environment).stdout
            report = json.loads(out.strip().splitlines()[-1])
            for kind, values in runs[engine].items():
                values += report[kind][1:]
            print(engine, report["seconds"], report["cpu_seconds"], file=sys.stderr, flush=True)
    medians = {engine: {kind: statistics.median(v) for kind, v in kinds.items()} for engine, kinds in runs.items()}
    print(json.dumps({"shape": shape, "runs": runs, "median": medians}))


if __name__ == "__main__":
    main()
