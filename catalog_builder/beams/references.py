"""Where the bytes of one beam lie in its granule: all that reading needs, but the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from catalog_builder.atl03 import Beam
    from catalog_builder.beams.chunk_positions import ChunkPositions

SHUFFLE: Final = "shuffle"
DEFLATE: Final = "deflate"
OTHER: Final = "hdf5:"
"""Begins the name of a filter that HDF5 itself undoes, chunk by chunk; its number follows, and
after a colon its parameters with commas between: ``hdf5:3``, ``hdf5:32000:4,0,40``."""

UNSUPPORTED: Final = "unsupported:"
"""Begins the name of what only HDF5 can read, from the file: another type, another file."""

Filter = str
"""``shuffle``, ``deflate``, ``hdf5:`` or ``unsupported:`` and what it is."""


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
    """In the order in which they encoded."""
    fill_value: Any
    """What stands in a chunk that was never written: a NumPy scalar."""
    attrs: dict[str, Any]
    """As :func:`~catalog_builder.beams.hdf5.read_attributes` gives them, types included."""
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
        return not any(name.startswith(UNSUPPORTED) for name in self.filters)


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

    def to_kerchunk(self) -> bytes:
        """As a kerchunk reference set; see :mod:`catalog_builder.beams.kerchunk`."""
        from catalog_builder.beams.kerchunk import write_references

        return write_references(self)

    @classmethod
    def from_kerchunk(cls, data: bytes) -> BeamReferences:
        """Read what :meth:`to_kerchunk` gave.

        Raises :class:`~catalog_builder.errors.ReferencesError` where it is something else; what is
        damaged of a dataset shows when that is first looked at.
        """
        from catalog_builder.beams.kerchunk import read_references

        return read_references(data)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranuleReferences:
    """Of all beams of a granule, or of those of them that are wanted."""

    beams: Mapping[Beam, BeamReferences]
    """Those that hold a photon."""
    empty: tuple[Beam, ...] = ()
    """Those that the file has, and that hold none. It has no other beam."""
