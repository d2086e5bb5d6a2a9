"""Dask arrays of a beam, against the same beam read at once and against h5py."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
import pytest
import xarray as xr
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.lazy import (
    PHOTONS_PER_TASK,
    FileReadTasks,
    LazyLoader,
    photons_per_task,
)
from catalog_builder.beams.read.beam_file import find_beam
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import VariableNotFoundError
from catalog_builder.products.atl03 import DEFAULT_VARIABLES
from tests.beams.bits import same_bits


@pytest.mark.parametrize("bbox", [None, [179.999, -18, -179.998, -16]])
@pytest.mark.parametrize("chunks", ["auto", 7])
def test_lazy_is_the_same(granule: GranuleLinks, bbox: Any, chunks: Any) -> None:
    names = [*DEFAULT_VARIABLES, "geolocation/segment_id", "geolocation/delta_time"]
    now = open_beam(granule, "gt3r", names, bbox=bbox)
    lazy = open_beam(granule, "gt3r", names, bbox=bbox, chunks=chunks)
    assert lazy.chunks
    assert all(array.chunks for array in lazy.data_vars.values())
    again = pickle.loads(pickle.dumps(lazy)).compute()
    xr.testing.assert_identical(again, now)
    for name in now.variables:
        assert same_bits(again[name], now[name]), name
    if chunks == 7:
        sizes = lazy.chunksizes["photon"]
        assert sum(sizes) == now.sizes["photon"]
        assert max(sizes) == 7


def test_chunks_of_nothing_are_refused(granule: GranuleLinks) -> None:
    with pytest.raises(ValueError, match="chunks=0"):
        open_beam(granule, "gt1l", chunks=0)


def test_a_lazy_beam_carries_no_secret(granule, monkeypatch) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "very-secret")
    assert b"very-secret" not in pickle.dumps(open_beam(granule, "gt1l", chunks="auto"))


@pytest.mark.parametrize("referenced", [False, True])
def test_a_windowed_graph_holds_no_table(tmp_path: Path, referenced: bool) -> None:
    """A table of a full beam's 150,000 segments would take 2 MB in each graph."""
    many = SmallBeam(counts=[1, 0, 2] * 20_000, start=(10.0, -17.0))
    links = GranuleLinks(local=str(write_granule(tmp_path / NAME, gt1l=many)))
    known = scan(links).beams["gt1l"] if referenced else None
    window = (10, -17, 11, -16.9)
    lazy = open_beam(links, "gt1l", bbox=window, chunks=500, references=known)
    parts = len(lazy.chunksizes["photon"])
    assert parts == 5
    arrays = 1 + len(lazy.chunks and [v for v in lazy.variables.values() if v.chunks])
    assert len(pickle.dumps(lazy)) < 2_500 * arrays * parts
    now = open_beam(links, "gt1l", bbox=window, references=known)
    xr.testing.assert_identical(lazy.compute(), now)


def test_workers_log_in_for_themselves(stored: tuple[GranuleLinks, Path]) -> None:
    links, path = stored
    local = open_beam(GranuleLinks(local=str(path)), "gt1r", ["h_ph"])
    lazy = open_beam(links, "gt1r", ["h_ph"], chunks=700)
    elsewhere = lazy.compute(scheduler="processes", num_workers=2)
    xr.testing.assert_equal(elsewhere, local)


def test_photons_of_a_task() -> None:
    assert photons_per_task(None) is None
    assert photons_per_task("auto") == PHOTONS_PER_TASK
    assert photons_per_task(1) == 1
    assert photons_per_task(cast("Any", np.int64(7))) == 7
    for wrong in (0, -5, True, 2.5, "all", {"photon": 5}):
        with pytest.raises(ValueError, match=re.escape(f"chunks={wrong!r}: expected photons a")):
            photons_per_task(cast("Any", wrong))


def test_tasks_read_by_themselves_what_h5py_reads(granule: GranuleLinks) -> None:
    tasks = FileReadTasks(links=granule, access="auto", beam="gt3r")
    rows = RowSlices.of_rows(np.array([0, 1, 5, 17, 18, 38]))
    task = pickle.loads(pickle.dumps(tasks.rows("heights/signal_conf_ph", rows)))
    table = pickle.loads(pickle.dumps(tasks.table(RowSlices.whole(5))))()
    with h5py.File(granule.local) as file:
        expected = file["gt3r/heights/signal_conf_ph"][:][rows.numbers()]
        starts = file["gt3r/geolocation/segment_dist_x"][:]
    assert same_bits(task(), expected)
    assert table.segments.total == 5
    assert same_bits(table.distance[:-1], starts)


def test_a_dataset_that_went_since_the_beam_was_opened(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    tasks = FileReadTasks(links=GranuleLinks(local=str(path)), access="auto", beam="gt1l")
    task = tasks.rows("heights/h_ph", RowSlices.whole(95))
    with h5py.File(path, "r+") as file:
        del file["gt1l/heights/h_ph"]
    with pytest.raises(VariableNotFoundError, match="lacks gt1l/heights/h_ph, which was there"):
        task()


@pytest.mark.parametrize(
    ("rows", "chunk", "parts"),
    [
        (RowSlices.whole(39), 10, (10, 10, 10, 9)),
        (RowSlices.whole(39), 39, (39,)),
        (RowSlices.of_rows(np.array([2, 3, 4, 20, 38])), 2, (2, 2, 1)),
        (RowSlices.whole(0), 10, (0,)),
    ],
)
def test_arrays_have_a_task_for_each_part_of_the_rows(
    granule: GranuleLinks, rows: RowSlices, chunk: int, parts: tuple[int, ...]
) -> None:
    with open_hdf5(granule) as (file, href):
        beam = find_beam(file, href, "gt3r")
        conf = beam.variable("heights/signal_conf_ph")
        time = beam.variable("heights/delta_time")
        table = SegmentTable.read(beam, RowSlices.whole(beam.segment_count))
        stored = {
            name: file[f"gt3r/heights/{name}"][:] for name in ("signal_conf_ph", "delta_time")
        }
    wanted, kept = rows.numbers(), table.segments.remaining(rows)
    load = LazyLoader.of(FileReadTasks(links=granule, access="auto", beam="gt3r"), chunk, kept)
    for array, expected in (
        (load.rows(conf, rows), stored["signal_conf_ph"][wanted]),
        (load.times(time, rows), to_times(stored["delta_time"][wanted])),
        (load.segment_starts(rows), table.starts(rows)),
        (load.segment_indices(rows, kept), table.indices(rows, kept)),
    ):
        assert array.chunks[0] == parts
        assert array.shape == expected.shape
        assert same_bits(array.compute(scheduler="synchronous"), expected)
