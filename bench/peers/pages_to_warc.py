"""Writes HTML pages into WARC files, so that corpus.py can give every engine real pages.

    python3 bench/peers/pages_to_warc.py DIRECTORY OUT.warc.gz [OUT.warc.gz ...] [--times N]

Every *.html or *.html.gz under DIRECTORY becomes a response, dealt to the files in turn. With --times each becomes N
of them, each with an address and a last paragraph of its own: exact copies they are not, near copies they are, and who
looks for those drops most. So what is compared is reading and extracting. Needs warcio.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

WORDS = "amber basil cedar delta ember fjord glade hazel ivory jasper kelp lilac maple north olive pearl".split()


def paragraph(seed: int) -> bytes:
    """Sixty words that follow from the seed."""
    words = []
    for _ in range(60):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(WORDS[seed >> 60])
    return f"<p>{' '.join(words).capitalize()}.</p>".encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("out", type=Path, nargs="+")
    parser.add_argument("--times", type=int, default=1)
    args = parser.parse_args()
    pages = sorted(path for path in args.directory.rglob("*") if path.name.endswith((".html", ".html.gz")))
    if not pages:
        parser.error(f"{args.directory} holds no *.html or *.html.gz")
    headers = [("Content-Type", "text/html")]
    with contextlib.ExitStack() as stack:
        writers = [WARCWriter(stack.enter_context(out.open("wb")), gzip=True) for out in args.out]
        for number in range(len(pages) * args.times):
            path = pages[number % len(pages)]
            body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            if args.times > 1:
                end = body.lower().rfind(b"</body>")
                end = end if end >= 0 else len(body)
                body = body[:end] + paragraph(number) + body[end:]
            writer = writers[number % len(writers)]
            record = writer.create_warc_record(
                f"http://page{number}.example/", "response", payload=io.BytesIO(body),
                http_headers=StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1"),
            )
            writer.write_record(record)
    print(f"{len(pages) * args.times} pages in {len(writers)} files")


if __name__ == "__main__":
    main()
