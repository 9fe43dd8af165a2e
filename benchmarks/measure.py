"""Runs one command as a process of its own and says what it took."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
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
    """Run `command` under a limit of address space and time; stdout and stderr go to `log`.

    A process begins with the peak of memory of the one that started it, so a small one stands between.
    """
    between = [sys.executable, "-I", str(Path(__file__).resolve()), str(log), str(timeout), str(memory_gb)]
    done = subprocess.run([*between, *command], stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout))


def _run_here(command: list[str], log: Path, timeout: float, memory_gb: float) -> Run:
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
    result = _run_here(sys.argv[4:], Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    print(json.dumps(asdict(result)))
