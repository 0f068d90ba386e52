#!/usr/bin/env python3
"""What models of a run know of their synthetic world, and what they say when asked.

    python3 scripts/known_facts.py runs/first-light 05-pretrain 06-sft latest

For each model, a stage's directory or `latest`: how many of the world's facts it completes from the
beginning of a sentence, and how many of the held-out questions it answers right as a chat model, greedily.
Needs Python 3.9 and a built `puna` (`--puna PATH`, else target/release/puna).
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile

PERSON = {
    "home": "{} lives in", "trade": "{} works as {a}", "pet": "{} keeps {a}", "pet_name": "{}'s pet is called",
    "food": "{}'s favourite food is", "instrument": "{} plays the", "birthday": "{} was born in",
    "door": "{}'s door is", "friend": "{}'s best friend is",
}
PLACE = {
    "known_for": "{} is known for its", "beside": "{} lies beside", "market_day": "The market in {} is on",
    "nearest": "The village nearest to {} is",
}
TRADE = {"product": "{A} makes", "tool": "{A} works with {a}", "workshop": "{A} works in {a}"}


def article(word):
    return "an" if word[0] in "aeiou" else "a"


def beginnings(world):
    """Sentences that break off before a value, with the value."""
    for things, sentences in (("people", PERSON), ("places", PLACE), ("trades", TRADE)):
        for thing in world[things]:
            name = thing["name"]
            subject = f"{article(name).capitalize()} {name}"
            for key, sentence in sentences.items():
                yield key, sentence.format(name, A=subject, a=article(thing[key])), thing[key]


def generate(puna, model, texts, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as prompts:
        prompts.write("".join(text + "\n" for text in texts))
        prompts.flush()
        command = [puna, "generate", str(model), "--prompts", prompts.name, "--temperature", "0", "--json", *options]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line)["completion"] for line in told.splitlines()]


def contains(text, value):
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE) is not None


def is_right(answer, question):
    found = any(contains(answer, value) for value in question["accepted"])
    return found and not any(contains(answer, value) for value in question["rejected"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("models", nargs="+", help="directories of stages, or latest")
    parser.add_argument("--puna", default="target/release/puna")
    options = parser.parse_args()
    (files,) = options.run.glob("*-world")
    facts = list(beginnings(json.loads((files / "world.json").read_text())))
    lines = (files / "questions.jsonl").read_text().splitlines()
    questions = [json.loads(line) for line in lines]
    for name in options.models:
        model = options.run / name
        model = model if (model / "config.json").exists() else model / "model"
        starts = [start for _, start, _ in facts]
        ends = generate(options.puna, model, starts, "--max-tokens", "10", "--batch", "32")
        completed = {}
        for (key, _, value), end in zip(facts, ends):
            good = re.match(rf"(the |its )?{re.escape(value)}(?!\w)", end.strip(), re.IGNORECASE) is not None
            completed.setdefault(key, []).append(good)
        prompts = [question["prompt"] for question in questions]
        answers = generate(options.puna, model, prompts, "--chat", "--max-tokens", "64", "--batch", "32")
        right = [is_right(answer, question) for answer, question in zip(answers, questions)]
        each = ", ".join(f"{key} {sum(good)}/{len(good)}" for key, good in completed.items())
        total = sum(sum(good) for good in completed.values())
        print(f"{name}: {total} of {len(facts)} facts completed, {sum(right)} of {len(right)} questions right ({each})")


if __name__ == "__main__":
    main()
