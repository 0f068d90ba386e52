#!/usr/bin/env python3
"""Bits per byte of held-out text by compressors and 5-grams, beside a run's model.

    scripts/baselines.py RUN [--puna target/release/puna]

Every baseline that learns has learnt from the run's training documents and nothing else. A compressor
is measured on the held-out text alone, and with the training text before it (what the two together
take, less what the training text takes), which is the fairer and the harder measure. The 5-grams are
interpolated Kneser-Ney models (one discount of 0.75 for every order) over bytes and over the run's own
tokens; like the run's model they predict each document from its beginning, its end included. Needs
Python 3.9 and nothing else; without the `zstd` program its lines are left out.
"""

import argparse
import collections
import json
import lzma
import math
import pathlib
import shutil
import subprocess

ORDER = 5
DISCOUNT = 0.75


def texts(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def xz(data):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 26}]
    return len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters))


def zstd(data):
    command = ["zstd", "-19", "--long=27", "-c", "-q"]
    return len(subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout)


class KneserNey:
    """Counts of whole contexts for the longest order, of distinct predecessors for the others."""

    def __init__(self, documents, kinds):
        self.kinds = kinds
        seen = [set() for _ in range(ORDER + 1)]
        self.counts = [collections.defaultdict(collections.Counter) for _ in range(ORDER)]
        for document in documents:
            padded = (None,) * (ORDER - 1) + tuple(document)
            for at in range(ORDER - 1, len(padded)):
                for order in range(ORDER, 0, -1):
                    gram = padded[at - order + 1 : at + 1]
                    if order < ORDER:
                        longer = padded[at - order : at + 1]
                        if longer in seen[order + 1]:
                            continue
                        seen[order + 1].add(longer)
                    self.counts[order - 1][gram[:-1]][gram[-1]] += 1
        self.totals = [{c: sum(k.values()) for c, k in order.items()} for order in self.counts]

    def probability(self, context, symbol):
        probability = 1.0 / self.kinds
        for order in range(ORDER):
            history = context[len(context) - order :]
            followers = self.counts[order].get(history)
            if followers is None:
                break
            total = self.totals[order][history]
            kept = max(followers.get(symbol, 0) - DISCOUNT, 0.0) / total
            probability = kept + DISCOUNT * len(followers) / total * probability
        return probability

    def bits(self, documents):
        bits = 0.0
        for document in documents:
            padded = (None,) * (ORDER - 1) + tuple(document)
            for at in range(ORDER - 1, len(padded)):
                bits -= math.log2(self.probability(padded[at - ORDER + 1 : at], padded[at]))
        return bits


def tokens(puna, tokenizer, documents):
    """Ids of each document with EOS; newlines inside a document keep it from being one line."""
    ids = []
    for document in documents:
        lines = document.split("\n")
        command = [puna, "tokenizer", "encode", tokenizer, "--no-bos"]
        out = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, check=True, text=True)
        document_ids = []
        for line in out.stdout.splitlines():
            document_ids += [int(i) for i in line.split()] + [NEWLINE]
        ids.append(document_ids[:-1] + [2])
    return ids


NEWLINE = 13  # the newline's byte piece


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--puna", default="target/release/puna")
    args = parser.parse_args()
    (data,) = args.run.glob("01-*")
    (tokenizer,) = args.run.glob("*-tokenizer")
    (pretrain,) = args.run.glob("*-pretrain")
    train, held = texts(data / "documents.jsonl"), texts(data / "held_out.jsonl")
    train_bytes, held_bytes = "\n".join(train).encode(), "\n".join(held).encode()
    size = sum(len(text.encode()) for text in held)
    rows = []
    for name, compress in [("xz -9", xz)] + ([("zstd -19", zstd)] if shutil.which("zstd") else []):
        rows.append((f"{name}, held-out text alone", 8 * compress(held_bytes)))
        both = compress(train_bytes + held_bytes) - compress(train_bytes)
        rows.append((f"{name}, after the training text", 8 * both))
    end = 256
    as_bytes = lambda documents: [list(text.encode()) + [end] for text in documents]
    rows.append(("5-gram over bytes", KneserNey(as_bytes(train), 257).bits(as_bytes(held))))
    manifest = json.loads((pretrain / "manifest.json").read_text())
    vocab = manifest["config"]["model"]["vocab_size"]
    ids = lambda documents: tokens(args.puna, str(tokenizer), documents)
    rows.append(("5-gram over the run's tokens", KneserNey(ids(train), vocab).bits(ids(held))))
    print(f"{len(held)} held-out documents, {size} bytes; bits per byte:")
    for name, bits in rows:
        print(f"  {name:36} {bits / size:.3f}")
    print(f"  {'the model of ' + str(args.run):36} {manifest['metrics']['held_out_bits_per_byte']:.3f}")


if __name__ == "__main__":
    main()
