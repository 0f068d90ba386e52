"""What is compared: the jobs, their shapes, and how each engine is asked for them and answers."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = HERE / ".work"

TRAIN = dict(dim=288, layers=6, heads=6, kv_heads=6, hidden=768, vocab=4096, seq=256, batch=8)
DECODE = dict(dim=768, layers=12, heads=12, kv_heads=12, hidden=2048, vocab=32_000)
PREFILL_TOKENS, DECODE_TOKENS = 256, 64
WEIGHTS = ("f32", "bf16", "q8_0")
JOBS = ("train", "decode", "prefill")


class Missing(Exception):
    """Something that a comparison needs is not there; the message says how to get it."""


@dataclasses.dataclass(frozen=True)
class Answer:
    tokens_per_second: float
    engine: str
    share_of_peak: float | None = None


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str
    command: list[str]
    read: Callable[[str], Answer]
    # Puna's speed over this engine's that the project wants at least; None for Puna itself.
    aim: float | None = None


@dataclasses.dataclass(frozen=True)
class Job:
    title: str
    puna: Engine
    peers: list[Engine]


def flags(shape: dict[str, int], names: tuple[str, ...] | None = None) -> list[str]:
    return [word for name in names or shape for word in (f"--{name.replace('_', '-')}", str(shape[name]))]


def puna_binary() -> Path:
    path = Path(os.environ.get("PUNA_BIN") or ROOT / "target/release/puna")
    if not path.is_file():
        raise Missing(f"{path}: no puna there; run `cargo build --release`, or set PUNA_BIN, or pass --only peers")
    return path


def peers_python() -> Path:
    """An interpreter that has the packages of requirements.txt."""
    for path in (os.environ.get("PEERS_PYTHON"), WORK / "venv/bin/python", sys.executable):
        if path and Path(path).is_file():
            return Path(path)
    raise Missing("no Python for the peers; run `python3 bench/peers/prepare.py`, or set PEERS_PYTHON")


def llama_bench() -> Path:
    for path in (os.environ.get("LLAMA_BENCH"), WORK / "llama.cpp-build/bin/llama-bench", shutil.which("llama-bench")):
        if path and Path(path).is_file():
            return Path(path)
    raise Missing("no llama-bench; run `python3 bench/peers/prepare.py`, or set LLAMA_BENCH")


def random_gguf(weights: str) -> Path:
    """The GGUF file with DECODE's shape and random weights, made on first use."""
    path = WORK / "models" / f"random-{DECODE['dim']}x{DECODE['layers']}-{weights}.gguf"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"writing {path.relative_to(ROOT)}", file=sys.stderr)
        script = [str(peers_python()), str(HERE / "gguf_random.py"), str(path), "--weights", weights]
        made = subprocess.run(script + flags(DECODE), capture_output=True, text=True)
        if made.returncode != 0:
            raise Missing(f"gguf_random.py could not write {path}:\n{made.stderr.strip()}")
    return path


def read_puna(stdout: str) -> Answer:
    told = json.loads(stdout)
    return Answer(float(told["tokens_per_second"]), "puna", told.get("share_of_peak"))


def read_torch(stdout: str) -> Answer:
    told = json.loads(stdout.strip().splitlines()[-1])
    return Answer(told["tokens_per_second"], told["engine"])


def read_llama_bench(stdout: str) -> Answer:
    (told,) = json.loads(stdout)
    return Answer(statistics.median(told["samples_ts"]), f"llama.cpp {told['build_commit']}")


def puna(command: str, arguments: list[str], threads: int, wanted: bool) -> Engine:
    binary = str(puna_binary()) if wanted else "puna"
    return Engine("puna", [binary, "bench", command, *arguments, "--threads", str(threads), "--json"], read_puna)


def train_jobs(threads: int, with_puna: bool, with_peers: bool) -> list[Job]:
    shape = flags(TRAIN)
    peers = []
    if with_peers:
        script = [str(peers_python()), str(HERE / "train_torch.py"), *shape, "--threads", str(threads), "--mode"]
        peers = [
            Engine("torch eager", [*script, "eager"], read_torch, aim=1.5),
            Engine("torch.compile", [*script, "compile"], read_torch, aim=1.3),
        ]
    title = "train: {dim}x{layers}, {heads} heads, hidden {hidden}, vocabulary {vocab}, {batch}x{seq} tokens a step".format(**TRAIN)
    return [Job(title, puna("train", shape, threads, with_puna), peers)]


def inference_jobs(kind: str, threads: int, with_puna: bool, with_peers: bool) -> list[Job]:
    if kind == "prefill":
        ours, theirs, what = ["--seq", str(PREFILL_TOKENS)], ["-p", str(PREFILL_TOKENS), "-n", "0"], f"{PREFILL_TOKENS} tokens"
    else:
        ours, theirs, what = [], ["-p", "0", "-n", str(DECODE_TOKENS)], "one stream"
    jobs = []
    for weights in WEIGHTS:
        peers = []
        if with_peers:
            command = [str(llama_bench()), "-m", str(random_gguf(weights)), *theirs, "-t", str(threads), "-r", "3", "-o", "json"]
            aim = 1.15 if (kind, weights) == ("decode", "q8_0") else 1.0
            peers = [Engine("llama.cpp", command, read_llama_bench, aim)]
        arguments = [*flags(DECODE), "--weights", weights, *ours]
        title = f"{kind} {weights}: {DECODE['dim']}x{DECODE['layers']}, hidden {DECODE['hidden']}, vocabulary {DECODE['vocab']}, {what}"
        jobs.append(Job(title, puna(kind, arguments, threads, with_puna), peers))
    return jobs


def jobs(kind: str, threads: int, with_puna: bool, with_peers: bool) -> list[Job]:
    """The comparisons of one kind. Raises Missing when an engine that is wanted is not there."""
    if kind == "train":
        return train_jobs(threads, with_puna, with_peers)
    return inference_jobs(kind, threads, with_puna, with_peers)
