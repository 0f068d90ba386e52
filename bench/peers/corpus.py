"""The whole corpus pipeline in Puna, in datatrove, and with trafilatura and fastText in plain Python.

    python3 bench/peers/corpus.py --model lid.176.ftz [--rounds 3] [--workers 2] [FILE ...]
    python3 bench/peers/corpus.py --near DOCUMENTS.jsonl ... [--rounds 3]

FILE: WARC files that all are given; without any, the crawl of the synthetic world is made, and its files
that are not damaged on purpose are taken.
Engines run in turn, each in a process of its own with an output directory of its own. Speed is documents that Puna
counts in the files, over wall seconds from start to end, starting Python included. Puna does more of the work: it also
finds personal information, decides on sites, removes repeated lines and writes a report. `--near` compares near
duplicates alone, in JSON lines as `cargo run --release -p puna-corpus --example duplicates_benchmark` writes them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

from engines import HERE, Missing, puna_binary
from measure import ChildFailed, run_child

PEERS = ("datatrove", "trafilatura")
NEAR_PEERS = ("datatrove-minhash", "datasketch")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--near", action="store_true", help="near duplicates alone; FILEs are JSON lines")
    parser.add_argument("--model", type=Path, help="fastText's lid.176.ftz or .bin, for all three")
    parser.add_argument("--python", default=os.environ.get("PEERS_PYTHON", sys.executable), help="interpreter with the packages")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    if args.rounds < 1 or args.workers < 1:
        parser.error("--rounds and --workers are at least 1")
    if args.near and not args.files:
        parser.error("--near needs FILEs")
    if not args.near and not (args.model and args.model.is_file()):
        raise Missing("--model names no file; the peers need fastText's lid.176.ftz")
    return args


def world(puna: Path, directory: Path) -> list[Path]:
    subprocess.run([puna, "world", "--out", directory], check=True, capture_output=True)
    files = [path for path in sorted((directory / "crawl").glob("*.warc.gz")) if is_whole(path)]
    if not files:
        raise Missing("every file of the world's crawl is damaged")
    return files


def is_whole(path: Path) -> bool:
    """Whether it can be decompressed to its end: datatrove stops at the first member that cannot."""
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def main() -> int:
    args = parse()
    puna = puna_binary()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        given = work / "input"
        given.mkdir()
        for number, path in enumerate(args.files or world(puna, work / "world")):
            # Names may repeat over directories; links keep the files where they are.
            (given / f"{number:03}-{path.name}").symlink_to(path.resolve())

        out = work / "out"
        settings = ["--set", f'labels.language_model="{args.model.resolve()}"'] if args.model else []
        ours = [str(puna), "corpus", str(given), "--out", str(out), "--threads", str(args.workers), "--json", *settings]
        peers = NEAR_PEERS if args.near else PEERS
        commands = {"puna": ours}
        for mode in peers:
            command = [args.python, str(HERE / "corpus_peers.py"), mode, str(given), str(out), "--workers", str(args.workers)]
            commands[mode] = command + (["--model", str(args.model.resolve())] if args.model else [])

        seconds: dict[str, list[float]] = {name: [] for name in commands}
        peak: dict[str, int] = dict.fromkeys(commands, 0)
        kept: dict[str, int] = {}
        documents, others = 0, 0.0
        for number in range(args.rounds):
            for name, command in commands.items():
                outcome = run_child(command, 1, timeout=3600.0)
                told = json.loads(outcome.stdout.strip().splitlines()[-1])
                if name == "puna":
                    documents, kept[name] = told["documents_in"], told["documents_kept"]
                else:
                    kept[name] = told["kept"]
                seconds[name].append(outcome.wall_seconds)
                peak[name] = max(peak[name], outcome.peak_rss_bytes)
                # The peers' pools of workers are not waited for by them, and would count as others.
                if name == "puna":
                    others = max(others, outcome.others_cores or 0.0)
                shutil.rmtree(out)
                print(f"round {number + 1} of {args.rounds}: {name} {outcome.wall_seconds:.2f} s", file=sys.stderr)

        print(f"{documents} documents in {len(list(given.iterdir()))} files, {args.workers} workers, {args.rounds} rounds\n")
        print("| engine | documents/s | min-max | Puna's speed over it | min-max | kept | largest process, peak MB |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name, taken in seconds.items():
            speeds = [documents / s for s in taken]
            ratios = [theirs / ours for ours, theirs in zip(seconds["puna"], taken)]
            ratio = "" if name == "puna" else f"{statistics.median(ratios):.1f}"
            spread = "" if name == "puna" else f"{min(ratios):.1f}-{max(ratios):.1f}"
            print(f"| {name} | {statistics.median(speeds):,.0f} | {min(speeds):,.0f}-{max(speeds):,.0f} | {ratio} | {spread} "
                  f"| {kept[name]:,} | {peak[name] / 1e6:,.0f} |")
        print(f"\nOther processes kept up to {others:.1f} cores busy while Puna ran.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Missing, ChildFailed) as error:
        print(f"bench/peers: {error}", file=sys.stderr)
        sys.exit(2)
