"""Runs one command as a process of its own and says what it took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """What one process took."""

    wall: float
    """Seconds."""
    peak: float
    """Largest resident memory of the process, MB."""
    code: int
    tail: str
    """The last line that it said on stderr."""


def run(command: list[str], *, log: Path, timeout: float = 900, memory_gb: float = 20) -> Run:
    """Run `command` under a limit of address space and time; stdout and stderr go to `log`."""

    def limit() -> None:
        size = int(memory_gb * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    with log.open("wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=limit)
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    lines = log.read_text(errors="replace").strip().splitlines()
    return Run(wall, usage.ru_maxrss / 1024, process.returncode, lines[-1][-200:] if lines else "")


if __name__ == "__main__":
    result = run(sys.argv[1:], log=Path("/dev/null"))
    print(result)
