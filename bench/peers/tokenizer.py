"""Tokenizer speed on one thread: Puna, Hugging Face tokenizers, sentencepiece and kitoken on the same text.

    pip install sentencepiece tokenizers zstandard
    python3 bench/peers/tokenizer.py [encode|train|all] [--rounds 5] [--json FILE]

Encoding uses Llama 2's vocabulary where ../shared/data has it, else one that Puna trains, and takes the text line by
line. Each round times every tool once, in turn; the table shows the median. All must give the same ids (differences
are counted and shown). Training is SentencePiece's BPE with Llama 2's settings; Puna's pieces are compared with
sentencepiece's, while tokenizers' trainer has settings as near as it offers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
import zstandard  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared/data"
WORK = HERE / ".work"


def cargo_target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def build(kitoken: bool) -> dict[str, Path]:
    command = ["cargo", "build", "--release", "-p", "puna-text", "--example", "encode_bench"]
    subprocess.run(command, cwd=ROOT, check=True)
    tools = {"puna": cargo_target() / "release/examples/encode_bench"}
    if kitoken:
        target = WORK / "kitoken"
        command = ["cargo", "build", "--release", "--target-dir", str(target)]
        subprocess.run(command, cwd=HERE / "kitoken", check=True)
        tools["kitoken"] = target / "release/kitoken-bench"
    return tools


def texts(directory: Path) -> dict[str, Path]:
    """The stories, and the first 10 MB of the books."""
    stories = [json.loads(line)["text"] for line in (DATA / "text/stories.jsonl").open(encoding="utf-8")]
    with (DATA / "text/books.jsonl.zst").open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file)
        raw, books = b"", []
        while sum(map(len, books)) < 10_000_000 and (chunk := reader.read(1 << 20)):
            raw += chunk
            *lines, raw = raw.split(b"\n")
            books += [json.loads(line)["text"].encode() for line in lines]
    contents = {
        "stories": "\n\n".join(stories).encode(),
        "books": b"\n\n".join(books)[:10_000_000].decode(errors="ignore").encode(),
    }
    files = {}
    for name, content in contents.items():
        files[name] = directory / f"{name}.txt"
        files[name].write_bytes(content)
    return files


def run(command: list) -> dict:
    return json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True).stdout)


def ids_of(path: Path) -> list[int]:
    import array

    ids = array.array("I")
    ids.frombytes(path.read_bytes())
    return ids.tolist()


def timed(function) -> tuple[float, object]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def table(title: str, times: dict[str, list[float]], megabytes: float | None, notes: dict[str, str]) -> None:
    print(f"\n{title}")
    ours = statistics.median(times["puna"])
    for tool, values in times.items():
        middle = statistics.median(values)
        speed = f"{megabytes / middle:9.1f} MB/s" if megabytes else ""
        print(f"  {tool:14} {middle:9.3f} s {speed}  puna is {middle / ours:6.2f}x   {notes.get(tool, '')}")


def encode(tools: dict[str, Path], files: dict[str, Path], rounds: int, scratch: Path) -> dict:
    source = DATA / "tokenizers/llama2/tokenizer.model"
    model = scratch / "vocabulary"
    if source.exists():
        model.mkdir()
        (model / "tokenizer.model").write_bytes(source.read_bytes())
    else:
        run([tools["puna"], "train", files["books"], 32000, model])
    # Puna writes the tokenizer.json that tokenizers reads.
    run([tools["puna"], "convert", model / "tokenizer.model", model])
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(model / "tokenizer.model"))
    fast = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    results = {}
    for name, file in files.items():
        lines = file.read_text(encoding="utf-8").split("\n")
        times: dict[str, list[float]] = {}
        ids: dict[str, list[int]] = {}
        for _ in range(rounds):
            out = scratch / "ids"
            seconds = run([tools["puna"], "encode", model / "tokenizer.model", file, "lines", 2, out])["seconds"]
            times.setdefault("puna", []).append(seconds)
            ids["puna"] = ids_of(out)
            if "kitoken" in tools:
                seconds = run([tools["kitoken"], model / "tokenizer.model", file, out])["seconds"]
                times.setdefault("kitoken", []).append(seconds)
                ids["kitoken"] = ids_of(out)
            seconds, encoded = timed(lambda: theirs.encode(lines, num_threads=1))
            times.setdefault("sentencepiece", []).append(seconds)
            ids["sentencepiece"] = [i for line in encoded for i in line]
            seconds, encoded = timed(lambda: fast.encode_batch_fast(lines, add_special_tokens=False))
            times.setdefault("tokenizers", []).append(seconds)
            ids["tokenizers"] = [i for line in encoded for i in line.ids]
        notes = {}
        for tool, found in ids.items():
            same = found == ids["sentencepiece"]
            notes[tool] = f"{len(found)} ids" if same else f"{len(found)} ids, NOT those of sentencepiece"
        table(f"encoding {name}, line by line", times, file.stat().st_size / 1e6, notes)
        results[f"encode {name}"] = {"seconds": times, "ids": notes}
    return results


def train_sentencepiece(file: Path, vocab_size: int, prefix: Path) -> None:
    sentencepiece.SentencePieceTrainer.train(
        input=str(file), model_prefix=str(prefix), vocab_size=vocab_size, model_type="bpe",
        character_coverage=0.99995, max_sentence_length=1 << 28, split_digits=True, byte_fallback=True,
        allow_whitespace_only_pieces=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        num_threads=1, minloglevel=2)


def train_tokenizers(file: Path, vocab_size: int) -> None:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=True))
    tokenizer.normalizer = tokenizers.normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Split(tokenizers.Regex("\u2581*[^\u2581\n]+"), "isolated"),
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.Punctuation(),
    ])
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, max_token_length=16)
    tokenizer.train([str(file)], trainer)


def train(tools: dict[str, Path], files: dict[str, Path], rounds: int, scratch: Path) -> dict:
    results = {}
    for name, vocab_size in [("stories", 4096), ("books", 4096), ("books", 32000)]:
        file = files[name]
        times: dict[str, list[float]] = {}
        for _ in range(rounds):
            seconds = run([tools["puna"], "train", file, vocab_size, scratch / "ours"])["seconds"]
            times.setdefault("puna", []).append(seconds)
            seconds, _ = timed(lambda: train_sentencepiece(file, vocab_size, scratch / "theirs"))
            times.setdefault("sentencepiece", []).append(seconds)
            seconds, _ = timed(lambda: train_tokenizers(file, vocab_size))
            times.setdefault("tokenizers", []).append(seconds)
        ours = sentencepiece.SentencePieceProcessor(model_file=str(scratch / "ours/tokenizer.model"))
        theirs = sentencepiece.SentencePieceProcessor(model_file=str(scratch / "theirs.model"))
        differing = sum(ours.id_to_piece(i) != theirs.id_to_piece(i) for i in range(vocab_size))
        notes = {"puna": f"{vocab_size - differing} of {vocab_size} pieces are sentencepiece's"}
        table(f"training on {name}, {vocab_size} pieces", times, None, notes)
        results[f"train {name} {vocab_size}"] = {"seconds": times, "differing_pieces": differing}
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="?", default="all", choices=["encode", "train", "all"])
    parser.add_argument("--rounds", type=int, default=5, help="how often each tool runs (default: %(default)s)")
    parser.add_argument("--no-kitoken", action="store_true", help="leave kitoken out (its build takes minutes)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    if not (DATA / "text").is_dir():
        print("tokenizer.py: needs ../shared/data/text beside the repository", file=sys.stderr)
        return 1
    tools = build(kitoken=options.what != "train" and not options.no_kitoken)
    print(f"tokenizers {tokenizers.__version__}, sentencepiece {sentencepiece.__version__}, kitoken 0.11.1")
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = texts(Path(scratch))
        for what, job in (("encode", encode), ("train", train)):
            if options.what in (what, "all"):
                results |= job(tools, files, options.rounds, Path(scratch))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
