"""Outputs: whole or not at all, one writer at a time, nothing left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from georoi.errors import OutputError, OutputExistsError
from georoi.io.output import claims
from georoi.io.output.commit import Output, slug, write_all
from georoi.io.output.folders import OutputFolder

ROOT = Path(__file__).resolve().parents[2]


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def put(path: Path, content: bytes, **options: object) -> None:
    with Output(path, **options) as output:
        output.write(content)
        output.commit("test")


def refusal(path: Path, **options: object) -> OutputError:
    with pytest.raises(OutputError) as caught:
        put(path, b"new", **options)
    return caught.value


def test_a_committed_file_appears_with_its_size_and_hash(tmp_path):
    """The record tells the bytes that are on disk, and nothing else is in the folder."""
    with Output(tmp_path / "a.bin") as output:
        output.write(b"abc")
        output.write(memoryview(b"def"))
        assert names(tmp_path) != ["a.bin"]
        written = output.commit("test", notes=("said",))
    assert (tmp_path / "a.bin").read_bytes() == b"abcdef"
    assert written.bytes == 6
    assert written.sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert written.notes == ("said",)
    assert names(tmp_path) == ["a.bin"]


def test_a_head_filled_in_at_the_end_is_in_the_hash(tmp_path):
    """Bytes reserved at the front are written at commit, and the hash is that of the finished file."""
    with Output(tmp_path / "a.bin", reserve=4) as output:
        output.write(b"body")
        written = output.commit("test", head=b"HEAD")
    assert (tmp_path / "a.bin").read_bytes() == b"HEADbody"
    assert written.sha256 == hashlib.sha256(b"HEADbody").hexdigest()


def test_the_umask_decides_the_mode_and_the_temporary_is_private(tmp_path):
    """A finished file has the mode that open() would have given it; until then it is its owner's alone."""
    before = os.umask(0o027)
    try:
        with Output(tmp_path / "a.bin") as output:
            output.write(b"x")
            (part,) = tmp_path.glob("*.part")
            assert stat.S_IMODE(part.stat().st_mode) == 0o600
            with output.scratch() as scratch:
                assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
            assert not scratch.exists()
            output.commit("test")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_any_exception_removes_everything(tmp_path, error):
    """Not only errors: an interrupt too leaves the folder as it was."""
    with pytest.raises(type(error)), Output(tmp_path / "a.bin") as output, output.scratch() as scratch:  # noqa: PT012
        (scratch / "inner").mkdir()
        (scratch / "inner" / "tile").write_bytes(b"x")
        output.write(b"x")
        raise error
    assert names(tmp_path) == []


def test_leaving_without_commit_removes_everything(tmp_path):
    """Only `commit` makes a file appear."""
    with Output(tmp_path / "a.bin") as output:
        output.write(b"x")
    assert names(tmp_path) == []


def test_an_existing_output_is_kept_unless_told(tmp_path):
    """E-OUT-01 on entering, and the old content stays; with overwrite it is replaced."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    error = refusal(path)
    assert isinstance(error, OutputExistsError)
    assert (error.id, error.exit_code) == ("E-OUT-01", 5)
    assert path.read_bytes() == b"old"
    put(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


def test_an_output_that_appears_meanwhile_is_not_replaced(tmp_path):
    """The check is made again at commit, and the commit itself cannot replace."""
    path = tmp_path / "a.bin"
    with pytest.raises(OutputExistsError), Output(path) as output:  # noqa: PT012
        output.write(b"mine")
        path.write_bytes(b"theirs")
        output.commit("test")
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.bin"]


def test_a_commit_without_overwrite_never_replaces_even_unseen(tmp_path, monkeypatch):
    """With the check blinded, the link still refuses."""
    path = tmp_path / "a.bin"
    with pytest.raises(OutputError) as caught, Output(path) as output:  # noqa: PT012
        output.write(b"mine")
        path.write_bytes(b"theirs")
        monkeypatch.setattr(claims.Claim, "check_again", lambda self: None)
        output.commit("test")
    assert caught.value.id == "E-OUT-03"
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["a.bin"]


def test_without_hard_links_the_file_is_renamed(tmp_path, monkeypatch):
    """File systems that know no links still get their output."""

    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_link)
    put(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_symbolic_link_is_refused_and_its_target_kept(tmp_path, overwrite):
    """A link at the output's place is neither followed nor replaced, dangling or not."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for target in (victim, tmp_path / "nowhere"):
        link = tmp_path / "a.bin"
        link.symlink_to(target)
        assert refusal(link, overwrite=overwrite).id == "E-OUT-01"
        link.unlink()
    assert names(tmp_path) == ["victim"]
    assert victim.read_bytes() == b"precious"


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    """Overwriting replaces a file by a file."""
    (tmp_path / "a.bin").mkdir()
    assert refusal(tmp_path / "a.bin", overwrite=True).id == "E-OUT-01"


