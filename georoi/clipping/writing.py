"""Arrays and clips written to files, piece by piece, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from georoi.engine.lazy import compute_blocks, is_lazy, lazy_blocks
from georoi.engine.progress import Progress, track
from georoi.errors import UsageError
from georoi.io.output.codec import Codec
from georoi.io.output.creation import GTIFF_OPTIONS, choose_storage, parse_options
from georoi.io.output.outputs import write_image
from georoi.io.output.spec import ImageSpec, Number, Piece, Written
from georoi.options import whole_number
from georoi.values.naming import plain

if TYPE_CHECKING:
    from georoi.io.array.arrays import ArraySource


HARD_ALPHA = (
    "the picture's alpha tells which pixels are kept, not their weights: weights_out= (--weights-out) does"
)
"""The note on a picture of a clip with weights."""


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How an output is written."""

    of: str | None = None
    """Format; by the path's ending if None."""
    co: Mapping[str, object] | None = None
    """Creation options of the format."""
    overwrite: bool = False
    workers: int | None = None
    """Threads that work on tiles, and threads that encode; one per core each if None."""
    client: Any = None
    """A `distributed.Client` (Any: it may not be installed) that works on tiles instead of threads."""
    progress: bool | Progress | None = None

    def __post_init__(self) -> None:
        """Check who shall work.

        Raises:
            UsageError: E-USE-01.
        """
        if self.workers is not None and (whole_number(self.workers) or 0) < 1:
            raise UsageError(
                "E-USE-01",
                f"workers must be a whole number, 1 or more, not {plain(repr(self.workers))}",
                hint="leave workers= (--threads) out for one thread per core",
            )
        if self.client is not None and not hasattr(self.client, "submit"):
            raise UsageError(
                "E-USE-01",
                f"a {type(self.client).__name__} is no dask scheduler",
                hint="give its address, such as 'tcp://127.0.0.1:8786', or a distributed.Client",
            )

    def tiff_codec(self, spec: ImageSpec) -> Codec:
        """Give the codec of the tiles, where the output is a GeoTIFF."""
        return choose_storage(spec, parse_options(self.co, GTIFF_OPTIONS, "GTiff")).codec

    def write(
        self,
        path: str | os.PathLike[str],
        spec: ImageSpec,
        pieces: Iterator[Piece],
        notes: tuple[str, ...] = (),
    ) -> Written:
        """Write an image as its pieces come; see `georoi.io.output.outputs.write_image`."""
        written = write_image(
            path,
            spec,
            pieces,
            of=self.of,
            options=self.co,
            overwrite=self.overwrite,
            workers=self.workers,
        )
        return replace(written, notes=tuple(note for note in (*written.notes, *notes) if note))


def write_array(source: ArraySource, path: str | os.PathLike[str], output: OutputOptions) -> Written:
    """Write a DataArray; dask arrays are computed a bounded batch of chunks at a time; see `georoi.write`."""
    from georoi.io.output.imagespecs import cut_pieces, spec_of_array

    data = source.array.data
    spec = spec_of_array(source)
    pieces = lazy_pieces(data, spec.fill, output) if is_lazy(data) else cut_pieces(data)
    return output.write(path, spec, pieces)


def lazy_pieces(data: Any, fill: Number, output: OutputOptions, weights: Any = None) -> Iterator[Piece]:
    """Compute a dask array (untyped), and the weights that tell valid pixels, as pieces of an image.

    Args:
        data: Axes (band, y, x) or (y, x).
        fill: What the image holds where there is no piece: chunks known to hold nothing else give none.
        output: Who computes, and what is told of the blocks done.
        weights: Shape (rows, cols): pixels of weight 0 are not valid; None where no mask is written.
    """
    from georoi.io.output.imagespecs import make_piece

    arrays, skip = ((data,), fill) if weights is None else ((data, weights), None)
    total = sum(len(batch) for batch in lazy_blocks(data, skip=skip))
    computed = compute_blocks(*arrays, skip=skip, workers=output.workers, client=output.client)
    blocks = track(computed, output.progress, total=total, message="write")
    for (rows, cols), (values, *rest) in blocks:
        yield make_piece(rows.start, cols.start, values, rest[0] > 0 if rest else None)
