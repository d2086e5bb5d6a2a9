"""Rows and attributes as h5py has them; damaged ones raise errors of this package."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.hdf5 import (
    decode_attribute,
    only_value,
    read_attribute,
    read_attributes,
    read_rows,
    require_rows,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.errors import AccessError, ForeignDataError
from tests.beams.bits import same_bits

LAYOUTS = {
    "chunked": {"chunks": (7, 2), "compression": "gzip", "shuffle": True},
    "contiguous": {},
    "checked": {"chunks": (10, 3), "fletcher32": True},
    "lzf": {"chunks": (4, 3), "compression": "lzf"},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hdf5") / "values.h5"
    values = np.random.default_rng(5).integers(-99, 99, (50, 3))
    with h5py.File(path, "w") as file:
        for name, layout in LAYOUTS.items():
            file.create_dataset(name, data=values, dtype=">i4", **layout)
    return path


@given(
    name=st.sampled_from([*LAYOUTS]),
    numbers=st.sets(st.integers(0, 49)).map(lambda drawn: np.array(sorted(drawn), np.int64)),
)
def test_rows_are_those_of_h5py(path: Path, name: str, numbers: np.ndarray) -> None:
    with h5py.File(path) as file:
        assert same_bits(read_rows(file[name], RowSlices.of_rows(numbers)), file[name][:][numbers])


def test_rows_beyond_the_end(path: Path) -> None:
    with h5py.File(path) as file:
        require_rows(file["chunked"], RowSlices.whole(50))
        with pytest.raises(AccessError, match="has 50 rows, but 51 are expected"):
            read_rows(file["chunked"], RowSlices.whole(51))


def test_a_chunk_that_does_not_inflate_names_dataset_file_and_rows(
    path: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(path.read_bytes())
    with h5py.File(damaged) as file:
        chunk = file["chunked"].id.get_chunk_info_by_coord((14, 0))
    with damaged.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\xff" * chunk.size)
    with h5py.File(damaged) as file:
        read_rows(file["chunked"], RowSlices.whole(14))
        with pytest.raises(AccessError, match=r"/chunked of .*damaged\.h5, rows 0 to 15"):
            read_rows(file["chunked"], RowSlices.whole(15))


@pytest.mark.parametrize(
    ("shape", "chunks", "says"),
    [
        ((2**40,), (2**24,), "more than its stored bytes can hold"),
        ((2**40,), (1,), "more than any granule has"),
    ],
)
def test_lengths_that_no_stored_bytes_can_fill(
    tmp_path: Path, shape: tuple[int], chunks: tuple[int], says: str
) -> None:
    with h5py.File(tmp_path / "long.h5", "w") as file:
        long = file.create_dataset("long", shape, "<f8", chunks=chunks, compression="gzip")
        with pytest.raises(AccessError, match=says):
            require_rows(long, RowSlices.whole(shape[0]))


def test_values_that_lie_in_another_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(80))
    with h5py.File(tmp_path / "odd.h5", "w") as file:
        outside = [(str(tmp_path / "secret"), 0, 80)]
        foreign = file.create_dataset("foreign", (10,), "<f8", external=outside)
        with pytest.raises(ForeignDataError, match="external storage"):
            read_rows(foreign, RowSlices.whole(10))


def test_attributes_are_python_values_without_dimension_scales(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "attributes.h5", "w") as file:
        data = file.create_dataset("data", data=[1.0, 2.0])
        data.make_scale("data")
        data.attrs["units"] = np.bytes_(b"meters")
        data.attrs["words"] = np.array([b"a", b"bc"])
        data.attrs["limit"] = np.float32(2.5)
        found = read_attributes(data)
        assert found == {"units": "meters", "words": ["a", "bc"], "limit": 2.5}
        assert isinstance(found["limit"], np.float32)
        assert read_attribute(data, "units", "1") == "meters"
        assert read_attribute(data, "valid_min", "none") == "none"


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert decode_attribute(b"5 m\xb2") == "5 m\N{REPLACEMENT CHARACTER}"
    assert decode_attribute(np.array([[b"a"], [b"\xff"]])) == ["a", "\N{REPLACEMENT CHARACTER}"]
    assert decode_attribute(3) == 3


@pytest.mark.parametrize(
    ("value", "only"),
    [(["x"], "x"), ([None], None), ([{"a": 1}], {"a": 1}), (np.array([[7]]), 7), ([1, 2], [1, 2])],
)
def test_the_only_value_of_an_attribute(value: object, only: object) -> None:
    """Also of attributes that stand in references, where JSON can hold anything."""
    assert only_value(value) == only


def test_a_damaged_root_is_an_error_of_the_tree(tmp_path: Path) -> None:
    path = tmp_path / "root.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file["values"] = np.arange(3)
    body = bytearray(path.read_bytes())
    # The root's entry in a superblock of version 0: where its object header lies.
    header = int.from_bytes(body[64:72], "little")
    assert (body[8], body[header], body[header + 16]) == (0, 1, 0x11)
    body[header + 16] = 0  # the message that says that it is a group
    path.write_bytes(body)
    with h5py.File(path) as file, pytest.raises(AccessError, match="damaged"):
        read_attribute(file, "short_name", "")