@pytest.mark.parametrize(
    "name", ["missing/a.bin", "file/a.bin", "/proc/a.bin", "s3://bucket/a.tif", "/vsimem/a"]
)
def test_a_folder_that_cannot_take_it_is_found_before_work(tmp_path, name):
    """E-OUT-02 on entering."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError) as caught, Output(str(tmp_path / name) if ":" not in name else name):
        pytest.fail("work began")
    assert caught.value.id == "E-OUT-02"
    assert caught.value.exit_code == 3


def test_a_read_only_folder_is_found_before_work(tmp_path, monkeypatch):
    """E-OUT-02, whether access() tells, or the first file fails."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refusal(tmp_path / "a.bin").id == "E-OUT-02"
    monkeypatch.undo()
    opened = os.open

    def refuse(path: object, flags: int, *more: object, **options: object) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, "read-only file system")
        return opened(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert refusal(tmp_path / "a.bin").id == "E-OUT-02"


def test_short_writes_are_continued(tmp_path, monkeypatch):
    """A write that takes a part of the bytes is no error and loses nothing."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: max(1, len(data) // 3)]))
    put(tmp_path / "a.bin", bytes(range(256)) * 10)
    assert (tmp_path / "a.bin").read_bytes() == bytes(range(256)) * 10


def test_a_full_device_is_an_error():
    """The kernel's own ENOSPC becomes E-OUT-03."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OutputError) as caught:
            write_all(descriptor, b"x" * 10, Path("/tmp/full.tif"))
    finally:
        os.close(descriptor)
    assert caught.value.id == "E-OUT-03"
    assert "free" in caught.value.found


@pytest.mark.parametrize("call", ["write", "fsync", "fchmod", "link", "preadv", "lseek"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_every_failing_call_is_an_error_and_leaves_nothing(tmp_path, monkeypatch, call, code):
    """Whichever call fails, at whichever time, no file is seen and none is left."""
    real, refused = getattr(os, call), 0
    for failing in range(1, 20):
        calls = 0

        def fail(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == failing:  # noqa: B023
                raise OSError(code, os.strerror(code))
            return real(*arguments, **options)

        monkeypatch.setattr(os, call, fail)
        error = try_to_write(tmp_path / "a.bin")
        monkeypatch.undo()
        if error is None:
            assert (tmp_path / "a.bin").read_bytes() == b"HEAD" + b"body" * 3
            (tmp_path / "a.bin").unlink()
        else:
            refused += 1
            assert error.id == "E-OUT-03"
        assert names(tmp_path) == []
        if calls < failing:
            break
    assert refused > 0


def try_to_write(path: Path) -> OutputError | None:
    try:
        with Output(path, reserve=4) as output:
            for _ in range(3):
                output.write(b"body")
            output.commit("test", head=b"HEAD")
    except OutputError as error:
        return error
    return None


def test_a_file_size_limit_is_an_error_and_leaves_nothing(tmp_path):
    """RLIMIT_FSIZE stops a real write in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OutputError) as caught:
            put(tmp_path / "a.bin", bytes(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.id == "E-OUT-03"
    assert "ulimit" in str(caught.value.hint)
    assert names(tmp_path) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(small_disk):
    """A real file system without room."""
    with pytest.raises(OutputError) as caught:
        put(small_disk / "a.bin", os.urandom(4_000_000))
    assert caught.value.id == "E-OUT-03"
    assert names(small_disk) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


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


def test_a_folder_appears_whole_and_is_exchanged_whole(tmp_path):
    """A store replaces a store only when told to, and the old one is gone afterwards."""
    for content, overwrite in ((b"1", False), (b"22", True)):
        output = OutputFolder(tmp_path / "a.zarr", overwrite=overwrite)
        with output as folder:
            (folder / "c").mkdir()
            (folder / "c" / "0").write_bytes(content)
            written = output.commit("test")
        assert (tmp_path / "a.zarr" / "c" / "0").read_bytes() == content
        assert written.bytes == len(content)
        assert names(tmp_path) == ["a.zarr"]
    with pytest.raises(OutputExistsError), OutputFolder(tmp_path / "a.zarr"):
        pytest.fail("work began")
    with pytest.raises(ValueError, match="x"), OutputFolder(tmp_path / "b.zarr") as folder:  # noqa: PT012
        (folder / "0").write_bytes(b"x")
        raise ValueError("x")
    assert names(tmp_path) == ["a.zarr"]


def test_a_folder_is_replaced_where_exchange_is_not_to_be_had(tmp_path, monkeypatch):
    """Two renames do it; the old one has no name that is swept before the new one is there."""
    monkeypatch.setattr("georoi.io.output.folders._exchange", lambda *_: False)
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "old").write_bytes(b"old")
    output = OutputFolder(tmp_path / "a.zarr", overwrite=True)
    with output as folder:
        (folder / "new").write_bytes(b"new")
        output.commit("test")
    assert names(tmp_path / "a.zarr") == ["new"]
    assert names(tmp_path) == ["a.zarr"]


def test_a_folder_of_another_kind_is_not_replaced(tmp_path):
    """Overwriting a store never removes somebody's folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis").write_bytes(b"x")
    output = OutputFolder(tmp_path / "home", overwrite=True, may_replace=lambda _: False)
    with pytest.raises(OutputExistsError), output:
        pytest.fail("work began")
    assert names(tmp_path / "home") == ["thesis"]


IDS = [
    "../x",
    "/etc/passwd",
    "a\0b",
    "x" * 300,
    "CON",
    "Ä/Ö",
    "",
    ".",
    "..",
    "a",
    "A",
    "\udcff",
    "-rf",
    7,
    "7 ",
    "\u202e",
]


def test_slugs_are_plain_short_and_distinct():
    """No id leads out of a folder, and none shares its name with another, whatever the case."""
    slugs = [slug(id) for id in IDS]
    assert len({name.casefold() for name in slugs}) == len(IDS)
    for name in slugs:
        assert name.isascii()
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        assert len(name) <= 59
        assert not name.startswith("-")
    assert slug("Stand 12/b") == "Stand-12-b-" + hashlib.sha256(b"Stand 12/b").hexdigest()[:10]


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
