"""Photons as dask arrays: the same as those read at once, in few small tasks."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import h5py
import pytest
import xarray as xr
from distributed import Client, LocalCluster

import catalog_builder as cb
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.errors import (
    GranuleNotFoundError,
    PhotonsError,
    PhotonsWarning,
    ReferencesWarning,
    VariableNotFoundError,
)
from catalog_builder.opening.resolve import resolve
from catalog_builder.photons import photon_tasks
from tests.photons.conftest import SmallPasses, Steps, Stored
from tests.photons.reading.test_photon_reads import elsewhere
from tests.photons.test_open_photons import (
    EVERY,
    EVERYWHERE,
    NAMES,
    check_areas,
    place_in,
)

SURE = {"signal_conf_ph": {"land_ice": (">=", 3)}}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("chunks", ["auto", 3000])
@pytest.mark.parametrize(
    "asked",
    [
        {"variables": EVERY},
        {"where": SURE},
        {"variables": "h_ph", "beams": "weak", "where": {"h_ph": (">", -1e9)}},
        {"variables": [], "datetime": "2018-10-14/.."},
    ],
)
def test_lazy_is_the_same(granules: Stored, chunks: Any, asked: dict[str, Any]) -> None:
    now = cb.open_photons(granules.indexed, EVERYWHERE, **asked)
    lazy = cb.open_photons(granules.indexed, EVERYWHERE, chunks=chunks, **asked)
    assert all(
        bool(v.chunks) == (v.dims[0] == "photon") for v in lazy.variables.values() if v.ndim
    )
    assert len(lazy.chunksizes["photon"]) == 1 or chunks == 3000
    again = pickle.loads(pickle.dumps(lazy)).compute()
    xr.testing.assert_identical(again, now)
    assert {n: v.dtype for n, v in lazy.variables.items()} == {
        n: v.dtype for n, v in now.variables.items()
    }


def test_counting_tells_how_far_it_is(small: SmallPasses) -> None:
    steps = Steps()
    cb.open_photons([small.indexed], (0, 0, 40, 40), chunks=1, progress=steps)
    counted = [(one.done, one.total) for one in steps if one.stage == "counting photons"]
    assert counted == [(1, 2), (2, 2)]


def test_granules_without_references_are_a_task_each(granules: Stored) -> None:
    source = [granules.indexed[0], granules.plain[1], granules.indexed[2]]
    with pytest.warns(ReferencesWarning, match="1 of 3 granules"):
        now = cb.open_photons(source, EVERYWHERE, variables=NAMES)
    with pytest.warns(ReferencesWarning, match="1 of 3 granules"):
        lazy = cb.open_photons(source, EVERYWHERE, variables=NAMES, chunks="auto")
    assert len(lazy.chunksizes["photon"]) == 3
    xr.testing.assert_identical(lazy.compute(), now)
    with pytest.raises(VariableNotFoundError, match="h_phx"):
        cb.open_photons(granules.plain[:1], EVERYWHERE, variables="h_phx", chunks="auto")


def test_a_task_reads_all_variables_of_its_passes_once(
    granules: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    read_passes = photon_tasks.read_passes

    def counted(plans: Any, request: Any, *others: Any) -> Any:
        asked.append((sum(len(one.passes) for one in plans), request.photon_paths))
        return read_passes(plans, request, *others)

    monkeypatch.setattr(photon_tasks, "read_passes", counted)
    lazy = cb.open_photons(granules.indexed, EVERYWHERE, variables=EVERY, where=SURE, chunks=3000)
    tested = {f"heights/{n}" for n in ("lat_ph", "lon_ph", "delta_time", "signal_conf_ph")}
    assert all(set(paths) == tested for _, paths in asked)  # to count
    assert sum(passes for passes, _ in asked) == 18
    asked.clear()
    lazy.compute()
    # Granules over the sea have no photon of land ice: their passes are not read again.
    assert sum(passes for passes, _ in asked) == lazy.sizes["track_pass"] == 12
    assert len(asked) == len(lazy.chunksizes["photon"]) > 3


def test_a_graph_is_small_and_holds_no_secret(
    granules: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", "very-secret")
    item = granules.indexed[0]
    catalog = CatalogLocation(folder="https://host", query="sign=very-secret")
    signed = replace(resolve(item), _catalog=catalog)
    lazy = cb.open_photons([signed], place_in(item), variables=NAMES, chunks=1)
    graph = dict(lazy.__dask_graph__())
    reads = [task for key, task in graph.items() if key[0].startswith("photons-read")]
    assert len(reads) == lazy.sizes["track_pass"]
    for task in reads:
        assert len(pickle.dumps(task)) < 6_000
        packed = next(part for part in task if isinstance(part, bytes))
        assert b"very-secret" not in pickle.dumps(photon_tasks._unpacked(packed))
    others = [task for key, task in graph.items() if not key[0].startswith("photons-read")]
    assert max(len(pickle.dumps(task)) for task in others) < 600


def test_nothing_there(granules: Stored) -> None:
    for source, area in ((granules.indexed, [0, 0, 1e-5, 1e-5]), ([], EVERYWHERE)):
        now = cb.open_photons(source, area)
        xr.testing.assert_identical(cb.open_photons(source, area, chunks="auto"), now)
    none = {"h_ph": (">", 1e9)}
    lazy = cb.open_photons(granules.indexed, EVERYWHERE, where=none, chunks="auto")
    xr.testing.assert_identical(lazy, cb.open_photons(granules.indexed, EVERYWHERE, where=none))
    with pytest.raises(ValueError, match="chunks=0"):
        cb.open_photons(granules.indexed, EVERYWHERE, chunks=0)


def test_a_granule_that_fails_is_left_out_whole(granules: Stored, tmp_path: Path) -> None:
    lost, path = elsewhere(granules.indexed[0], tmp_path)
    items: list[Any] = [lost, *granules.indexed[1:]]
    with pytest.raises(GranuleNotFoundError, match=path.name):
        cb.open_photons(items, EVERYWHERE, chunks=3000)
    with pytest.warns(PhotonsWarning, match=f"1 of 3 granules.*{lost['id']}"):
        now = cb.open_photons(items, EVERYWHERE, errors="warn")
    with pytest.warns(PhotonsWarning, match=f"1 of 3 granules.*{lost['id']}"):
        lazy = cb.open_photons(items, EVERYWHERE, errors="warn", chunks=3000)
    xr.testing.assert_identical(lazy.compute(), now)


def test_a_granule_that_was_replaced_is_an_error(granules: Stored, tmp_path: Path) -> None:
    item, path = elsewhere(granules.plain[0], tmp_path)
    shutil.copy(granules.paths[0], path)
    with pytest.warns(ReferencesWarning):
        lazy = cb.open_photons([item], EVERYWHERE, variables="h_ph", chunks="auto")
    with h5py.File(path, "r+") as file:
        file["gt1l/heights/lat_ph"][:5] = 91.0
    with pytest.raises(PhotonsError, match=r"gt1l has .* photons there now, and had"):
        lazy.compute()


def test_processes_read_by_themselves(granules: Stored) -> None:
    asked: dict[str, Any] = {"variables": NAMES, "where": SURE, "area": EVERYWHERE}
    now = cb.open_photons(granules.indexed, **asked)
    with dask.config.set(scheduler="processes", num_workers=2):  # spawned
        lazy = cb.open_photons(granules.indexed, chunks=7000, **asked)
        xr.testing.assert_identical(lazy.compute(), now)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.heavy
def test_workers_of_a_cluster_tell_how_far_counting_is(
    small: SmallPasses, cluster: Client
) -> None:
    steps, asked = Steps(), {"area": (0, 0, 40, 40), "variables": ["h_ph"]}
    with dask.config.set(scheduler=cluster):
        lazy = cb.open_photons([small.indexed], chunks=1, progress=steps, **asked).load()
    counted = [(one.done, one.total) for one in steps if one.stage == "counting photons"]
    assert counted == [(1, 2), (2, 2)]
    xr.testing.assert_identical(lazy, cb.open_photons([small.indexed], **asked))


@pytest.mark.heavy
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(30))
def test_many_random_areas_against_brute_force(large: Stored, part: int, cluster: Client) -> None:
    """At once, by dask in this process, and by workers of a cluster."""

    def how(number: int) -> dict[str, Any]:
        chunks = (None, 2_000, "auto")[(number + part) % 3]
        return {"variables": EVERY, "chunks": chunks}

    first, scheduler = 2000 + part * 10, ("threads", cluster)[part % 2]
    with dask.config.set(scheduler=scheduler):
        assert check_areas(large, range(first, first + 10), how) > 3
