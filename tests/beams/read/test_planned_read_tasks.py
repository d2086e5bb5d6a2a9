"""Tasks of workers that read by references, against h5py; and where the granule was replaced."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from small_granule import NAME, SmallBeam, write_granule
from stored_files import asked

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.read.planned_read_tasks import PlannedReadTasks
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesWarning, StaleReferencesError
from earthdata_standin import EarthdataStandin
from tests.beams.bits import require_same, same_bits

SOME = ["h_ph", "signal_conf_ph", "quality_ph", "geolocation/segment_id", "geophys_corr/geoid"]
PHOTONS = 55 * 40


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    """A beam of 138 chunks."""
    path = tmp_path_factory.mktemp("granule") / NAME
    write_granule(path, gt2l=SmallBeam(counts=[30, 0, 25] * 40, start=(10.0, 0.0)))
    return GranuleLinks(local=str(path))


@pytest.fixture(scope="module")
def references(links: GranuleLinks) -> BeamReferences:
    return scan(links).beams["gt2l"]


@given(
    path=st.sampled_from(["heights/h_ph", "heights/signal_conf_ph", "geolocation/segment_id"]),
    numbers=st.sets(st.integers(0, PHOTONS - 1), max_size=30),
)
def test_rows_are_those_of_h5py(
    links: GranuleLinks, references: BeamReferences, path: str, numbers: set[int]
) -> None:
    tasks = PlannedReadTasks(links=links, access="auto", references=references)
    with h5py.File(links.local) as file:
        stored = file[f"gt2l/{path}"][:]
    wanted = np.array(sorted(n for n in numbers if n < len(stored)), np.int64)
    task = pickle.loads(pickle.dumps(tasks.rows(path, RowSlices.of_rows(wanted))))
    assert same_bits(task(), stored[wanted])


def test_a_task_carries_its_own_chunks_alone(
    links: GranuleLinks, references: BeamReferences
) -> None:
    tasks = PlannedReadTasks(links=links, access="auto", references=references)
    few = RowSlices(start=np.array([100]), stop=np.array([120]))
    assert len(pickle.dumps(tasks.rows("heights/signal_conf_ph", few))) < 4_000
    assert (
        len(pickle.dumps(tasks.rows("heights/signal_conf_ph", RowSlices.whole(PHOTONS)))) > 4_000
    )


def test_the_segments_are_those_of_the_file(
    links: GranuleLinks, references: BeamReferences
) -> None:
    table = PlannedReadTasks(links=links, access="auto", references=references).table(
        RowSlices.whole(120)
    )()
    with h5py.File(links.local) as file:
        assert same_bits(table.distance[:-1], file["gt2l/geolocation/segment_dist_x"][:])
    assert (table.segments.photons, table.segments.total) == (PHOTONS, 120)


def test_references_that_do_not_fit_warn_once_and_h5py_reads(
    links: GranuleLinks, references: BeamReferences
) -> None:
    stale = replace(references, size=references.size - 1)
    tasks = PlannedReadTasks(links=links, access="auto", references=stale)
    rows = RowSlices.of_rows(np.array([7, 500]))
    with pytest.warns(ReferencesWarning, match="Read without references") as warned:
        heights = [tasks.rows("heights/h_ph", rows)() for _ in range(3)]
    assert len(warned) == 1
    table = tasks.table(RowSlices.whole(120))()  # without a second warning, which is an error
    starts = table.distance
    with h5py.File(links.local) as file:
        assert all(same_bits(found, file["gt2l/heights/h_ph"][[7, 500]]) for found in heights)
        assert same_bits(starts[:-1], file["gt2l/geolocation/segment_dist_x"][:])


def test_opening_lazily_sends_no_request(
    stored: tuple[GranuleLinks, Path], cloud: EarthdataStandin
) -> None:
    links, _ = stored
    known = scan(links, "s3").beams["gt2l"]
    expected = open_beam(links, "gt2l", SOME, access="s3")
    cloud.requests.clear()
    lazy = open_beam(links, "gt2l", SOME, access="s3", chunks=700, references=known)
    assert all(
        array.chunks
        for name, array in lazy.variables.items()
        if name not in {"surface_type", "crs"}
    )
    assert not cloud.requests
    require_same(lazy.compute(), expected)

    cloud.requests.clear()
    np.testing.assert_array_equal(lazy.h_ph[:700], expected.h_ph[:700])
    assert asked(cloud, "s3") == 1

    sent = pickle.dumps(lazy)
    assert cloud.token.encode() not in sent
    require_same(pickle.loads(sent).compute(scheduler="synchronous"), expected)


def test_worker_processes(stored: tuple[GranuleLinks, Path]) -> None:
    links, path = stored
    known = scan(links, "s3").beams["gt1r"]
    local = open_beam(GranuleLinks(local=str(path)), "gt1r", ["h_ph"])
    lazy = open_beam(links, "gt1r", ["h_ph"], chunks=700, references=known)
    xr.testing.assert_equal(lazy.compute(scheduler="processes", num_workers=2), local)


def test_replaced_since_it_was_opened(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    links = GranuleLinks(local=str(path))
    lazy = open_beam(links, "gt1l", chunks=40, references=scan(links).beams["gt1l"])
    path.unlink()
    write_granule(path, gt1l=SmallBeam(counts=[10, 10]))
    with pytest.warns(ReferencesWarning), pytest.raises(StaleReferencesError, match="=False"):
        lazy.h_ph.compute()
    with pytest.raises(StaleReferencesError, match="=False"):
        lazy.x_atc.compute()
