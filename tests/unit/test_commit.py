"""Output files: whole or not at all, found writable before work, nothing left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from georoi.errors import OutputError, OutputExistsError
from georoi.io.output import claims
from georoi.io.output.commit import Output, write_all
from tests.writers import names, put, refusal


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
