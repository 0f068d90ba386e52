"""The corpus pipeline as users of Python write it, for corpus.py: each mode prints one line of JSON.

    python corpus_peers.py datatrove|trafilatura INPUT_DIRECTORY OUTPUT_DIRECTORY --model lid.176.ftz --workers 2

`datatrove`: WarcReader, Trafilatura, LanguageFilter, Gopher's repetition and quality filters, then its four MinHash
steps. `trafilatura`: warcio, trafilatura and fastText, files shared out among processes, JSON lines out.
`datatrove-minhash` and `datasketch` find near duplicates in JSON lines (INPUT_DIRECTORY/*.jsonl).
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import time
from pathlib import Path

# As Puna's defaults: five words to a shingle, 14 bands of 8 rows, 0.8.
SHINGLE_WORDS, BANDS, ROWS, JACCARD = 5, 14, 8, 0.8


def lines_of(directory: Path) -> int:
    count = 0
    for path in sorted(directory.rglob("*.jsonl*")):
        opened = gzip.open(path) if path.suffix == ".gz" else path.open("rb")
        with opened as file:
            count += sum(1 for _ in file)
    return count


def run_datatrove(steps: list, tasks: int, workers: int, logs: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor

    LocalPipelineExecutor(pipeline=steps, tasks=tasks, workers=workers, logging_dir=str(logs)).run()


def minhash(documents, work: Path, out: Path, tasks: int, workers: int) -> None:
    """datatrove's four steps; `documents` makes a reader."""
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    config = MinhashConfig(n_grams=SHINGLE_WORDS, num_buckets=BANDS, hashes_per_bucket=ROWS)
    signatures, buckets, removed = (str(work / name) for name in ("signatures", "buckets", "removed"))
    steps = [
        ([documents(), MinhashDedupSignature(output_folder=signatures, config=config)], tasks),
        ([MinhashDedupBuckets(input_folder=signatures, output_folder=buckets, config=config)], BANDS),
        ([MinhashDedupCluster(input_folder=buckets, output_folder=removed, config=config)], 1),
        ([documents(), MinhashDedupFilter(input_folder=removed), JsonlWriter(str(out))], tasks),
    ]
    for number, (step, count) in enumerate(steps):
        run_datatrove(step, count, workers, work / f"logs-{number}")


def with_datatrove(args: argparse.Namespace) -> dict:
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter

    # Its own model is fetched from the network; this one is the same, smaller.
    language = LanguageFilter()
    language.model.MODEL_URL = str(args.model.resolve())
    files = len(list(args.input.iterdir()))
    filtered = args.output / "filtered"
    steps = [
        WarcReader(str(args.input)),
        # Its own limit of a second ends pages, and processes that start, on a busy machine.
        Trafilatura(timeout=60),
        language,
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        JsonlWriter(str(filtered)),
    ]
    run_datatrove(steps, files, args.workers, args.output / "logs")
    # A task that kept nothing leaves no file for its number.
    tasks = max(1, len(list(filtered.iterdir())))
    minhash(lambda: JsonlReader(str(filtered)), args.output / "minhash", args.output / "kept", tasks, args.workers)
    return {"kept": lines_of(args.output / "kept")}


def with_datatrove_minhash(args: argparse.Namespace) -> dict:
    from datatrove.pipeline.readers import JsonlReader

    tasks = len(list(args.input.glob("*.jsonl")))
    minhash(lambda: JsonlReader(str(args.input)), args.output / "minhash", args.output / "kept", tasks, args.workers)
    return {"kept": lines_of(args.output / "kept")}


def one_file(task: tuple[Path, Path, Path]) -> int:
    import fasttext
    import trafilatura
    from warcio.archiveiterator import ArchiveIterator

    path, out, model = task
    identifier = fasttext.load_model(str(model))
    kept = 0
    with path.open("rb") as file, out.open("w", encoding="utf8") as lines:
        try:
            for record in ArchiveIterator(file):
                if record.rec_type != "response":
                    continue
                text = trafilatura.extract(record.content_stream().read(), include_comments=False)
                if not text:
                    continue
                labels, scores = identifier.f.predict(text.replace("\n", " "), 1, 0.0, "strict")[0]
                page = {"url": record.rec_headers.get_header("WARC-Target-URI"), "text": text, "language": [labels, scores]}
                lines.write(json.dumps(page, default=str) + "\n")
                kept += 1
        except Exception as error:  # a damaged file costs what comes behind the damage
            print(f"{path.name}: {type(error).__name__}: {error}", flush=True)
    return kept


def with_trafilatura(args: argparse.Namespace) -> dict:
    tasks = [(path, args.output / f"{path.name}.jsonl", args.model) for path in sorted(args.input.iterdir())]
    with multiprocessing.Pool(args.workers) as pool:
        return {"kept": sum(pool.imap_unordered(one_file, tasks, chunksize=1))}


def signature(line: str):
    from datasketch import MinHash

    words = json.loads(line)["text"].lower().split()
    shingles = {" ".join(words[at : at + SHINGLE_WORDS]).encode() for at in range(max(1, len(words) - SHINGLE_WORDS + 1))}
    made = MinHash(num_perm=BANDS * ROWS)
    made.update_batch(shingles)
    return made


def with_datasketch(args: argparse.Namespace) -> dict:
    from datasketch import MinHashLSH

    index = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
    kept = number = 0
    with multiprocessing.Pool(args.workers) as pool:
        for path in sorted(args.input.glob("*.jsonl")):
            with path.open(encoding="utf8") as lines:
                for made in pool.imap(signature, lines, chunksize=256):
                    near = index.query(made)
                    if not any(index_signatures[key].jaccard(made) >= JACCARD for key in near):
                        index.insert(number, made)
                        index_signatures[number] = made
                        kept += 1
                    number += 1
    return {"kept": kept}


# Those that stay, by number, to verify candidates by.
index_signatures: dict = {}

MODES = {
    "datatrove": with_datatrove,
    "trafilatura": with_trafilatura,
    "datatrove-minhash": with_datatrove_minhash,
    "datasketch": with_datasketch,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    told = MODES[args.mode](args)
    print(json.dumps(told | {"seconds": time.perf_counter() - started}), flush=True)


if __name__ == "__main__":
    main()
