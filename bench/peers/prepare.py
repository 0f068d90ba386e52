"""Gets the peers ready in bench/peers/.work: a virtual environment with PyTorch, and llama.cpp built from source.

    python3 bench/peers/prepare.py [--jobs N]

llama.cpp comes from the source distribution of llama-cpp-python on PyPI, which carries it whole. What is there
already is left alone. Takes about 6 GB and ten minutes on two cores; needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from engines import HERE, WORK

LLAMA_SOURCE = "llama-cpp-python==0.3.36"
VENV, SOURCE, BUILD = WORK / "venv", WORK / "llama.cpp-source", WORK / "llama.cpp-build"
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "GGML_NATIVE": "ON",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_SERVER": "OFF",
    "LLAMA_OPENSSL": "OFF",
}


def call(*command: object) -> None:
    words = [str(word) for word in command]
    print("+", " ".join(words), flush=True)
    subprocess.run(words, check=True)


def prepare_venv() -> None:
    if not (VENV / "bin/python").is_file():
        call(sys.executable, "-m", "venv", VENV)
    call(VENV / "bin/python", "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt")


def keep_tile_configuration(file: Path) -> None:
    """GCC 12 takes `_tile_loadconfig` to read 8 of its 64 bytes and drops the others' stores: without a barrier, Q8_0 dies of
    an illegal instruction on processors with a matrix unit."""
    load = "    _tile_loadconfig(&tc);"
    text = file.read_text()
    file.write_text(text.replace(load, '    __asm__ volatile("" : : "r"(&tc) : "memory");\n' + load))


def prepare_source() -> None:
    """Unpacks llama.cpp; under its final name only when whole."""
    if SOURCE.is_dir():
        return
    download = WORK / "download"
    shutil.rmtree(download, ignore_errors=True)
    name = LLAMA_SOURCE.split("==")[0]
    call(VENV / "bin/python", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name, "-d", download, LLAMA_SOURCE)
    (archive,) = download.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(download, filter="data")
    (vendored,) = download.glob("*/vendor/llama.cpp")
    keep_tile_configuration(vendored / "ggml/src/ggml-cpu/amx/mmq.cpp")
    vendored.rename(SOURCE)
    shutil.rmtree(download)


def prepare_llama_bench(jobs: int) -> None:
    if (BUILD / "bin/llama-bench").is_file():
        return
    prepare_source()
    cmake = VENV / "bin/cmake"
    definitions = [f"-D{name}={value}" for name, value in OPTIONS.items()]
    call(cmake, "-S", SOURCE, "-B", BUILD, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={VENV / 'bin/ninja'}", *definitions)
    call(cmake, "--build", BUILD, "--target", "llama-bench", "-j", jobs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="compilers at a time (default: %(default)s)")
    args = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    try:
        prepare_venv()
        prepare_llama_bench(args.jobs)
    except (subprocess.CalledProcessError, OSError, tarfile.TarError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    print(f"ready in {WORK}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
