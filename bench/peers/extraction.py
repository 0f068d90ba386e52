"""Main-text extraction beside trafilatura and readability-lxml, by one metric on the same pages.

The metric is the article-extraction-benchmark's: shingles of four tokens, precision and recall
averaged over documents, F1 of the two means.

    python extraction.py GOLD_DIRECTORY [--ours PREDICTIONS.json ...]

GOLD_DIRECTORY has ground-truth.json and html/ID.html.gz. Predictions of ours are written by
`cargo run --release -p puna-corpus --example extraction_benchmark GOLD --output PREDICTIONS.json`.
"""

import argparse
import collections
import gzip
import json
import pathlib
import re
import statistics
import time


def shingles(text):
    tokens = re.findall(r"\w+", text or "")
    if not tokens:
        return collections.Counter()
    width = min(4, len(tokens))
    return collections.Counter(
        tuple(tokens[at : at + width]) for at in range(len(tokens) - width + 1)
    )


def match(truth, predicted):
    truth, predicted = shingles(truth), shingles(predicted)
    found = (truth & predicted).total()
    return found, predicted.total() - found, truth.total() - found


def score(pairs):
    precisions, recalls = [], []
    for truth, predicted in pairs:
        found, made_up, missed = match(truth, predicted)
        if found + made_up:
            precisions.append(found / (found + made_up))
        if found + missed:
            recalls.append(found / (found + missed))
    precision, recall = statistics.mean(precisions), statistics.mean(recalls)
    return precision, recall, 2 * precision * recall / (precision + recall)


def peers():
    try:
        import trafilatura

        yield (
            f"trafilatura {trafilatura.__version__}",
            lambda html: trafilatura.extract(html, include_comments=False),
        )
        yield (
            "trafilatura, no tables",
            lambda html: trafilatura.extract(html, include_comments=False, include_tables=False),
        )
    except ImportError:
        print("skipped: needs trafilatura")
    try:
        import lxml.html
        import readability

        yield (
            "readability-lxml",
            lambda html: lxml.html.fromstring(readability.Document(html).summary()).text_content(),
        )
    except ImportError:
        print("skipped: needs readability-lxml")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gold", type=pathlib.Path)
    parser.add_argument("--ours", type=pathlib.Path, nargs="*", default=[])
    arguments = parser.parse_args()
    truth = json.loads((arguments.gold / "ground-truth.json").read_text(encoding="utf8"))
    pages = {}
    for key in sorted(truth):
        with gzip.open(arguments.gold / "html" / f"{key}.html.gz") as file:
            pages[key] = file.read().decode("utf8", "replace")

    def show(name, texts, seconds):
        precision, recall, f1 = score([(truth[key]["articleBody"], texts[key]) for key in pages])
        rate = f"{len(pages) / seconds:8.1f} pages/s" if seconds else ""
        print(f"{name:<24} P={precision:.4f} R={recall:.4f} F1={f1:.4f} {rate}", flush=True)

    for path in arguments.ours:
        predictions = json.loads(path.read_text(encoding="utf8"))
        show(path.stem, {key: predictions[key]["articleBody"] for key in pages}, None)
    for name, extract in peers():
        started = time.perf_counter()
        texts = {}
        for key, html in pages.items():
            try:
                texts[key] = extract(html) or ""
            except Exception as error:  # a page that a peer fails on is an empty prediction
                print(f"{name}: {key[:8]}: {type(error).__name__}")
                texts[key] = ""
        show(name, texts, time.perf_counter() - started)


if __name__ == "__main__":
    main()
