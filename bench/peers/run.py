"""Runs the same work in Puna and in its peers, in turn, and prints a table of speeds, ratios and peak memory.

    python3 bench/peers/run.py [train|decode|prefill|all]

Each round runs every engine once, each in a process of its own, so that a machine that speeds up or slows down
touches all of them alike. README.md says what is run and how to read the table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import engines
import report
from measure import ChildFailed, run_child


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="?", default="all", choices=[*engines.JOBS, "all"])
    parser.add_argument("--rounds", type=int, default=5, help="how often each engine runs (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads of every engine (default: %(default)s)")
    parser.add_argument("--only", choices=["puna", "peers"], help="leave the others out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    parser.add_argument("--check", action="store_true", help="exit with 1 when Puna is short of an aim")
    args = parser.parse_args()
    if args.rounds < 1 or args.threads < 1:
        parser.error("--rounds and --threads are at least 1")
    return args


def measure_job(job: engines.Job, args: argparse.Namespace) -> list[report.Series]:
    chosen = ([job.puna] if args.only != "peers" else []) + job.peers
    all_series = [report.Series(engine) for engine in chosen]
    for number in range(args.rounds):
        for series in all_series:
            outcome = run_child(series.engine.command, args.threads)
            try:
                series.answers.append(series.engine.read(outcome.stdout))
            except (ValueError, KeyError, IndexError, TypeError) as error:
                command = " ".join(series.engine.command)
                raise ChildFailed(f"{command}\nan answer that cannot be read ({error!r}):\n{outcome.stdout[-500:]}") from error
            series.outcomes.append(outcome)
            told = f"round {number + 1} of {args.rounds}: {series.engine.name} {series.speeds[-1]:,.1f} tokens/s"
            print(f"{told} in {outcome.wall_seconds:.1f} s", file=sys.stderr)
    return all_series


def main() -> int:
    args = parse()
    kinds = engines.JOBS if args.what == "all" else (args.what,)
    machine = f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    print(f"{machine}; {args.threads} threads, {args.rounds} rounds\n")
    records, short, noisy = [], [], False
    try:
        # All of them first, so that what is missing is said before anything has run for minutes.
        todo = [job for kind in kinds for job in engines.jobs(kind, args.threads, args.only != "peers", args.only != "puna")]
        for job in todo:
            all_series = measure_job(job, args)
            puna = all_series[0] if args.only != "peers" else None
            print(f"{job.title}\n\n{report.table(all_series, puna)}\n", flush=True)
            records.append(report.record(job.title, all_series))
            short += [f"{job.title}: {text}" for text in report.missed(all_series, puna)]
            noisy |= report.noisy(all_series)
    except (engines.Missing, ChildFailed) as error:
        print(f"bench/peers: {error}", file=sys.stderr)
        return 2
    if noisy:
        print("Other processes used the machine meanwhile (column \"others\", cores): measure again when it is quiet.")
    for text in short:
        print(f"short: {text}")
    if args.json:
        result = {"machine": machine, "threads": args.threads, "rounds": args.rounds, "jobs": records}
        temporary = args.json.with_name(args.json.name + ".partial")
        temporary.write_text(json.dumps(result, indent=1) + "\n")
        os.replace(temporary, args.json)
    return 1 if args.check and short else 0


if __name__ == "__main__":
    sys.exit(main())
