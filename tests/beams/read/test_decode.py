from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stored_chunks import all_rows, dataset_references, file_references

from catalog_builder.beams.read.decode import OutputBuffer, ShortBeginning, decode_chunk
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.reference_set import DatasetReferences
from catalog_builder.errors import StaleReferencesError, UnsupportedFilterError
from catalog_builder.products.atl03 import BEAMS
from earthdata_standin import World

TYPES = ("<f8", ">f8", "<f4", "|i1", "|u1", "<i2", ">i4", "<u4", "<i8", ">u8", "|S5", "|b1")


def read_through_plan(
    path: Path, wanted: dict[str, RowSlices], group: str = "/"
) -> dict[str, NDArray[Any]]:
    """As planned reads do it, without fetching: the blocks come in any order."""
    plan = plan_reads(file_references(path, group), wanted)
    stored = path.read_bytes()
    buffers = [OutputBuffer(output) for output in plan.outputs]
    reads, unwritten = plan.reads, plan.unwritten
    for k in reversed(range(len(reads))):
        first, size = int(reads.offset[k]), int(reads.size[k])
        raw = stored[first : first + size]
        buffers[reads.output[k]].put(int(reads.number[k]), raw, int(reads.filter_mask[k]))
    for k in range(len(unwritten)):
        buffers[unwritten.output[k]].fill(int(unwritten.number[k]))
    return {
        output.dataset.path: buffer.array
        for output, buffer in zip(plan.outputs, buffers, strict=True)
    }


