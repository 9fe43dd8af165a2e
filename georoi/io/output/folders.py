"""Folders that appear whole or not at all, as `georoi.io.output.commit` does for files: for Zarr stores."""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from georoi.errors import OutputError, OutputExistsError
from georoi.io.output.claims import Claim, Temporary, flush_folder, translate
from georoi.io.output.spec import Written

_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h


class OutputFolder:
    """A folder, such as a Zarr store, that appears at its path only when `commit` is called.

    Replacing an existing folder exchanges the two in one step where the file system can do it; elsewhere the
    old one is moved aside first, and is back in place if the new one cannot be moved in.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        may_replace: Callable[[Path], bool] = lambda _: True,
    ) -> None:
        self._claim = Claim(path, overwrite=overwrite, folder=True)
        self._may_replace = may_replace
        self._part: Temporary | None = None

    @property
    def path(self) -> Path:
        """Where the folder shall appear."""
        return self._claim.target

    def __enter__(self) -> Path:
        self._claim.__enter__()
        try:
            self.check_kind()
            self._part = self._claim.make_folder()
        except BaseException as error:
            self._claim.__exit__(None, None, None)
            if isinstance(error, OSError):
                raise translate(error, self.path) from error
            raise
        return self._claim.path_of(self._part)

    def __exit__(self, *_: object) -> None:
        try:
            if self._part is not None:
                self._claim.discard(self._part)
                self._part = None
        finally:
            self._claim.__exit__(None, None, None)

    def commit(self, format: str, *, notes: tuple[str, ...] = ()) -> Written:
        """Make every file of the folder durable and let the folder appear; see `Output.commit`.

        The SHA-256 is that of the sorted list of the files' names and SHA-256 sums.
        """
        if self._part is None:
            raise OutputError("E-INT-01", "an output was used outside of its context")
        try:
            size, digest = _seal(self._claim.path_of(self._part))
            os.fchmod(self._part.descriptor, self._part.mode)
            os.fsync(self._part.descriptor)
            self._claim.check_again()
            self.check_kind()
            self._appear(self._part)
        except OSError as error:
            raise translate(error, self.path) from error
        notes += flush_folder(self._claim.folder)
        return Written(path=self.path, format=format, bytes=size, sha256=digest, notes=notes)

    def check_kind(self) -> None:
        """Refuse to replace a folder that holds anything else.

        Raises:
            OutputExistsError: E-OUT-01.
        """
        if self.path.exists() and not self._may_replace(self.path):
            raise OutputExistsError(
                "E-OUT-01",
                f"{self.path.name} is a folder of another kind, so it is not replaced",
                found={"output": str(self.path)},
                hint="it holds something that was not written there as such an output; choose another folder",
            )

    def _appear(self, part: Temporary) -> None:
        folder, name = self._claim.folder, self._claim.name
        if not self._claim.overwrite or not self.path.exists():
            os.rename(part.name, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        if _exchange(part.name, name, folder):
            return  # the old one now has the temporary's name and is discarded with it
        aside = (
            f"{name}.replaced-{os.getpid()}"  # not a name that is swept: it is all there is for an instant
        )
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
        try:
            os.rename(part.name, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
            raise
        os.rename(aside, part.name, src_dir_fd=folder, dst_dir_fd=folder)


def _seal(folder: Path) -> tuple[int, str]:
    """Flush every file and folder below a folder; give the total size and a digest of names and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(_seal_file, files))
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        descriptor = os.open(inner, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    lines = (
        f"{digest}  {path.relative_to(folder).as_posix()}\n"
        for path, (_, digest) in zip(files, sealed, strict=True)
    )
    return sum(size for size, _ in sealed), hashlib.sha256("".join(lines).encode()).hexdigest()


def _seal_file(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _exchange(one: str, other: str, folder: int) -> bool:
    """Exchange two names in one step (Linux's renameat2); False where that is not to be had."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(rename(folder, os.fsencode(one), folder, os.fsencode(other), ctypes.c_uint(_EXCHANGE)) == 0)
