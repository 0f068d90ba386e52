"""Makes crates/puna-corpus/src/language/ngrams.bin: the n-gram tables of the built-in language identifier.

    pip download --no-deps lingua-language-detector==1.3.5
    pip install brotli zstandard
    python3 scripts/language_model.py lingua_language_detector-1.3.5-py3-none-any.whl

The package (Apache-2.0) ships, for each language, how often each letter follows up to four others in words. From
these conditional frequencies this script makes the relative frequencies of three and four letters in a row, keeps
those that tell most about the language for the space they take, and writes for each of them the logarithm of its
frequency in every language that has it. Languages that have a script to themselves need no table; the program tells them by their script.

The file, compressed with zstd, all numbers little-endian:

    "PUNALID1"
    u8 languages; for each: u8 length, code, u16 penalty
    u8 value of an n-gram that a language lacks
    u32 n-grams, sorted by their UTF-8 bytes; then, each for all of them in a row,
        u8 bytes shared with the n-gram before, u8 further bytes, these bytes
        u8 entries
        u8 language of each entry
        u8 value of each entry

A value v stands for a frequency of exp(-v / 4); penalties are in the same unit.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import zipfile
from pathlib import Path

import brotli
import zstandard

OUT = Path(__file__).resolve().parents[1] / "crates/puna-corpus/src/language/ngrams.bin"
NAMES = ["unigrams", "bigrams", "trigrams", "quadrigrams"]
# Most frequent n-grams of each length that are looked at per language, and how many are kept in all.
FREQUENT = {3: 8000, 4: 20000}
KEPT = 200_000
# Least frequency that is written down, and the one that stands for all below it.
LEAST, ABSENT = 4e-7, 3e-7
STEPS = 4

# Languages by the share (in percent) of web pages in them, very roughly: only what is rarer than COMMON matters, and
# of that the logarithm. Between languages that share most of their
# n-grams, as Malay and Indonesian do, a text alone says little and how often each is written says more: a language
# below COMMON pays PENALTY nats for each factor e that it is rarer. PENALTY was chosen on every fifth of the test
# sentences that the language benchmark reads (it is large because the n-grams of a text are far from independent).
COMMON, PENALTY = 0.12, 20.0
SHARES = {
    "Latin": {
        "af": 0.02, "az": 0.06, "bs": 0.04, "ca": 0.2, "cs": 1.1, "cy": 0.02, "da": 0.45, "de": 5.4, "en": 44,
        "eo": 0.01, "es": 4.6, "et": 0.14, "eu": 0.04, "fi": 0.37, "fr": 4.3, "ga": 0.01, "hr": 0.21, "hu": 0.6,
        "id": 1.0, "is": 0.04, "it": 2.5, "la": 0.02, "lt": 0.18, "lv": 0.1, "ms": 0.05, "nb": 0.31, "nl": 1.9,
        "nn": 0.01, "pl": 1.8, "pt": 2.2, "ro": 0.6, "sk": 0.37, "sl": 0.16, "so": 0.01, "sq": 0.05, "sv": 0.66,
        "sw": 0.01, "tl": 0.02, "tr": 1.1, "vi": 1.0, "xh": 0.01, "yo": 0.01, "zu": 0.01,
    },
    "Cyrillic": {"be": 0.02, "bg": 0.28, "kk": 0.04, "mk": 0.04, "mn": 0.02, "ru": 6.0, "sr": 0.2, "uk": 0.6},
    "Arabic": {"ar": 0.65, "fa": 0.67, "ur": 0.02},
    "Devanagari": {"hi": 0.19, "mr": 0.02},
}  # fmt: skip


def frequencies(archive: zipfile.ZipFile, language: str) -> dict[int, dict[str, float]]:
    """Relative frequencies of n-grams among all positions of a text, by their length."""
    tables: dict[int, dict[str, float]] = {}
    for length, name in enumerate(NAMES, start=1):
        raw = archive.read(f"lingua/language-models/{language}/{name}.json.br")
        table = {}
        for fraction, ngrams in json.loads(brotli.decompress(raw))["ngrams"].items():
            numerator, denominator = map(int, fraction.split("/"))
            for ngram in ngrams.split(" "):
                # The package has the frequency of the last letter after those before it.
                before = tables[length - 1].get(ngram[:-1], 0.0) if length > 1 else 1.0
                table[ngram] = numerator / denominator * before
        tables[length] = table
    return tables


def value(frequency: float) -> int:
    return round(-math.log(frequency) * STEPS)


def telling(tables: list[dict[int, dict[str, float]]]) -> dict[str, float]:
    """How much each frequent n-gram tells about which of these languages a text is in, per byte that it takes."""
    frequent: set[str] = set()
    for table in tables:
        for length, count in FREQUENT.items():
            # Ties are broken by the letters, so that the file is the same on every machine.
            best = sorted(table[length].items(), key=lambda item: (-item[1], item[0]))[:count]
            frequent.update(ngram for ngram, _ in best if all(ord(letter) < 0x10000 for letter in ngram))
    result = {}
    for ngram in frequent:
        found = [max(table[len(ngram)].get(ngram, 0.0), ABSENT) for table in tables]
        mean = sum(found) / len(found)
        entries = sum(frequency > LEAST for frequency in found)
        result[ngram] = sum(f * math.log(f / mean) for f in found) / (entries + 2)
    return result


def main() -> None:
    archive = zipfile.ZipFile(sys.argv[1])
    shares = {language: share for script in SHARES.values() for language, share in script.items()}
    languages = sorted(shares)
    tables = {language: frequencies(archive, language) for language in languages}
    scored: dict[str, float] = {}
    for script in SHARES.values():
        for ngram, score in telling([tables[language] for language in script]).items():
            scored[ngram] = max(score, scored.get(ngram, 0.0))
    kept = sorted(scored, key=lambda ngram: (-scored[ngram], ngram))[:KEPT]

    out = bytearray(b"PUNALID1")
    out += struct.pack("<B", len(languages))
    for language in languages:
        penalty = max(0.0, PENALTY * math.log(COMMON / shares[language]))
        out += struct.pack("<B", len(language)) + language.encode() + struct.pack("<H", round(penalty * STEPS))
    out += struct.pack("<BI", value(ABSENT), len(kept))
    before = b""
    counts, owners, values = bytearray(), bytearray(), bytearray()
    for ngram in sorted(word.encode() for word in kept):
        shared = 0
        while shared < min(len(before), len(ngram)) and before[shared] == ngram[shared]:
            shared += 1
        text = ngram.decode()
        entries = [
            (at, value(frequency))
            for at, language in enumerate(languages)
            if (frequency := tables[language][len(text)].get(text, 0.0)) > LEAST
        ]
        out += struct.pack("<BB", shared, len(ngram) - shared) + ngram[shared:]
        counts.append(len(entries))
        owners += bytes(at for at, _ in entries)
        values += bytes(v for _, v in entries)
        before = ngram
    out += counts + owners + values
    packed = zstandard.ZstdCompressor(level=19).compress(bytes(out))
    OUT.write_bytes(packed)
    print(f"{len(languages)} languages, {len(kept)} n-grams, {len(out)} bytes, {len(packed)} compressed")


if __name__ == "__main__":
    main()
