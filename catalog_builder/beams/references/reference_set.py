"""Where the bytes of one beam lie in its granule: all that reading needs, but the bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import Beam
from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.errors import UnsupportedFilterError

SHUFFLE: Final = "shuffle"
DEFLATE: Final = "deflate"
UNSUPPORTED: Final = "unsupported:"
"""Begins the name of what only HDF5 can read, from the file: another filter, another type."""

MOST_FILTERS: Final = 32
"""Of one dataset, as HDF5 allows them; a filter mask has as many bits."""

MOST_CHUNKS: Final = 10**6
"""Of one dataset: 200 times those of any that is known. What says it has more is damaged."""

UNWRITTEN: Final = 2**29
"""Bytes of a dataset that no stored byte need stand for: chunks that were never written. The
largest that is known takes 370 MB, written or not."""

_DEFLATE_RATIO: Final = 1032
"""Bytes that a deflated one can stand for (https://zlib.net/zlib_tech.html)."""

Filter = str
"""``shuffle``, ``deflate``, or ``unsupported:`` and what it is."""


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Whether values of a type are their bytes as stored: truth, numbers, text of one length."""
    sizes = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
    text = dtype.kind == "S" and dtype.itemsize > 0
    return text or dtype.itemsize in sizes.get(dtype.kind, ())


def most_bytes(stored: int, filters: Sequence[Filter]) -> int:
    """Bytes that so many can make at most, once these filters (shuffle, deflate) are undone."""
    return stored * int(_DEFLATE_RATIO ** filters.count(DEFLATE))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetReferences:
    """How a dataset is stored, and where each of its chunks lies."""

    path: str
    """Within the beam: ``heights/h_ph``."""
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    """Of every chunk as stored, those at the edges included. What is stored in one piece is one
    chunk. Nowhere 0."""
    dtype: np.dtype[Any]
    """With its byte order."""
    filters: tuple[Filter, ...]
    """In the order in which they encoded; any of them may stand there more than once."""
    fill_value: Any
    """What stands in a chunk that was never written: a NumPy scalar."""
    attrs: dict[str, Any]
    """Text decoded, numbers as NumPy scalars or arrays of the type stored."""
    offsets: NDArray[np.uint64]
    """Byte in the file, one for each chunk, in C order of the chunk grid."""
    sizes: NDArray[np.uint64]
    """Bytes stored; 0 for a chunk that was never written, or is ``inline``."""
    filter_masks: NDArray[np.uint32]
    """Bit k is set where filter k was left out."""
    inline: bytes | None = None
    """All values, in C order, of a dataset that is small enough to be kept with the references."""
    dims: tuple[str, ...] = ()
    """Names of its dimensions, for other readers; none: each is the dataset's own."""

    @property
    def grid(self) -> tuple[int, ...]:
        """How many chunks lie along each dimension."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True))

    @property
    def supported(self) -> bool:
        """Whether its chunks make values; where not, h5py must read it from the file."""
        known = {*self.filters} <= {SHUFFLE, DEFLATE} and len(self.filters) <= MOST_FILTERS
        return known and is_plain(self.dtype)

    def require_supported(self) -> None:
        """Raise :class:`~catalog_builder.errors.UnsupportedFilterError` where it is not."""
        if not self.supported:
            stored = ", ".join(name[:40] for name in self.filters[:8]) or f"type {self.dtype}"
            raise UnsupportedFilterError(
                f"{self.path} is stored in a way ({stored}) that planned reads do not undo: h5py "
                "must read it."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeamReferences:
    """Where one beam of a granule lies, byte by byte, and on Earth."""

    beam: Beam
    granule: str
    """Id: the file name without ``.h5``."""
    href: str
    """The address that was scanned."""
    size: int
    """Bytes of the granule."""
    etag: str | None
    """What the server called the version that was scanned; None of a file on disk."""
    attrs: dict[str, Any]
    """Of the beam's group, text decoded."""
    orientation: int | None
    """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say."""
    short_name: str
    """What the file calls its product: ``ATL03``."""
    datasets: Mapping[str, DatasetReferences]
    """By path; ``signal_find_output`` and what has no dimension are left out."""
    positions: ChunkPositions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranuleReferences:
    """Of all beams of a granule, or of those of them that are wanted."""

    beams: Mapping[Beam, BeamReferences]
    """Those that hold a photon."""
    empty: tuple[Beam, ...] = ()
    """Those that the file has, and that hold none. It has no other beam."""
