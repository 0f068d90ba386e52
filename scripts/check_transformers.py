"""Loads a model directory into transformers, strictly, and prints its logits as JSON.

    python3 scripts/check_transformers.py MODEL_DIR --tokens "1 17 4" [--tokens "1 9"]... [--greedy N]
    echo '[[1, 17, 4], [1, 9]]' | python3 scripts/check_transformers.py MODEL_DIR

Each sequence runs alone, in f32 with eager attention. The output is one object:

    {"transformers": "5.23.0", "vocab_size": V, "parameters": N,
     "sequences": [{"tokens": [...], "logits": [[V numbers] for each token], "greedy": [N ids]}, ...]}

A model with a head for labels has, in place of each token's V logits, its scores: one number of a reward model.
A missing, unexpected or misshapen tensor, which transformers would only warn of, is an error here.
Exit codes: 0 printed; 1 the directory or the tokens are wrong; 3 torch or transformers is not installed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

try:
    import torch
    import transformers
except ImportError as error:
    print(f"check_transformers: {error}; pip install -r scripts/fixtures/requirements.txt", file=sys.stderr)
    sys.exit(3)


def fail(message: str) -> None:
    print(f"check_transformers: {message}", file=sys.stderr)
    sys.exit(1)


def load(directory: Path) -> transformers.PreTrainedModel:
    if not (directory / "config.json").is_file():
        fail(f"{directory}: no config.json there")
    architectures = json.loads((directory / "config.json").read_text()).get("architectures") or []
    scores = any(name.endswith("ForSequenceClassification") for name in architectures)
    kind = transformers.AutoModelForSequenceClassification if scores else transformers.AutoModelForCausalLM
    try:
        model, report = kind.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="eager", local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # transformers raises many kinds for a bad directory
        fail(f"{directory}: {type(error).__name__}: {error}")
    wrong = {kind: sorted(map(str, names)) for kind, names in report.items() if names}
    if wrong:
        fail(f"{directory}: the tensors do not match config.json: {json.dumps(wrong)}")
    return model.eval()


@torch.no_grad()
def outputs(model: transformers.PreTrainedModel, tokens: list[int]) -> torch.Tensor:
    """The head at every token; transformers' own forward of a classifier gives only the last."""
    tokens = torch.tensor([tokens])
    if not hasattr(model, "score"):
        return model(tokens, use_cache=False).logits[0]
    scores = model.score(model.model(tokens, use_cache=False).last_hidden_state)[0]
    torch.testing.assert_close(model(tokens, use_cache=False).logits[0], scores[-1])
    return scores


def read_sequences(arguments: argparse.Namespace, vocabulary: int) -> list[list[int]]:
    try:
        given = [[int(word) for word in text.split()] for text in arguments.tokens] or json.load(sys.stdin)
    except ValueError as error:
        fail(f"token ids: {error}")
    sequences = [given] if given and all(isinstance(item, int) for item in given) else given
    for sequence in sequences:
        if not sequence or not all(isinstance(item, int) and 0 <= item < vocabulary for item in sequence):
            fail(f"not a sequence of token ids from 0 to {vocabulary - 1}: {sequence}")
    return sequences


@torch.no_grad()
def continue_greedily(model: transformers.PreTrainedModel, tokens: list[int], count: int) -> list[int]:
    """The most probable token, `count` times, through the key-value cache; no stop token."""
    step, cache, chosen = torch.tensor([tokens]), None, []
    for _ in range(count):
        out = model(step, past_key_values=cache, use_cache=True)
        cache, step = out.past_key_values, out.logits[:, -1].argmax(-1, keepdim=True)
        chosen.append(int(step))
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description="Print transformers' logits for a model directory, as JSON.")
    parser.add_argument("model", type=Path, metavar="MODEL_DIR")
    parser.add_argument("--tokens", action="append", default=[], metavar="IDS", help="token ids separated by spaces")
    parser.add_argument("--greedy", type=int, default=0, metavar="N", help="also continue each sequence by N tokens")
    arguments = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)

    model = load(arguments.model)
    sequences = []
    for tokens in read_sequences(arguments, model.config.vocab_size):
        entry = {"tokens": tokens, "logits": outputs(model, tokens).tolist()}
        if arguments.greedy:
            entry["greedy"] = continue_greedily(model, tokens, arguments.greedy)
        sequences.append(entry)
    result = {
        "transformers": transformers.__version__,
        "vocab_size": model.config.vocab_size,
        "parameters": model.num_parameters(),
        "sequences": sequences,
    }
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
