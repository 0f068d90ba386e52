"""Checks that the tokenizer files Puna wrote give the same ids and texts in other libraries.

    python3 scripts/check_tokenizer.py DIR [--text FILE]

DIR holds tokenizer.model, tokenizer.json and tokenizer_config.json. sentencepiece reads the first and is the
reference (Puna's own tests compare with it); tokenizers and transformers (AutoTokenizer, PreTrainedTokenizerFast)
must agree with it in encoding, decoding and, through the chat template, in the ids of a dialogue. The lines of FILE
are checked too. Prints one line per check. Exit codes: 0 all agree; 1 they do not; 3 a library is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

try:
    import jinja2  # noqa: F401 (transformers needs it for the chat template)
    import sentencepiece
    import tokenizers
    import transformers
except ImportError as error:
    print(f"check_tokenizer: {error}; pip install -r scripts/fixtures/requirements.txt", file=sys.stderr)
    sys.exit(3)

TEXTS = [
    "", " ", "   ", "Hello world", " Hello", "  two   three    four ", "a\nb\n\n\n  c", "\ttab\r\n", "é ü ß 漢字かな カー",
    "🚀 👩‍🌾🏽", "123 4567 8.90", "x = [1, 2]; // code()", "\u0001\u007f", "a\u0000b", "\u2581 under \u2581\u2581", "end ",
    "\u201cquoted\u201d \u2014 don't", "[INST] hi [/INST]", "<<SYS>>\nbe kind\n<</SYS>>\n\nhi",
]

DIALOGUES = [
    [("user", "hi")],
    [("user", " hi\n"), ("assistant", " hello "), ("user", "bye")],
    [("system", " Be kind.\n"), ("user", " hi"), ("assistant", "hello"), ("user", "  who are you? ")],
    [("system", ""), ("user", "")],
]


def reference_dialogue(model: sentencepiece.SentencePieceProcessor, dialogue: list) -> list[int]:
    """The ids by the release's rule: each pair encoded by itself, between BOS and EOS."""
    turns = list(dialogue)
    if turns[0][0] == "system":
        (_, system), (role, first), *rest = turns
        turns = [(role, f"<<SYS>>\n{system}\n<</SYS>>\n\n{first}"), *rest]
    ids: list[int] = []
    for at in range(0, len(turns), 2):
        text = f"[INST] {turns[at][1].strip()} [/INST]"
        if at + 1 < len(turns):
            ids += [1, *model.encode(f"{text} {turns[at + 1][1].strip()} "), 2]
        else:
            ids += [1, *model.encode(text)]
    return ids


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--text", type=Path, help="a file whose lines are checked too")
    options = parser.parse_args()
    directory = str(options.directory)
    model = sentencepiece.SentencePieceProcessor(model_file=f"{directory}/tokenizer.model")
    lines = options.text.read_text(encoding="utf-8").split("\n") if options.text else []
    cases = [(text, model.encode(text)) for text in TEXTS + lines]
    fast = tokenizers.Tokenizer.from_file(f"{directory}/tokenizer.json")
    libraries = {"tokenizers": (lambda text: fast.encode(text, add_special_tokens=False).ids, fast.decode)}
    chats = {}
    for kind in (transformers.AutoTokenizer, transformers.PreTrainedTokenizerFast):
        loaded = kind.from_pretrained(directory)
        libraries[kind.__name__] = (
            lambda text, loaded=loaded: loaded.encode(text, add_special_tokens=False),
            lambda ids, loaded=loaded: loaded.decode(ids, skip_special_tokens=True),
        )
        chats[kind.__name__] = loaded
    failures = 0
    for name, (encode, decode) in libraries.items():
        wrong = [text for text, ids in cases if encode(text) != ids]
        undone = [text for text, ids in cases if decode(ids) != model.decode(ids)]
        print(f"{name}: {len(cases)} texts, {len(wrong)} with other ids, {len(undone)} with other texts")
        for text in (wrong + undone)[:5]:
            print(f"    {text!r}")
        failures += len(wrong) + len(undone)
    for name, loaded in chats.items():
        for dialogue in DIALOGUES:
            messages = [{"role": role, "content": content} for role, content in dialogue]
            ids = loaded.apply_chat_template(messages, tokenize=True, return_dict=False)
            if ids != reference_dialogue(model, dialogue):
                print(f"{name}: other ids for the dialogue {dialogue}")
                failures += 1
        try:
            loaded.apply_chat_template([{"role": "assistant", "content": "x"}], tokenize=False)
        except jinja2.TemplateError:
            continue
        print(f"{name}: the template takes a dialogue that begins with an answer")
        failures += 1
    print("all agree" if failures == 0 else f"{failures} differences")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
