"""Claim an output before work starts: check its folder, keep a second writer out, sweep what the dead left.

Whoever is alive holds a kernel lock (flock) on its lock file and on its temporary files and folders. The
kernel drops it with the process, so a lock cannot be stale, a process id that was given to another cannot
confuse, and two containers that share a folder but not their process ids see each other. The id in the files
is for people to read. On file systems without flock a second writer is only found at commit, where it cannot
replace the first unasked, and leftovers are not swept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import time
from pathlib import Path
from typing import NamedTuple

from georoi.errors import OutputError, OutputExistsError

PREFIX = ".georoi-"
_PART, _LOCK = ".part", ".lock"
_TRIES = 4
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_NO_FLOCK = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EBADF}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}

_swept: set[tuple[int, int]] = set()
"""Folders (device, inode) that this process has swept: once is enough, and n files stay linear in n."""


class Temporary(NamedTuple):
    """A private file or folder beside an output, locked by its maker."""

    name: str
    descriptor: int
    mode: int
    """The permission bits that the umask leaves it once it is no longer private."""


def check_target(path: str | os.PathLike[str], *, overwrite: bool = False, folder: bool = False) -> Path:
    """Refuse an output that cannot or may not be written, before any work is done for it.

    Args:
        path: The output.
        overwrite: Whether an existing output may be replaced.
        folder: Whether the output is a folder, such as a Zarr store.

    Raises:
        OutputExistsError: E-OUT-01 if it exists and may not be replaced, or is not of the kind to
            be replaced.
        OutputError: E-OUT-02 if its folder is missing, is no folder, or may not be written to.
    """
    text = os.fspath(path)
    if "://" in text or text.startswith("/vsi"):
        raise OutputError(
            "E-OUT-02",
            f"outputs go to local folders only, not to {text!r}",
            hint="write to a local path and copy it from there",
        )
    target = Path(text)
    if not target.name or target.name == ".." or "\0" in text:
        raise OutputError("E-OUT-02", f"{text!r} does not name a file", hint="give the path of the output")
    parent = target.parent
    if not parent.is_dir():
        raise OutputError(
            "E-OUT-02",
            f"the folder of {target.name} is missing",
            found={"folder": str(parent)},
            hint="make the folder first, or check the path",
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(
            "E-OUT-02",
            f"the folder of {target.name} may not be written to",
            found={"folder": str(parent)},
            hint="choose a folder where you may write, or change its permissions",
        )
    _check_existing(target, overwrite=overwrite, folder=folder)
    return target


def _check_existing(target: Path, *, overwrite: bool, folder: bool) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise translate(error, target) from error
    found = {"output": str(target)}
    if stat.S_ISLNK(mode):
        raise OutputExistsError(
            "E-OUT-01",
            f"{target.name} is a symbolic link, which is neither followed nor replaced",
            found=found,
            hint="give the path that it points to",
        )
    if not overwrite:
        raise OutputExistsError(
            "E-OUT-01",
            f"{target.name} exists",
            found=found,
            hint="pass overwrite=True (--overwrite) to replace it",
        )
    if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
        kind = "folder" if folder else "regular file"
        raise OutputExistsError(
            "E-OUT-01",
            f"{target.name} exists and is no {kind}, so it is not replaced",
            found=found,
            hint="choose another output, or remove what is there",
        )


def translate(error: OSError, target: Path) -> OutputError:
    """Make our error of the system's: E-OUT-02 where the folder refuses, E-OUT-03 where writing failed."""
    found = {"output": str(target), "cause": error.strerror or type(error).__name__}
    if error.errno in _REFUSED:
        return OutputError("E-OUT-02", f"{target.name} cannot be made in its folder", found=found)
    hint = None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            found["free"] = f"{shutil.disk_usage(target.parent).free / 1e6:,.1f} MB"
        hint = "free some space, or write to another disk"
    if error.errno == errno.EFBIG:
        hint = "the file size limit of this process or file system was reached (ulimit -f)"
    return OutputError("E-OUT-03", f"writing {target.name} failed", found=found, hint=hint)


