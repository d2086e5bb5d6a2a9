"""Writes and reads chunk positions as small Zarr arrays inside a reference set.

Each array is one inline chunk: integers in a fixed unit, as differences from row to row, deflated.
numcodecs can undo these filters.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from catalog_builder.beams.references.chunk_positions import PER_DEGREE, PER_SECOND, ChunkPositions
from catalog_builder.beams.references.reference_set import MOST_CHUNKS
from catalog_builder.errors import ReferencesError

POSITIONS: Final = "photon_chunks"
"""Group of the chunks' positions."""

GROUP: Final = '{"zarr_format":2}'
"""Metadata of a group of Zarr, version 2."""

_NO_POSITION: Final = np.iinfo(np.int32).min

# How values are stored: units per degree or second, and the integer type.
_DEGREES: Final[dict[str, tuple[int, np.dtype[Any]]]] = {
    name: (PER_DEGREE, np.dtype("<i4"))
    for name in (
        "first_lat",
        "last_lat",
        "first_lon",
        "last_lon",
        "south",
        "north",
        "west",
        "east",
    )
}
_TIMES: Final[dict[str, tuple[int, np.dtype[Any]]]] = {
    name: (PER_SECOND, np.dtype("<i8")) for name in ("start", "end")
}
_WHOLE: Final[dict[str, np.dtype[Any]]] = {
    "first_segment": np.dtype("<i4"),
    "last_segment": np.dtype("<i4"),
    "unplaced": np.dtype("|u1"),
}


def to_inline(data: bytes) -> str:
    """Bytes as text for a reference set."""
    return "base64:" + base64.b64encode(data).decode("ascii")


def from_inline(text: str) -> bytes:
    """Undo :func:`to_inline`."""
    return base64.b64decode(text.removeprefix("base64:"), validate=True)


def pack_positions(positions: ChunkPositions) -> dict[str, str | dict[str, Any]]:
    """Keys and values of the group in a reference set: metadata as objects, chunks as text."""
    refs: dict[str, str | dict[str, Any]] = {f"{POSITIONS}/.zgroup": orjson.loads(GROUP)}
    for name, values, filters, fill_value in _whole_numbers(positions):
        refs |= _small_array(f"{POSITIONS}/{name}", values, filters, fill_value)
    return refs


def unpack_positions(
    refs: Mapping[str, Any], root: str, chunk: int, photons: int
) -> ChunkPositions:
    """Undo :func:`pack_positions`, for ``photons`` photons in chunks of ``chunk``.

    ``root`` is what stands before each key.

    Raises :class:`~catalog_builder.errors.ReferencesError` where the positions are of other
    chunks, and the errors of NumPy, zlib and mappings for damaged data.
    """
    if chunk < 1 or not 0 <= photons <= chunk * MOST_CHUNKS:
        raise ReferencesError(f"{photons} photons in chunks of {chunk} cannot be.")
    count = -(-photons // chunk)

    def whole(name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        length = count * dtype.itemsize
        inflating = zlib.decompressobj()
        packed = from_inline(refs[f"{root}{POSITIONS}/{name}/0"]) if count else zlib.compress(b"")
        data = inflating.decompress(packed, length + 1)  # no more than there should be
        if len(data) != length or not inflating.eof:
            raise ReferencesError(f"{POSITIONS}/{name} is not of {count} chunks.")
        values: NDArray[Any] = np.cumsum(np.frombuffer(data, dtype), dtype=dtype)
        return values

    def scaled(name: str, per: int, dtype: np.dtype[Any]) -> NDArray[np.float64]:
        values = whole(name, dtype)
        return np.where(values == _NO_POSITION, np.nan, values / per)

    first, last = (
        whole(name, _WHOLE[name]).astype(np.int64) for name in ("first_segment", "last_segment")
    )
    if not np.all((first <= last) & ((first >= 0) | (first == last) & (first == -1))):
        raise ReferencesError(f"{POSITIONS}: chunks that begin after they end cannot be.")
    return ChunkPositions(
        chunk=chunk,
        photons=photons,
        first_segment=first,
        last_segment=last,
        unplaced=whole("unplaced", _WHOLE["unplaced"]).astype(np.bool_),
        **{name: scaled(name, *how) for name, how in (_DEGREES | _TIMES).items()},
    )


def _whole_numbers(
    positions: ChunkPositions,
) -> Iterator[tuple[str, NDArray[Any], list[dict[str, Any]], Any]]:
    """Of each array: name, integers, the filters that make them from values, fill value."""
    for name, dtype in _WHOLE.items():
        yield name, getattr(positions, name).astype(dtype), [], None
    for name, (per, dtype) in (_DEGREES | _TIMES).items():
        values = getattr(positions, name)
        whole = np.where(np.isnan(values), _NO_POSITION, np.rint(values * per)).astype(dtype)
        rounding = {
            "id": "fixedscaleoffset",
            "scale": per,
            "offset": 0,
            "dtype": "<f8",
            "astype": dtype.str,
        }
        yield name, whole, [rounding], _NO_POSITION / per


def _small_array(
    path: str, values: NDArray[Any], filters: list[dict[str, Any]], fill_value: Any
) -> dict[str, str | dict[str, Any]]:
    """An array of one chunk: differences from row to row, deflated."""
    steps = np.diff(values, prepend=values.dtype.type(0))
    delta = {"id": "delta", "dtype": values.dtype.str}
    deflate = {"id": "zlib", "level": 9}
    described = {
        "shape": [len(values)],
        "chunks": [max(1, len(values))],
        "dtype": filters[0]["dtype"] if filters else values.dtype.str,
        "filters": [*filters, delta, deflate],
        "compressor": None,
        "fill_value": fill_value,
        "order": "C",
        "zarr_format": 2,
    }
    made: dict[str, str | dict[str, Any]] = {
        f"{path}/.zarray": described,
        f"{path}/.zattrs": {"_ARRAY_DIMENSIONS": [POSITIONS]},
    }
    if len(values):
        made[f"{path}/0"] = to_inline(zlib.compress(steps.tobytes(), 9))
    return made
