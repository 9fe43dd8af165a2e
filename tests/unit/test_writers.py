"""Several writers of one output, and writers that die: one wins whole, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from georoi.errors import OutputError
from georoi.io.output import claims
from georoi.io.output.commit import Output
from tests.writers import names, put, refusal

ROOT = Path(__file__).resolve().parents[2]


def test_a_second_writer_is_kept_out_while_the_first_lives(tmp_path):
    """E-OUT-05 names the process; other outputs in the folder are free."""
    with Output(tmp_path / "a.bin") as output:
        error = refusal(tmp_path / "a.bin")
        assert error.id == "E-OUT-05"
        assert str(os.getpid()) in error.found["writer"]
        put(tmp_path / "b.bin", b"b")
        output.write(b"a")
        output.commit("test")
    assert names(tmp_path) == ["a.bin", "b.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"a"


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_many_writers_one_wins_whole(tmp_path, overwrite):
    """Threads race for one output: the file is one writer's, and the others have a clear error."""
    won: list[bytes] = []
    lost: list[str] = []
    start = threading.Barrier(8)

    def race(number: int) -> None:
        content = bytes([number]) * 300_000
        start.wait()
        try:
            put(tmp_path / "a.bin", content, overwrite=overwrite)
            won.append(content)
        except OutputError as error:
            lost.append(error.id)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) + len(lost) == 8
    assert set(lost) <= {"E-OUT-01", "E-OUT-05"}
    assert len(won) == 1 if not overwrite else len(won) >= 1
    assert (tmp_path / "a.bin").read_bytes() in won
    assert names(tmp_path) == ["a.bin"]


def test_leftovers_of_dead_writers_are_swept_and_those_of_the_living_kept(tmp_path, monkeypatch):
    """What nobody holds goes, files and folders; what a writer holds stays, and so does what is not ours."""
    (tmp_path / ".georoi-1-dead.part").write_bytes(b"x")
    (tmp_path / ".georoi-dead.lock").write_bytes(b"")
    (tmp_path / ".georoi-2-dead.part").mkdir()
    (tmp_path / ".georoi-2-dead.part" / "tile").write_bytes(b"x")
    (tmp_path / ".georoi-notes.txt").write_bytes(b"mine")
    (tmp_path / ".georoi-link.part").symlink_to(tmp_path / ".georoi-notes.txt")
    monkeypatch.setattr(claims, "_swept", set())
    with Output(tmp_path / "b.bin") as living, living.scratch() as scratch:
        living.write(b"b")
        monkeypatch.setattr(claims, "_swept", set())
        put(tmp_path / "a.bin", b"a")
        assert scratch.is_dir()
        living.commit("test")
    assert names(tmp_path) == [".georoi-link.part", ".georoi-notes.txt", "a.bin", "b.bin"]


def test_a_temporary_taken_by_a_sweep_is_made_anew(tmp_path, monkeypatch):
    """In the instant between making a file and locking it a sweep may remove it."""
    made, calls = claims.Claim._make_private, 0

    def swept_first(self: claims.Claim, name: str, descriptor: int, private: int) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            os.unlink(name, dir_fd=self.folder)
        return made(self, name, descriptor, private)

    monkeypatch.setattr(claims.Claim, "_make_private", swept_first)
    put(tmp_path / "a.bin", b"a")
    assert calls == 2
    assert (tmp_path / "a.bin").read_bytes() == b"a"


@pytest.mark.parametrize("call", ["unlink", "pwrite", "ftruncate"])
def test_a_failure_that_harms_nothing_stops_nothing(tmp_path, monkeypatch, call):
    """Tidying up after the file is there, and the words in a lock, are no reason to fail."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, call, fail)
    put(tmp_path / "a.bin", b"whole")
    monkeypatch.undo()
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    monkeypatch.setattr(claims, "_swept", set())
    put(tmp_path / "b.bin", b"next")
    assert names(tmp_path) == ["a.bin", "b.bin"]


def test_a_lock_left_by_a_killed_writer_does_not_stand_in_the_way(tmp_path):
    """The kernel drops the lock with the process, so the file alone means nothing."""
    put(tmp_path / "a.bin", b"1")
    name = claims.Claim(tmp_path / "a.bin", overwrite=True)._lock_name
    (tmp_path / name).write_text("process 1\n")
    put(tmp_path / "a.bin", b"2", overwrite=True)
    assert names(tmp_path) == ["a.bin"]


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from tests.images import cut, make_pixels, make_spec, steps
from georoi.io.output.cog import write_cog
from georoi.io.output.tiff import write_tiff
import georoi.io.output.geotags
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
spec = make_spec((1024, 1024), 2, has_mask=True)
pixels, random_ = make_pixels(spec), random.Random(seed)
def write(kind):
    write = write_cog if kind else write_tiff
    pieces = cut(pixels, steps(1024, 128), steps(1024, 128))
    write(folder / f"{kind}.tif", spec, pieces, options={"BLOCKSIZE": 128}, workers=1)
begun = time.perf_counter()
for kind in (0, 1):
    write(kind)
    os.rename(folder / f"{kind}.tif", folder / f"good{kind}.tif")
span = time.perf_counter() - begun
killed = 0
for round in range(24):
    kind = round % 2
    (folder / f"{kind}.tif").unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            write(kind)
        finally:
            os._exit(0)
    time.sleep(random_.uniform(0, span * 0.6))
    os.kill(child, signal.SIGKILL)
    killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    if (folder / f"{kind}.tif").exists():
        assert (folder / f"{kind}.tif").read_bytes() == (folder / f"good{kind}.tif").read_bytes()
print(killed)
"""


def test_a_killed_writer_leaves_no_visible_file(tmp_path):
    """kill -9 at random moments: a file is seen whole or not at all; the next writer sweeps the rest."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path), str(random.randrange(10**6))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 6
    put(tmp_path / "next.bin", b"x")
    assert [name for name in names(tmp_path) if name.startswith(".")] == []


def test_a_terminated_writer_leaves_what_the_next_one_sweeps(tmp_path):
    """A process stopped in the middle keeps its claim only while it lives."""
    code = (
        "import sys, time; from georoi.io.output.commit import Output\n"
        "with Output(sys.argv[1]) as output:\n"
        "    output.write(b'x'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a.bin")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        assert refusal(tmp_path / "a.bin").id == "E-OUT-05"
        writer.send_signal(signal.SIGTERM)
        writer.wait()
    put(tmp_path / "a.bin", b"mine")
    assert (tmp_path / "a.bin").read_bytes() == b"mine"


def test_sweeping_is_done_once_per_folder(tmp_path, monkeypatch):
    """Writing many files into one folder does not list it for each of them."""
    listed = 0
    scan = os.scandir

    def count(folder: object) -> object:
        nonlocal listed
        listed += 1
        return scan(folder)

    monkeypatch.setattr(os, "scandir", count)
    begun = time.perf_counter()
    for number in range(20):
        put(tmp_path / f"{number}.bin", b"x")
    assert listed == 1
    assert time.perf_counter() - begun < 20
