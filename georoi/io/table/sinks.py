"""What encoders write to: a file object whose bytes go to the checked writer, or a stream of text."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, Protocol, TextIO

from georoi.io.output.commit import Output

_PIECE = 1 << 20


class Sink(Protocol):
    """Takes encoded bytes in order."""

    def write(self, data: bytes, /) -> object:
        """Append bytes, all of them or an error."""


class FileSink(io.RawIOBase):
    """A file object in front of an `Output`, for libraries that write to file objects.

    After `abandon` it takes bytes and drops them, since libraries flush what they hold even when they fail.

    Args:
        output: Where the bytes go.
        hashed: Whether to keep the SHA-256 of what is written, to be known before the output is committed.
    """

    def __init__(self, output: Output, *, hashed: bool = False) -> None:
        super().__init__()
        self._output = output
        self._hash = hashlib.sha256() if hashed else None
        self._abandoned = False

    @property
    def sha256(self) -> str:
        """The digest of what was written so far, as hexadecimal digits; "" if none is kept."""
        return "" if self._hash is None else self._hash.hexdigest()

    def writable(self) -> bool:
        """Tell that it takes bytes."""
        return True

    def tell(self) -> int:
        """Give the number of bytes written so far."""
        return self._output.tell()

    def write(self, data: Any) -> int:
        """Append bytes, all of them or an error.

        Raises:
            OutputError: E-OUT-03.
        """
        view = memoryview(data).cast("B")
        if not self._abandoned:
            self._output.write(view)
            if self._hash is not None:
                self._hash.update(view)
        return len(view)

    def abandon(self) -> None:
        """Drop whatever comes from now on."""
        self._abandoned = True

    def copy(self, path: Path) -> None:
        """Append a file, such as one that a library made in private scratch."""
        buffer = bytearray(_PIECE)
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                self.write(memoryview(buffer)[:count])


class TextSink:
    """A stream of text, such as stdout; encoded lines come as UTF-8.

    Line ends are the format's own. A stream with a binary buffer gets the bytes as they are.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._binary = getattr(stream, "buffer", None)
        stream.flush()

    def write(self, data: bytes, /) -> None:
        """Append bytes of UTF-8.

        Raises:
            BrokenPipeError: If the reader has gone.
        """
        if self._binary is not None:
            self._binary.write(data)
        else:
            self._stream.write(data.decode("utf-8"))

    def flush(self) -> None:
        """Hand on what the stream still holds."""
        self._stream.flush()
