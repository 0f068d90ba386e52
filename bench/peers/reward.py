"""Trains TRL's RewardTrainer on what puna-align's example `reward_human_data` trained on, and prints both.

    cargo run --release -p puna-align --example reward_human_data -- OUT
    python3 bench/peers/reward.py OUT [--plain]

OUT holds the starting model (fine-tuned, with a fresh scalar head), the pairs as token ids, the settings and Puna's
figures (`puna.json`). The peer begins with the same weights and sees the same pairs with the same batch, learning
rate, schedule and AdamW; only the order of the pairs is its own. Needs torch, transformers and, for RewardTrainer,
trl 1.x (`pip install trl`); without trl, or with `--plain`, the same loop in plain PyTorch is used, and the output says so.
Prints one JSON object: for each set trained on, seconds of training and accuracy on both test parts.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.functional import logsigmoid
from transformers import AutoModelForSequenceClassification, AutoTokenizer

SETS = ["helpful", "harmless"]
PAD = 0  # the unknown token, which no text of a byte-fallback vocabulary has

Pair = dict[str, list[int]]


def read(path: Path) -> list[Pair]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def load(out: Path) -> torch.nn.Module:
    model = AutoModelForSequenceClassification.from_pretrained(out / "start", dtype=torch.float32)
    model.config.pad_token_id = PAD
    return model


def scores(model: torch.nn.Module, texts: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, texts))
    ids = torch.tensor([text + [PAD] * (longest - len(text)) for text in texts])
    return model(ids, attention_mask=(ids != PAD).long()).logits[:, 0]


@torch.no_grad()
def accuracy(model: torch.nn.Module, pairs: list[Pair]) -> dict[str, float]:
    """The share of pairs whose chosen answer scores higher, with Wilson's interval of 95 %."""
    model.eval()
    right = sum(
        float(scores(model, [pair["chosen_ids"]])[0]) > float(scores(model, [pair["rejected_ids"]])[0]) for pair in pairs
    )
    n, z = len(pairs), 1.959964
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"value": share, "low": middle - half, "high": middle + half, "n": n}


def warmup(settings: dict, pairs: int) -> tuple[int, int]:
    steps = settings["epochs"] * math.ceil(pairs / settings["batch_pairs"])
    return min(max(math.ceil(settings["warmup_ratio"] * steps), settings["warmup_min_steps"]), steps), steps


def train_trl(out: Path, pairs: list[Pair], settings: dict) -> torch.nn.Module:
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    optimizer = settings["optimizer"]
    tokenizer = AutoTokenizer.from_pretrained(out / "start")
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(PAD)
    micro = 2  # pairs at a time, the rest accumulated: on a processor, padding to the longest costs more than it gains
    with tempfile.TemporaryDirectory() as directory:
        config = RewardConfig(
            output_dir=directory, per_device_train_batch_size=micro,
            gradient_accumulation_steps=settings["batch_pairs"] // micro,
            num_train_epochs=settings["epochs"], learning_rate=settings["lr"], lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": settings["min_lr_ratio"]},
            warmup_steps=warmup(settings, len(pairs))[0], weight_decay=optimizer["weight_decay"],
            adam_beta1=optimizer["beta1"], adam_beta2=optimizer["beta2"], adam_epsilon=optimizer["eps"],
            max_grad_norm=optimizer["clip"], max_length=settings["max_tokens"], gradient_checkpointing=False,
            bf16=False, use_cpu=True, report_to="none", save_strategy="no", disable_tqdm=True, logging_steps=10, seed=1,
        )
        model = load(out)
        trainer = RewardTrainer(model=model, args=config, processing_class=tokenizer, train_dataset=Dataset.from_list(pairs))
        trainer.train()
    return trainer.model


def train_plain(out: Path, pairs: list[Pair], settings: dict) -> torch.nn.Module:
    model, optimizer_settings = load(out).train(), settings["optimizer"]
    groups = [
        {"params": [p for p in model.parameters() if (p.ndim >= 2) == decays],
         "weight_decay": optimizer_settings["weight_decay"] if decays else 0.0}
        for decays in (True, False)
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings["lr"], eps=optimizer_settings["eps"],
                                  betas=(optimizer_settings["beta1"], optimizer_settings["beta2"]))
    warm, steps = warmup(settings, len(pairs))
    random, step = torch.Generator().manual_seed(1), 0
    for _ in range(settings["epochs"]):
        order = torch.randperm(len(pairs), generator=random).tolist()
        for start in range(0, len(order), settings["batch_pairs"]):
            step += 1
            done = (step - warm) / max(steps - warm, 1)
            floor = settings["min_lr_ratio"]
            share = step / warm if step <= warm else floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
            for group in optimizer.param_groups:
                group["lr"] = settings["lr"] * share
            batch = [pairs[i] for i in order[start:start + settings["batch_pairs"]]]
            optimizer.zero_grad()
            for at in range(0, len(batch), 2):
                part = batch[at:at + 2]
                found = scores(model, [p["chosen_ids"] for p in part] + [p["rejected_ids"] for p in part])
                (-logsigmoid(found[:len(part)] - found[len(part):]).sum() / len(batch)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), optimizer_settings["clip"])
            optimizer.step()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description="TRL's RewardTrainer on the pairs of reward_human_data.")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--plain", action="store_true", help="plain PyTorch in place of TRL")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=SETS, help="train on one of the sets")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = json.loads((arguments.out / "settings.json").read_text())
    train, peer = train_plain, f"torch {torch.__version__}, plain loop"
    if not arguments.plain:
        try:
            import trl

            train, peer = train_trl, f"trl {trl.__version__} RewardTrainer"
        except ImportError as error:
            peer += f" (no trl: {error})"
    result: dict = {"peer": peer}
    for name in [arguments.only] if arguments.only else SETS:
        pairs = read(arguments.out / f"{name}.train.jsonl")
        start, used = time.perf_counter(), time.process_time()
        model = train(arguments.out, pairs, settings)
        result[name] = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - used}
        for on in SETS:
            result[name][on] = accuracy(model, read(arguments.out / f"{on}.test.jsonl"))
    result["puna"] = json.loads((arguments.out / "puna.json").read_text())
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
