"""Reads a corpus out of object stores on this machine: S3 (moto's server) and plain HTTP, and a port where nobody
listens. Not part of the tests, for the packages it needs:

    cargo build --release --features object-store
    pip install 'moto[server]' boto3 pyarrow
    python3 scripts/object_store.py [PUNA]
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import boto3
import pyarrow.parquet
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

ROOT = pathlib.Path(__file__).resolve().parents[1]
PUNA = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/puna").resolve()
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def puna(*arguments, **environment):
    """Runs it; gives the exit code and what it said."""
    command = [PUNA, *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def made(out, *inputs, **environment):
    """The texts and addresses of a corpus of these inputs."""
    code, said = puna("corpus", *inputs, "--out", out, **environment)
    assert code == 0, said
    tables = [pyarrow.parquet.read_table(path, columns=["url", "text"]) for path in sorted(out.glob("documents/*.parquet"))]
    return [table.to_pylist() for table in tables]


def main():
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            work = pathlib.Path(temporary)
            code, said = puna("world", "--out", work / "world")
            assert code == 0, said
            files = sorted((work / "world/crawl").glob("*.warc.gz"))
            store = boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
            store.create_bucket(Bucket="crawl", ACL="public-read")
            for path in files:
                store.upload_file(str(path), "crawl", f"2026/{path.name}", ExtraArgs={"ACL": "public-read"})
            store.put_object(Bucket="crawl", Key="2026/LICENSE", Body=b"You may copy this.")

            expected = made(work / "local", *files)
            s3 = CREDENTIALS | {"AWS_ENDPOINT": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true"}
            assert made(work / "glob", "s3://crawl/2026/*.warc.gz", **s3) == expected
            print("ok: s3 by a glob")
            prefix = made(work / "prefix", "s3://crawl/2026/", **s3)
            # The licence is an input too, the first by name, and no data.
            assert prefix == [[], *expected]
            print("ok: s3 by a prefix")
            http = [f"http://127.0.0.1:{port}/crawl/2026/{path.name}" for path in files]
            assert made(work / "http", *http) == expected
            print("ok: http")

            missing = "s3://crawl/nothing.warc.gz"
            code, said = puna("corpus", missing, "--out", work / "missing", **s3)
            assert code != 0 and missing in said, said
            print("ok: a missing object is named:", said.strip().splitlines()[-1])

            nobody = f"http://127.0.0.1:{free_port()}/a.warc.gz"
            started = time.monotonic()
            code, said = puna("corpus", nobody, "--out", work / "nobody")
            assert code != 0 and nobody in said and "cannot be reached" in said, said
            print(f"ok: an address that nobody answers is named after {time.monotonic() - started:.0f} s:", said.strip().splitlines()[-1])
    finally:
        server.stop()


if __name__ == "__main__":
    main()
