"""The references of a beam: where the chunks of its datasets lie, and how they are stored."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.errors import UnsupportedFilterError
from catalog_builder.products.atl03 import Beam

SHUFFLE: Final = "shuffle"
DEFLATE: Final = "deflate"
UNSUPPORTED: Final = "unsupported:"
"""Prefix of filters and types that only the HDF5 library can read."""

MOST_FILTERS: Final = 32
"""Filters of one dataset, at most: HDF5's own limit, and the bits of a filter mask."""

MOST_CHUNKS: Final = 10**6
"""Chunks of one dataset, at most: 200 times those of any known one. One with more is damaged."""

UNWRITTEN: Final = 2**29
"""Bytes that the unwritten chunks of a dataset may take in memory. The largest known dataset
takes 370 MB, written or not."""

_DEFLATE_RATIO: Final = 1032
"""Most bytes that one deflated byte can inflate to (https://zlib.net/zlib_tech.html)."""

Filter = str
"""``shuffle``, ``deflate``, or ``unsupported:`` and what it is."""


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Whether the bytes stored are the values: of booleans, numbers, text of one length."""
    sizes = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
    text = dtype.kind == "S" and dtype.itemsize > 0
    return text or dtype.itemsize in sizes.get(dtype.kind, ())


def most_bytes(stored: int, filters: Sequence[Filter]) -> int:
    """Most bytes that ``stored`` bytes can become once these filters are undone."""
    return stored * int(_DEFLATE_RATIO ** filters.count(DEFLATE))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetReferences:
    """How a dataset is stored, and where each of its chunks lies."""

    path: str
    """Within the beam: ``heights/h_ph``."""
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    """Shape of every chunk as stored, those at the edges included; never 0. A contiguous dataset
    is one chunk."""
    dtype: np.dtype[Any]
    """With its byte order."""
    filters: tuple[Filter, ...]
    """In the order in which they were applied; one may occur more than once."""
    fill_value: Any
    """Value of a chunk that was never written: a NumPy scalar."""
    attrs: dict[str, Any]
    """Text decoded, numbers as NumPy scalars or arrays of the type stored."""
    offsets: NDArray[np.uint64]
    """First byte in the file of each chunk, in C order of the chunk grid."""
    sizes: NDArray[np.uint64]
    """Bytes stored; 0 for a chunk that was never written, or is ``inline``."""
    filter_masks: NDArray[np.uint32]
    """Bit k is set where filter k was left out."""
    inline: bytes | None = None
    """All values, in C order, of a dataset kept inside the references; else None."""
    dims: tuple[str, ...] = ()
    """Names of the dimensions, for other readers; empty where each is the dataset's own."""

    @property
    def grid(self) -> tuple[int, ...]:
        """How many chunks lie along each dimension."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk_shape, strict=True))

    @property
    def supported(self) -> bool:
        """Whether planned reads can decode it; if not, h5py must read it from the file."""
        known = {*self.filters} <= {SHUFFLE, DEFLATE} and len(self.filters) <= MOST_FILTERS
        return known and is_plain(self.dtype)

    def require_supported(self) -> None:
        """Raise :class:`~catalog_builder.errors.UnsupportedFilterError` where it is not."""
        if not self.supported:
            stored = ", ".join(name[:40] for name in self.filters[:8]) or f"type {self.dtype}"
            raise UnsupportedFilterError(
                f"{self.path} is stored with {stored}, which planned reads do not decode: h5py "
                "must read it."
            )


class UnpackedDatasets(Mapping[str, DatasetReferences]):
    """Datasets by path, each unpacked when it is first looked up."""

    @abstractmethod
    def shape(self, path: str) -> tuple[int, ...] | None:
        """As :meth:`BeamReferences.shape`; unpacks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeamReferences:
    """Where the bytes of one beam lie in its granule, and where its photons lie on Earth."""

    beam: Beam
    granule: str
    """Id: the file name without ``.h5``."""
    href: str
    """The address that was scanned."""
    size: int
    """Bytes of the granule."""
    etag: str | None
    """ETag of the version that was scanned; None for a file on disk."""
    attrs: dict[str, Any]
    """Attributes of the beam's group, text decoded."""
    orientation: int | None
    """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say."""
    short_name: str
    """The product's short name in the file: ``ATL03``."""
    datasets: Mapping[str, DatasetReferences]
    """By path; without ``signal_find_output`` and scalar datasets."""
    positions: ChunkPositions

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""
        if isinstance(self.datasets, UnpackedDatasets):
            return self.datasets.shape(path)
        known = self.datasets.get(path)
        return None if known is None else known.shape