def assert_same(found: NDArray[Any], expected: NDArray[Any]) -> None:
    """Bit for bit, and of the same type."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@st.composite
def stored(draw: st.DrawFn) -> tuple[dict[str, Any], NDArray[Any], list[slice]]:
    """How a dataset is made, its values, and which parts of it are written."""
    shape = tuple(draw(st.lists(st.integers(0, 9), min_size=1, max_size=3)))
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    noise = np.random.default_rng(draw(st.integers(0, 99)))
    values = noise.integers(0, 120, shape) if dtype.kind != "b" else noise.random(shape) > 0.5
    made: dict[str, Any] = {"shape": shape, "dtype": dtype}
    if dtype.kind not in "Sb" and draw(st.booleans()):
        made["fillvalue"] = dtype.type(draw(st.integers(0, 100)))
    layout = draw(st.sampled_from(["contiguous", "chunked", "chunked", "chunked"]))
    if layout == "chunked" and all(shape):
        made["chunks"] = tuple(draw(st.integers(1, length)) for length in shape)
        made["maxshape"] = tuple(None for _ in shape)
        if draw(st.booleans()):
            made["compression"] = draw(st.integers(0, 9))
        made["shuffle"] = draw(st.booleans())
    written = [
        slice(first, first + draw(st.integers(0, 5)))
        for first in draw(st.lists(st.integers(0, shape[0]), max_size=2))
    ]
    return made, values.astype(dtype), [slice(None)] if draw(st.booleans()) else written


@given(stored(), st.sets(st.integers(0, 8)))
def test_rows_are_those_that_h5py_reads(
    tmp_path_factory: pytest.TempPathFactory,
    dataset: tuple[dict[str, Any], NDArray[Any], list[slice]],
    some: set[int],
) -> None:
    made, values, written = dataset
    path = tmp_path_factory.mktemp("stored") / "granule.h5"
    with h5py.File(path, "w") as file:
        new = file.create_dataset("values", **made)
        for part in written:
            new[part] = values[part]
    rows = RowSlices.of_rows(np.array(sorted(n for n in some if n < len(values)), np.int64))
    with h5py.File(path) as file:
        whole, there = file["values"][:], rows.numbers()
    assert_same(read_through_plan(path, {"values": RowSlices.whole(len(values))})["values"], whole)
    assert_same(read_through_plan(path, {"values": rows})["values"], whole[there])


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_filters_that_were_left_out(
    tmp_path_factory: pytest.TempPathFactory, masks: list[int]
) -> None:
    values = (np.arange(16) * 1001).astype(">i4")
    path = tmp_path_factory.mktemp("stored") / "granule.h5"
    with h5py.File(path, "w") as file:
        new = file.create_dataset("values", (16,), ">i4", chunks=(4,), shuffle=True, compression=4)
        for k, mask in enumerate(masks):
            raw = values[4 * k : 4 * k + 4].tobytes()
            if not mask & 1:
                raw = np.frombuffer(raw, "u1").reshape(-1, 4).T.tobytes()
            new.id.write_direct_chunk((4 * k,), raw if mask & 2 else zlib.compress(raw), mask)
    with h5py.File(path) as file:
        assert file["values"][:].tolist() == values.tolist()
    assert_same(read_through_plan(path, {"values": RowSlices.whole(16)})["values"], values)


def test_small_values_kept_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "granule.h5"
    values = np.arange(10, dtype=">i2").reshape(5, 2)
    with h5py.File(path, "w") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space, kind = h5py.h5s.create_simple((5, 2)), h5py.h5t.STD_I16BE
        made = h5py.h5d.create(file.id, b"values", kind, space, properties)
        h5py.Dataset(made)[:] = values
    rows = RowSlices.of_rows(np.array([0, 3, 4]))
    assert_same(read_through_plan(path, {"values": rows})["values"], values[[0, 3, 4]])


def test_rows_stored_in_one_piece_are_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "granule.h5"
    values = np.arange(700_000, dtype="<f8").reshape(350_000, 2)
    with h5py.File(path, "w") as file:
        file["values"] = values
    rows = RowSlices.of_rows(np.array([7, 8, 349_999]))
    plan = plan_reads(file_references(path), {"values": rows})
    assert plan.bytes_fetched < 2**21 < values.nbytes / 2
    assert_same(read_through_plan(path, {"values": rows})["values"], values[rows.numbers()])


def test_every_dataset_of_a_real_beam(real_data: Path) -> None:
    path = real_data / "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"
    references = file_references(path)
    rows = {
        name: RowSlices.whole(found.shape[0])
        for name, found in references.datasets.items()
        if name.startswith("gt1l") and found.supported and not found.dtype.hasobject
    }
    assert len(rows) == 80
    with h5py.File(path) as file:
        for name, values in read_through_plan(path, rows).items():
            assert_same(values, file[name][:])


def test_every_dataset_of_a_generated_beam(world: World) -> None:
    address = next(one for one in world.objects if one.endswith(".h5"))
    path = world.objects.get(address)
    assert path is not None
    with h5py.File(path) as file:
        name = next(beam for beam in BEAMS if beam in file)
        rows = all_rows(file_references(path, name))
        for wanted, values in read_through_plan(path, rows, name).items():
            assert_same(values, file[name][wanted][:])


def write_through(path: Path, values: NDArray[Any], filters: list[str], chunk: int) -> None:
    """Write one dataset through these filters, in this order, as often as they are named."""
    with h5py.File(path, "w") as file:
        stored = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        stored.set_chunk((chunk,))
        for name in filters:
            if name == "shuffle":
                stored.set_shuffle()
            else:
                stored.set_deflate(6)
        kind = h5py.h5t.py_create(values.dtype, logical=True)
        space = h5py.h5s.create_simple(values.shape)
        h5py.Dataset(h5py.h5d.create(file.id, b"values", kind, space, stored))[:] = values


@settings(deadline=None)  # the first example imports
@given(
    st.lists(st.sampled_from(["shuffle", "deflate"]), max_size=6),
    st.sampled_from(["<f8", ">i2", "|S5", "|u1"]),
    st.booleans(),
    st.integers(1, 3000),
)
def test_filters_in_any_order_and_as_often_as_they_stand(
    tmp_path_factory: pytest.TempPathFactory,
    filters: list[str],
    dtype: str,
    noisy: bool,
    chunk: int,
) -> None:
    path = tmp_path_factory.mktemp("stored") / "granule.h5"
    noise = np.random.default_rng(chunk).integers(0, 256 if noisy else 2, 24_000, dtype=np.uint8)
    values = noise.view(dtype) if dtype != "|S5" else noise.astype(dtype)
    values = values[:3000]
    write_through(path, values, filters, chunk)
    with h5py.File(path) as file:
        expected = file["values"][:]
    assert file_references(path).datasets["values"].filters == tuple(filters)
    assert_same(read_through_plan(path, {"values": RowSlices.whole(3000)})["values"], expected)


@pytest.mark.parametrize(
    "filters",
    [
        ("hdf5:4:",),
        ("hdf5:3:4294967296",),
        ("hdf5:5",),
        ("deflate", "hdf5:32099:3"),
        ("unsupported:3",),
        ("zlib",),
        ("deflate",) * 33,
    ],
)
def test_other_filters_are_left_to_h5py(
    dataset: DatasetReferences, filters: tuple[str, ...]
) -> None:
    odd = replace(dataset, filters=filters)
    assert not odd.supported
    with pytest.raises(UnsupportedFilterError, match=r"values .*h5py must read it"):
        decode_chunk(bytes(36), odd, 0, np.empty(30, "<i4"))


def test_what_inflates_to_more_than_deflate_can_make(dataset: DatasetReferences) -> None:
    bomb = zlib.compress(zlib.compress(bytes(10**6), 0))
    with pytest.raises(StaleReferencesError, match="do not inflate"):
        decode_chunk(bomb, replace(dataset, filters=("deflate",) * 2), 0, np.empty(30, "<i4"))


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetReferences:
    with h5py.File(tmp_path / "granule.h5", "w") as file:
        made = file.create_dataset("values", (90,), "<i4", chunks=(30,), compression=4)
        return dataset_references(made, "values")


PLAIN = np.arange(30, dtype="<i4").tobytes()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (zlib.compress(PLAIN)[:-9], "do not inflate to 120"),
        (zlib.compress(PLAIN)[:-1] + b"?", "do not inflate to 120"),
        (zlib.compress(PLAIN[:-4]), "inflate to 116 instead of 120"),
        (zlib.compress(PLAIN + b"more"), "do not inflate to 120"),
        (b"something else", "do not inflate to 120"),
        (b"", "do not inflate to 120"),
    ],
)
def test_bytes_that_are_no_such_chunk(
    dataset: DatasetReferences, raw: bytes, message: str
) -> None:
    with pytest.raises(StaleReferencesError, match=f"values: .*{message}"):
        decode_chunk(raw, dataset, 0, np.empty(30, "<i4"))


@pytest.mark.parametrize("filters", [(), ("shuffle",), ("shuffle", "deflate")])
def test_a_chunk_of_another_length(dataset: DatasetReferences, filters: tuple[str, ...]) -> None:
    raw = zlib.compress(PLAIN[:-1]) if "deflate" in filters else PLAIN[:-1]
    with pytest.raises(StaleReferencesError, match="119 "):
        decode_chunk(raw, replace(dataset, filters=filters), 0, np.empty(30, "<i4"))


@given(st.integers(0, 2**16), st.sampled_from(["<f8", "<f4", "|i1", "<i2"]), st.booleans())
@settings(max_examples=40)
@example(13180, "<f8", False)
def test_the_first_rows_of_a_chunk(
    tmp_path_factory: pytest.TempPathFactory, seed: int, dtype: str, shuffle: bool
) -> None:
    """Of a chunk whose last rows are not wanted the beginning is read, if it is a stream."""
    noise = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("first") / "granule.h5"
    values = noise.integers(0, 100, (200_000, 2)).astype(dtype)
    with h5py.File(path, "w") as file:
        made = {"compression": "gzip", "shuffle": shuffle, "chunks": (150_000, 2)}
        file.create_dataset("values", data=values, **made)
    stop = int(noise.integers(1, 50_000))
    rows = RowSlices.of_ranges(np.array([0, 150_000]), np.array([stop // 2, 150_000 + stop]))
    plan = plan_reads(file_references(path), {"values": rows}, beginnings=True)
    plain = plan_reads(file_references(path), {"values": rows})
    streams = not shuffle or dtype == "|i1"
    assert (plan.bytes_needed < plain.bytes_needed / 1.2) == streams
    (output,), stored, reads = plan.outputs, path.read_bytes(), plan.reads
    assert plan.reads.beginning.any() == streams
    for most in (None, 20):  # twenty bytes end within the head of a deflated stream
        buffer = OutputBuffer(output)
        for k in range(len(reads)):
            beginning = bool(reads.beginning[k])
            size = int(reads.size[k]) if most is None or not beginning else most
            raw = memoryview(stored)[int(reads.offset[k]) :][:size]
            put = (int(reads.number[k]), raw, int(reads.filter_mask[k]))
            if beginning and most:
                with pytest.raises(ShortBeginning):
                    buffer.put(*put, beginning=beginning)
                continue
            buffer.put(*put, beginning=beginning)
        if most is None:
            assert_same(buffer.array, values[rows.numbers()])


def test_a_beginning_that_is_no_stream_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "granule.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("values", data=np.arange(9.0), compression="gzip", chunks=(9,))
    (output,) = plan_reads(file_references(path), {"values": RowSlices.whole(9)}).outputs
    with pytest.raises(StaleReferencesError, match="do not inflate"):
        OutputBuffer(output).put(0, b"no stream of zlib", 0, beginning=True)
