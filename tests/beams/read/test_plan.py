"""Which bytes are fetched for which rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_chunks import references_of

from catalog_builder.beams.read.plan import ReadPlan, plan_reads
from catalog_builder.beams.read.range_requests import LARGEST_REQUEST
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.errors import StaleReferencesError, UnsupportedFilterError

MIB = 2**20


def dataset(
    path: str,
    offsets: list[int] | np.ndarray,
    sizes: list[int] | np.ndarray,
    rows: int,
    chunk: int,
    filters: tuple[str, ...] = ("deflate",),
) -> DatasetReferences:
    """One row of 8 bytes after another."""
    return DatasetReferences(
        path=path,
        dims=(path,),
        shape=(rows,),
        chunk_shape=(chunk,),
        dtype=np.dtype("<f8"),
        filters=filters,
        fill_value=np.float64(0),
        attrs={},
        offsets=np.array(offsets, np.uint64),
        sizes=np.array(sizes, np.uint64),
        filter_masks=np.zeros(len(offsets), np.uint32),
    )


def beam(*datasets: DatasetReferences, size: int = 2**50) -> BeamReferences:
    return references_of({one.path: one for one in datasets}, size)


def most_gets(plan: ReadPlan) -> float:
    """The fewest requests that one may ask of a beam."""
    return plan.bytes_needed / MIB / 6 + 4


def assert_sound(plan: ReadPlan) -> None:
    """Each block is in one request; requests are apart, small, and begin and end with blocks."""
    reads, requests = plan.reads, plan.requests
    assert [k for request in requests for k in range(request.first, request.last)] == list(
        range(len(reads))
    )
    stop = reads.offset + reads.size
    largest = int(reads.size.max()) if len(reads) else 0
    before = 0
    for request in requests:
        mine = slice(request.first, request.last)
        assert before <= request.start == reads.offset[mine].min()
        assert request.stop == stop[mine].max()
        assert request.stop - request.start <= max(
            LARGEST_REQUEST, LARGEST_REQUEST // 2 + 2 * largest
        )
        before = request.stop
    assert (np.diff(reads.offset) >= 0).all()
    assert plan.bytes_needed <= plan.bytes_fetched


# -- what is needed


@st.composite
def beams(draw: st.DrawFn) -> tuple[BeamReferences, dict[str, RowSlices]]:
    """Datasets whose chunks lie in any order, with gaps, some of them never written."""
    counts = draw(st.lists(st.integers(0, 30), min_size=1, max_size=4))
    noise = np.random.default_rng(draw(st.integers(0, 2**20)))
    scale = draw(st.sampled_from([1, 1000, 30_000, 600_000, 5_000_000]))
    total = sum(counts)
    sizes = noise.integers(0, 2 * scale, total) * (noise.random(total) > 0.1)
    gaps = noise.integers(0, 2 * scale, total) * (noise.random(total) > draw(st.floats(0, 1)))
    ends = np.cumsum(sizes + gaps)
    order = noise.permutation(total) if draw(st.booleans()) else np.arange(total)
    sizes, offsets = sizes[order], (ends - sizes)[order]
    found, wanted = [], {}
    for k, count in enumerate(counts):
        mine = slice(sum(counts[:k]), sum(counts[: k + 1]))
        rows = max(0, count * 7 - 3)
        found.append(dataset(f"heights/{k}", offsets[mine], sizes[mine], rows, 7))
        some = noise.random(rows) < draw(st.sampled_from([0.02, 0.5, 1.0]))
        wanted[f"heights/{k}"] = RowSlices.of_rows(np.flatnonzero(some))
    return beam(*found), wanted


@given(beams())
def test_requests_hold_exactly_the_chunks_of_the_rows(
    case: tuple[BeamReferences, dict[str, RowSlices]],
) -> None:
    references, wanted = case
    plan = plan_reads(references, wanted)
    assert_sound(plan)
    expected = {
        (path, row // 7) for path, rows in wanted.items() for row in rows.numbers().tolist()
    }
    found = [
        (plan.outputs[output].dataset.path, number)
        for reads in (plan.reads, plan.unwritten)
        for output, number in zip(reads.output.tolist(), reads.number.tolist(), strict=True)
    ]
    assert len(found) == len(set(found))
    assert set(found) == expected
    for k in range(len(plan.reads)):
        source = plan.outputs[plan.reads.output[k]].dataset
        number = plan.reads.number[k]
        assert (plan.reads.offset[k], plan.reads.size[k]) == (
            source.offsets[number],
            source.sizes[number],
        )
    assert plan.bytes_needed == int(plan.reads.size.sum())
    assert (plan.unwritten.size == 0).all()
    assert plan.bytes_fetched <= 1.2 * plan.bytes_needed


def test_blocks_across_two_dimensions() -> None:
    flat = dataset("heights/conf", range(0, 1200, 100), [100] * 12, 9, 3)
    wide = replace(flat, shape=(9, 7), chunk_shape=(3, 2))
    plan = plan_reads(beam(wide), {wide.path: RowSlices.of_rows(np.array([3, 8]))})
    assert plan.reads.number.tolist() == [4, 5, 6, 7, 8, 9, 10, 11]
    assert plan.outputs[0].shape == (2, 7)


def test_two_names_of_the_same_bytes() -> None:
    one = dataset("geolocation/delta_time", [100, 200], [100, 90], 14, 7)
    two = replace(one, path="geophys_corr/delta_time")
    plan = plan_reads(beam(one, two), {found.path: RowSlices.whole(14) for found in (one, two)})
    assert len(plan.reads) == 4
    assert [(request.start, request.stop) for request in plan.requests] == [(100, 290)]
    assert plan.bytes_needed == 190


def test_plain_values_in_one_piece_are_cut_by_rows() -> None:
    rows = 10 * MIB // 8
    plain = dataset("bckgrd_atlas/rate", [512], [8 * rows], rows, rows, filters=())
    whole = plan_reads(beam(plain), {plain.path: RowSlices.whole(rows)})
    assert_sound(whole)
    assert whole.bytes_fetched == 8 * rows
    few = plan_reads(beam(plain), {plain.path: RowSlices.of_rows(np.array([5, 6, rows - 1]))})
    assert few.bytes_fetched == 2 * MIB


# -- what cannot be


def test_nothing_wanted() -> None:
    run = dataset("heights/h_ph", [0], [10], 1, 1)
    assert plan_reads(beam(run), {}).requests == ()
    assert plan_reads(beam(run), {run.path: RowSlices.whole(0)}).requests == ()


def test_rows_that_are_not_there() -> None:
    run = dataset("heights/h_ph", [0], [10], 5, 5)
    with pytest.raises(ValueError, match="has 5 rows; wanted are 0 to 6"):
        plan_reads(beam(run), {run.path: RowSlices.whole(6)})


@pytest.mark.parametrize(
    ("offset", "size"), [(90, 20), (2**63, 20), (2**64 - 5, 20), (10, 2**63), (10, 2**64 - 1)]
)
def test_chunks_beyond_the_file(offset: int, size: int) -> None:
    run = dataset("heights/h_ph", [offset], [size], 5, 5)
    with pytest.raises(StaleReferencesError, match="lead beyond its 100 bytes"):
        plan_reads(beam(run, size=100), {run.path: RowSlices.whole(5)})


def test_plain_values_of_another_length() -> None:
    rows = 2 * MIB // 8
    plain = dataset("bckgrd_atlas/rate", [0], [8 * rows - 8], rows, rows, filters=())
    with pytest.raises(
        StaleReferencesError, match=r"bckgrd_atlas/rate takes .* by its references"
    ):
        plan_reads(beam(plain), {plain.path: RowSlices.whole(rows)})


def test_a_filter_that_is_not_undone() -> None:
    run = dataset("heights/h_ph", [0], [10], 5, 5, filters=("shuffle", "unsupported:32000"))
    with pytest.raises(UnsupportedFilterError, match=r"heights/h_ph .*shuffle, unsupported:32000"):
        plan_reads(beam(run), {run.path: RowSlices.whole(5)})


# -- real granules


@pytest.fixture(scope="module")
def real_beams(real_data: Path) -> list[BeamReferences]:
    """Every beam of the 42 granules of which the chunk tables are here."""
    return list(_real_beams(real_data / "layouts"))


def _real_beams(folder: Path) -> Iterator[BeamReferences]:
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    columns = ["dataset", "chunk_idx", "elem_start", "elem_end", "byte_offset", "nbytes"]
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path).to_pandas()
        for _, rows in table.groupby(["granule", "beam"]):
            found = []
            for name, one in rows[columns].groupby("dataset"):
                one = one.sort_values("chunk_idx")
                assert one.chunk_idx.tolist() == list(range(len(one)))
                chunk = int((one.elem_end - one.elem_start).max())
                total = int(one.elem_end.max())
                found.append(dataset(str(name), one.byte_offset, one.nbytes, total, chunk))
            yield beam(*found)


NOTEBOOK = ("h_ph", "lat_ph", "lon_ph", "signal_conf_ph")


def test_whole_beams_of_real_granules(real_beams: list[BeamReferences]) -> None:
    assert len(real_beams) == 42 * 6
    for references in real_beams:
        for names in (NOTEBOOK[:3], NOTEBOOK):
            paths = [f"heights/{name}" for name in names]
            rows = {path: RowSlices.whole(references.datasets[path].shape[0]) for path in paths}
            plan = plan_reads(references, rows)
            assert_sound(plan)
            stored = sum(int(references.datasets[path].sizes.sum()) for path in paths)
            assert plan.bytes_needed == stored
            assert plan.bytes_fetched <= 1.05 * plan.bytes_needed
            assert len(plan.requests) <= most_gets(plan)


def test_everything_of_real_beams(real_beams: list[BeamReferences]) -> None:
    """With the segments' arrays, which lie elsewhere: a few requests more, no more bytes."""
    for references in real_beams:
        rows = {path: RowSlices.whole(one.shape[0]) for path, one in references.datasets.items()}
        plan = plan_reads(references, rows)
        assert_sound(plan)
        assert plan.bytes_fetched <= 1.05 * plan.bytes_needed
        assert len(plan.requests) <= most_gets(plan) + 4


def test_windows_of_one_degree_in_real_beams(real_beams: list[BeamReferences]) -> None:
    noise = np.random.default_rng(11)
    for references in real_beams:
        segments = references.datasets["geolocation/ph_index_beg"].shape[0]
        photons = references.datasets["heights/h_ph"].shape[0]
        part = min(1.0, 111_000 / (20 * segments))
        first = noise.uniform(0, 1 - part)
        wanted = {}
        for path, one in references.datasets.items():
            total = photons if path.startswith("heights") else segments
            edges = np.array([0, int(first * total), int((first + part) * total), total])
            wanted[path] = RowSlices.of_mask(np.array([False, True, False]), edges)
            assert one.shape[0] == total
        plan = plan_reads(references, wanted)
        assert_sound(plan)
        assert len(plan.requests) <= 12
        assert plan.bytes_fetched <= 1.25 * plan.bytes_needed
