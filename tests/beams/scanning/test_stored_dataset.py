"""How datasets are stored, as a scan finds it: chunks, filters, and what is not plain."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.read.beam_file import read_beam
from catalog_builder.beams.references.reference_set import MOST_CHUNKS, DatasetReferences
from catalog_builder.beams.scanning.stored_dataset import find_stored
from catalog_builder.errors import BeamError, VariableNotFoundError

VALUES = np.arange(25, dtype="<i4")


def found_of(folder: Path, data: Any = VALUES, **how: Any) -> tuple[DatasetReferences, bytes]:
    """What is found of a dataset written so, and the bytes of its file."""
    path = write_granule(folder / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        file.create_dataset("gt1l/heights/odd", data=data, **how)
    with h5py.File(path) as file:
        stored = find_stored(read_beam(file, str(path), "gt1l"), "heights/odd")
    return stored, path.read_bytes()


def stored_bytes(stored: DatasetReferences, data: bytes) -> list[bytes]:
    places = zip(stored.offsets.tolist(), stored.sizes.tolist(), strict=True)
    return [data[offset : offset + size] for offset, size in places]


def test_chunks_lie_where_their_bytes_are(tmp_path: Path) -> None:
    stored, data = found_of(tmp_path, chunks=(10,), compression="gzip", shuffle=True)
    assert stored.filters == ("shuffle", "deflate")
    assert (stored.shape, stored.chunk_shape, stored.grid) == ((25,), (10,), (3,))
    assert stored.supported
    padded = np.append(VALUES, np.zeros(5, VALUES.dtype)).reshape(3, 10)
    for chunk, values in zip(stored_bytes(stored, data), padded, strict=True):
        shuffled = np.frombuffer(zlib.decompress(chunk), np.uint8).reshape(4, 10)
        np.testing.assert_array_equal(shuffled.T.copy().view("<i4").ravel(), values)


def test_chunks_are_in_the_order_of_the_grid(tmp_path: Path) -> None:
    table = np.arange(24, dtype="|u1").reshape(4, 6)
    stored, data = found_of(tmp_path, table, chunks=(2, 3))
    assert stored.grid == (2, 2)
    for number, chunk in enumerate(stored_bytes(stored, data)):
        row, column = divmod(number, 2)
        part = table[2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
        assert chunk == part.tobytes()


def test_a_contiguous_dataset_is_one_chunk(tmp_path: Path) -> None:
    stored, data = found_of(tmp_path)
    assert stored.chunk_shape == stored.shape == (25,)
    assert stored_bytes(stored, data) == [VALUES.tobytes()]
    assert stored.filters == ()


def test_a_chunk_that_was_never_written_has_no_bytes(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        heights = file["gt1l/heights"]
        partly = heights.create_dataset("odd", (25,), "<i4", chunks=(10,), fillvalue=7)
        partly[10:20] = 1
        heights.create_dataset("never", (25,), "<i4", fillvalue=7)
    with h5py.File(path) as file:
        beam = read_beam(file, str(path), "gt1l")
        stored, never = find_stored(beam, "heights/odd"), find_stored(beam, "heights/never")
    assert stored.sizes.tolist() == [0, 40, 0]
    assert stored.fill_value == never.fill_value == 7
    assert never.sizes.tolist() == [0]


def test_an_empty_dataset_has_no_chunk(tmp_path: Path) -> None:
    stored, _ = found_of(tmp_path, VALUES[:0], chunks=(10,), maxshape=(None,))
    assert (stored.grid, len(stored.offsets)) == ((0,), 0)


def test_a_compact_dataset_is_kept_in_the_references(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_layout(h5py.h5d.COMPACT)
        made = h5py.h5d.create(
            file["gt1l/heights"].id,
            b"odd",
            h5py.h5t.STD_I32LE,
            h5py.h5s.create_simple((25,)),
            layout,
        )
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, VALUES)
    with h5py.File(path) as file:
        stored = find_stored(read_beam(file, str(path), "gt1l"), "heights/odd")
    assert stored.inline == VALUES.tobytes()
    assert stored.sizes.tolist() == [0]


@pytest.mark.parametrize(
    ("data", "how", "filters"),
    [
        (VALUES, {"chunks": (10,), "fletcher32": True}, ("unsupported:3",)),
        (VALUES, {"chunks": (10,), "scaleoffset": 0}, ("unsupported:6",)),
        (VALUES, {"chunks": (10,), "compression": "lzf"}, ("unsupported:32000",)),
        (VALUES + 1j, {}, ("unsupported:type",)),
        (np.array(["a", "bcd"], dtype=object), {"dtype": h5py.string_dtype()}, None),
    ],
)
def test_what_planned_reads_cannot_decode_is_named(
    tmp_path: Path, data: Any, how: dict[str, Any], filters: tuple[str, ...] | None
) -> None:
    stored, _ = found_of(tmp_path, data, **how)
    assert not stored.supported
    assert stored.filters == (filters or ("unsupported:type",))


def test_text_padded_with_blanks_is_not_plain(tmp_path: Path) -> None:
    """h5py gives it with zeros: the stored bytes are not the values."""
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        padded = h5py.h5t.C_S1.copy()
        padded.set_size(8)
        padded.set_strpad(h5py.h5t.STR_SPACEPAD)
        space = h5py.h5s.create_simple((2,))
        h5py.h5d.create(file["gt1l/heights"].id, b"odd", padded, space)
    with h5py.File(path) as file:
        stored = find_stored(read_beam(file, str(path), "gt1l"), "heights/odd")
    assert stored.filters == ("unsupported:type",)
    assert not stored.supported


def test_more_chunks_than_can_be_are_damage(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        file["gt1l/heights"].create_dataset("odd", (MOST_CHUNKS + 1,), "|i1", chunks=(1,))
    with h5py.File(path) as file:
        beam = read_beam(file, str(path), "gt1l")
        with pytest.raises(BeamError, match="1000001 chunks, more than can be"):
            find_stored(beam, "heights/odd")
        with pytest.raises(VariableNotFoundError):
            find_stored(beam, "heights/none")
