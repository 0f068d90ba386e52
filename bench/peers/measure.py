"""Runs one child process and measures it from outside: peak memory, processor time, and what others used meanwhile."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# These steer OpenBLAS, which no peer here uses on its measured path, to a kernel for another processor.
DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class ChildFailed(Exception):
    """The command did not end well; the message has its last words."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    stdout: str
    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    # Cores that other processes kept busy meanwhile, on average; None where /proc/stat is not there.
    others_cores: float | None


def busy_seconds() -> float | None:
    """Processor time that the whole machine has spent since boot, idle and waiting for disks left out."""
    try:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def child_environment(threads: int) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return environment | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def run_child(command: list[str], threads: int, timeout: float = 540.0) -> Outcome:
    """Runs `command` to its end. Raises ChildFailed when it fails, cannot start, or outlives `timeout` seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        busy_before, start = busy_seconds(), time.perf_counter()
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=child_environment(threads)
            )
        except OSError as error:
            raise ChildFailed(f"cannot start {command[0]}: {error.strerror}") from error
        overdue = threading.Timer(timeout, child.kill)
        overdue.start()
        try:
            # wait4 and not getrusage(RUSAGE_CHILDREN): the latter's peak is that of all children so far.
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        finally:
            overdue.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        wall, busy_after = time.perf_counter() - start, busy_seconds()
        out.seek(0)
        err.seek(0)
        stdout, stderr = (file.read().decode(errors="replace") for file in (out, err))
    if child.returncode != 0:
        how = f"took over {timeout:.0f} s" if wall >= timeout else f"ended with {child.returncode}"
        last_words = "\n".join((stderr or stdout).strip().splitlines()[-12:])
        raise ChildFailed(f"{' '.join(command)}\n{how}\n{last_words}")
    cpu = usage.ru_utime + usage.ru_stime
    others = None
    if busy_before is not None and busy_after is not None:
        others = max(0.0, busy_after - busy_before - cpu) / wall
    unit = 1 if sys.platform == "darwin" else 1024
    return Outcome(stdout, wall, cpu, usage.ru_maxrss * unit, others)