class Claim:
    """The right to make one output: the folder held open, and the lock against a second writer.

    Use it as a context manager. Everything is named relative to the open folder, so it cannot be exchanged
    meanwhile.

    Raises:
        OutputExistsError: E-OUT-01, see `check_target`.
        OutputError: E-OUT-02, see `check_target`; E-OUT-05 if another writer is at work on this output.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, folder: bool = False
    ) -> None:
        self.target = check_target(path, overwrite=overwrite, folder=folder)
        self.name = self.target.name
        self.overwrite = overwrite
        self.is_folder = folder
        self._lock_name = PREFIX + hashlib.sha256(os.fsencode(self.name)).hexdigest()[:16] + _LOCK
        self._lock = -1
        self.folder = -1

    def __enter__(self) -> Claim:
        try:
            self.folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._lock = self._acquire()
            self.check_again()
            sweep(self.folder)
        except OSError as error:
            self._close()
            raise translate(error, self.target) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def check_again(self) -> None:
        """Refuse an output that has come to exist since the claim was made."""
        _check_existing(self.target, overwrite=self.overwrite, folder=self.is_folder)

    def make_file(self) -> Temporary:
        """Make a private, locked, empty file in the folder, open for reading and writing."""
        while True:
            name = _private_name()
            descriptor = os.open(name, _FLAGS | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=self.folder)
            made = self._make_private(name, descriptor, 0o600)
            if made is not None:
                return made

    def make_folder(self) -> Temporary:
        """Make a private, locked, empty folder in the folder."""
        while True:
            name = _private_name()
            os.mkdir(name, 0o777, dir_fd=self.folder)
            descriptor = os.open(name, _FLAGS | os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.folder)
            made = self._make_private(name, descriptor, 0o700)
            if made is not None:
                return made

    def path_of(self, temporary: Temporary) -> Path:
        """Give the path of a temporary, for libraries that take nothing else."""
        return self.target.parent / temporary.name

    def discard(self, temporary: Temporary) -> None:
        """Remove a temporary if it is still there, and close it; what cannot be removed is swept later."""
        for _ in range(_TRIES):
            try:
                _remove(temporary.name, self.folder)
                break
            except OSError:
                time.sleep(0.02)  # threads of a library may still be putting files into a folder
        os.close(temporary.descriptor)

    def _make_private(self, name: str, descriptor: int, private: int) -> Temporary | None:
        """Lock a new temporary; None if somebody's sweep took it in the instant before."""
        try:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            os.fchmod(descriptor, private)
            with contextlib.suppress(OSError):  # no flock here: see the module's docstring
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_same(name, descriptor, self.folder):
                return Temporary(name, descriptor, mode)
        except BaseException:
            self.discard(Temporary(name, descriptor, 0))
            raise
        os.close(descriptor)
        return None

    def _acquire(self) -> int:
        tries = 0
        while True:
            descriptor = os.open(self._lock_name, _FLAGS | os.O_RDWR | os.O_CREAT, 0o666, dir_fd=self.folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tries += 1
                if tries < _TRIES:  # a sweep holds what it looks at for an instant
                    os.close(descriptor)
                    time.sleep(0.02)
                    continue
                holder = os.pread(descriptor, 200, 0).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise OutputError(
                    "E-OUT-05",
                    f"another writer is at work on {self.name}",
                    found={"output": str(self.target), "writer": holder or "unknown"},
                    hint="wait for it to end, or write to another path",
                ) from None
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    os.close(descriptor)
                    raise
            if _is_same(self._lock_name, descriptor, self.folder):
                with contextlib.suppress(OSError):  # the lock holds without words too
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
                return descriptor
            os.close(descriptor)  # the previous holder removed it while we waited for nothing

    def _close(self) -> None:
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._lock_name, dir_fd=self.folder)
            os.close(self._lock)
            self._lock = -1
        if self.folder >= 0:
            os.close(self.folder)
            self.folder = -1


def sweep(folder: int) -> None:
    """Remove what killed writers of this user left in a folder: once per process, only what nobody holds."""
    status = os.fstat(folder)
    place = (status.st_dev, status.st_ino)
    if place in _swept:
        return
    _swept.add(place)
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.name.startswith(PREFIX) and e.name.endswith((_PART, _LOCK))]
    for name in names:
        with contextlib.suppress(OSError):
            _sweep_one(name, folder)


def _sweep_one(name: str, folder: int) -> None:
    descriptor = os.open(name, _FLAGS | os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: its maker lives
        if _is_same(name, descriptor, folder):
            _remove(name, folder)
    finally:
        os.close(descriptor)


def flush_folder(folder: int) -> tuple[str, ...]:
    """Make a rename durable; a note where the file system cannot say so, since the output itself is whole."""
    try:
        os.fsync(folder)
    except OSError as error:
        return (f"the folder could not be flushed to disk ({error.strerror})",)
    return ()


def _private_name() -> str:
    return f"{PREFIX}{os.getpid()}-{secrets.token_hex(8)}{_PART}"


def _is_same(name: str, descriptor: int, folder: int) -> bool:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(name, dir_fd=folder)
