"""Outputs that appear whole or not at all: a private temporary, checked writes, fsync, one rename or link.

An interrupted or killed writer leaves no visible file; what it may leave hidden (`.georoi-*`) is swept by the
next writer in that folder. The SHA-256 is taken on the way where a file is written from front to back. Where
the head must be filled in at the end (a streamed TIFF points to its directory, whose place is not known
before) it is taken by reading the finished file once more.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from georoi.errors import OutputError
from georoi.io.output.claims import Claim, Temporary, flush_folder, translate
from georoi.io.output.spec import Written

Buffer = bytes | bytearray | memoryview
_PIECE = 1 << 20


class Output:
    """A file that appears at its path only on `commit`; leaving the context without it removes everything.

    Args:
        path: Where the file shall appear.
        overwrite: Whether an existing file may be replaced.
        reserve: Bytes at the front to be filled in by `commit`.

    Raises:
        OutputExistsError: E-OUT-01, on entering and at commit.
        OutputError: E-OUT-02 and E-OUT-05 on entering, E-OUT-03 where writing fails.
    """

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False, reserve: int = 0) -> None:
        self._claim = Claim(path, overwrite=overwrite)
        self._reserve = reserve
        self._part: Temporary | None = None
        self._size = 0
        self._hash = None if reserve else hashlib.sha256()

    @property
    def path(self) -> Path:
        """Where the file shall appear."""
        return self._claim.target

    def __enter__(self) -> Output:
        self._claim.__enter__()
        try:
            self._part = self._claim.make_file()
            if self._reserve:
                self.write(bytes(self._reserve))
        except BaseException as error:
            self.__exit__(type(error), error, None)
            if isinstance(error, OSError):
                raise translate(error, self.path) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._part is not None:
                self._claim.discard(self._part)
                self._part = None
        finally:
            self._claim.__exit__(kind, error, trace)

    def tell(self) -> int:
        """Give the number of bytes written so far, which is where the next ones go."""
        return self._size

    def write(self, data: Buffer) -> None:
        """Append bytes, all of them or an error.

        Raises:
            OutputError: E-OUT-03.
        """
        write_all(self._open().descriptor, data, self.path)
        self._size += len(data)
        if self._hash is not None:
            self._hash.update(data)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a private folder (mode 0700) beside the output, removed afterwards."""
        try:
            folder = self._claim.make_folder()
        except OSError as error:
            raise translate(error, self.path) from error
        try:
            yield self._claim.path_of(folder)
        finally:
            self._claim.discard(folder)

    def commit(self, format: str, *, head: bytes = b"", notes: tuple[str, ...] = ()) -> Written:
        """Make the file durable and let it appear.

        Args:
            format: Name of the format, for the record.
            head: What goes into the reserved bytes at the front.
            notes: What the user should know.

        Raises:
            OutputExistsError: E-OUT-01 if the output came to exist meanwhile.
            OutputError: E-OUT-03.
        """
        part = self._open()
        try:
            if self._reserve:
                self._fill_head(part.descriptor, head)
            os.fchmod(part.descriptor, part.mode)
            os.fsync(part.descriptor)
            digest = self._hash.hexdigest() if self._hash is not None else self._read_back(part.descriptor)
            self._appear(part)
        except OSError as error:
            raise translate(error, self.path) from error
        notes += flush_folder(self._claim.folder)
        return Written(path=self.path, format=format, bytes=self._size, sha256=digest, notes=notes)

    def _open(self) -> Temporary:
        if self._part is None:
            raise OutputError("E-INT-01", "an output was used outside of its context")
        return self._part

    def _fill_head(self, descriptor: int, head: bytes) -> None:
        if len(head) != self._reserve:
            raise OutputError("E-INT-01", f"{self._reserve} bytes were reserved, {len(head)} given")
        os.lseek(descriptor, 0, os.SEEK_SET)
        write_all(descriptor, head, self.path)

    def _read_back(self, descriptor: int) -> str:
        digest, at, buffer = hashlib.sha256(), 0, bytearray(_PIECE)
        while count := os.preadv(descriptor, [buffer], at):
            digest.update(memoryview(buffer)[:count])
            at += count
        if at != self._size:
            raise OutputError(
                "E-OUT-03",
                f"{self.path.name} has another size than was written",
                found={"written": f"{self._size} bytes", "found": f"{at} bytes"},
            )
        return digest.hexdigest()

    def _appear(self, part: Temporary) -> None:
        self._claim.check_again()
        folder, name = self._claim.folder, self._claim.name
        if self._claim.overwrite:
            os.replace(part.name, name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        try:  # a link, unlike a rename, never replaces
            os.link(part.name, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            self._claim.check_again()
            raise
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
                raise
            os.rename(part.name, name, src_dir_fd=folder, dst_dir_fd=folder)  # no links on this file system


def write_all(descriptor: int, data: Buffer, target: Path) -> None:
    """Write all of `data` where the descriptor stands; a short write is continued, a failed one is an error.

    Args:
        descriptor: An open file.
        data: The bytes.
        target: The output that they are for, named in the error.

    Raises:
        OutputError: E-OUT-03.
    """
    rest = memoryview(data).cast("B")
    try:
        while rest:
            count = os.write(descriptor, rest)
            if count <= 0:
                raise OSError(errno.EIO, "no byte could be written")
            rest = rest[count:]
    except OSError as error:
        raise translate(error, target) from error


def slug(id: object) -> str:
    """Make a file name part of a ROI id: up to 48 plain letters, digits, - and _, then part of its SHA-256.

    Two ids never share a name, also where case is not told apart, and no id leads out of the folder.
    """
    text = str(id)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", plain)[:48].strip("-_")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{plain or 'roi'}-{digest}"
