"""All passes of a search in one read: requests, failures, interruption."""

from __future__ import annotations

import json
import pickle
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shapely
import xarray as xr
from published_catalog import publish
from scripted_server import ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from web_folder import serve_folder

import catalog_builder as cb
from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.storage.chunk_cache import ChunkCache
from catalog_builder.byte_cache import ByteCache
from catalog_builder.errors import (
    AccessError,
    GranuleNotFoundError,
    PhotonsWarning,
    ReferencesWarning,
)
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening import reference_cache
from catalog_builder.photons.open_photons import plan_photons
from catalog_builder.photons.planning import pass_plan
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin, World
from tests.photons.brute_force import RandomArea, photons_of
from tests.photons.conftest import Stored, store
from tests.photons.test_open_photons import NAMES, area_about_a_photon, require_equal

COLLECTIONS = {"006": "C2596864127-NSIDC_CPRD", "007": "C3326974349-NSIDC_CPRD"}


def in_cloud(world: World, release: str = "007") -> list[dict[str, Any]]:
    return [
        record
        for record in world.granules
        if record["meta"]["collection-concept-id"] == COLLECTIONS[release]
        and any(
            link["Type"] == "GET DATA VIA DIRECT ACCESS" for link in record["umm"]["RelatedUrls"]
        )
    ]


def test_a_catalog_over_s3_sends_the_planned_requests(
    cloud: EarthdataStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_cache, "_loaded", reference_cache._loaded)  # put back
    cloud.world = replace(cloud.world, granules=in_cloud(cloud.world)[:2])
    folder = publish(tmp_path / "public")
    paths = [
        Path(str(cloud.world.objects.get(item["assets"]["data"]["href"].removeprefix("s3://"))))
        for item in cb.open_index(folder).dictionaries()
    ]
    with h5py.File(paths[0]) as file:
        heights = file["gt1r/heights"]
        middle = len(heights["lat_ph"]) // 2
        lon, lat = float(heights["lon_ph"][middle]), float(heights["lat_ph"][middle])
    box = (max(lon - 2, -180.0), lat - 0.3, min(lon + 2, 180.0), lat + 0.3)
    area = RandomArea(given=box, shape=shapely.box(*box), middle=lon)
    expected = photons_of(paths, area)

    with pytest.warns(ReferencesWarning, match="index"):
        found = cb.open_photons(folder, box, variables=NAMES)
    require_equal(found, expected)
    assert found.sizes["photon"] > 100

    index_catalog(folder, jobs=1)
    plan = plan_photons(folder, box, variables=NAMES)
    cloud.requests.clear()
    steps: list[Progress] = []
    found = cb.open_photons(cb.open_index(folder), box, variables=NAMES, progress=steps.append)
    require_equal(found, expected)
    gets = [one for one in cloud.requests if one.service == "s3"]
    assert len(gets) == plan.requests
    assert sum(one.bytes for one in gets) == plan.bytes == steps[-1].bytes_done
    assert steps[-1].done == steps[-1].total == plan.passes
    assert found.attrs["catalog"] == str(folder)
    report = json.loads((folder / "build-report.json").read_text())
    assert found.attrs["catalog_built"] == report["finished"]

    # Kept chunks are not asked for again, whoever reads them; what is new is.
    kept = tmp_path / "chunks"
    first = cb.open_photons(folder, box, variables=NAMES, cache=kept)
    cloud.requests.clear()
    again = cb.open_photons(folder, box, variables=NAMES, cache=kept)
    lazy = cb.open_photons(folder, box, variables=NAMES, cache=kept, chunks="auto")
    for one in (first, again, lazy.compute(scheduler="synchronous")):
        xr.testing.assert_identical(one, found)
    assert not [one for one in cloud.requests if one.service == "s3"]
    more = cb.open_photons(folder, box, variables=[*NAMES, "weight_ph"], cache=kept)
    gets = [one for one in cloud.requests if one.service == "s3"]
    assert 0 < len(gets) <= more.sizes["track_pass"]
    assert sum(one.bytes for one in gets) < plan.bytes / 4
    assert all(b"ATL03" not in path.read_bytes() for path in kept.rglob("*") if path.is_file())

    # A signed address of the catalog shows nowhere in what comes of it.
    serve = serve_folder(folder)
    with ScriptedServer(
        lambda asked: serve(replace(asked, path=asked.path.partition("?")[0]))
    ) as server:
        signed = cb.open_photons(f"{server.url}?sign=very-secret", box, variables=NAMES)
        lazy = cb.open_photons(
            f"{server.url}?sign=very-secret", box, variables=NAMES, chunks="auto"
        )
        # A new process asks the catalog what there is, and for no references that are kept.
        asked = []
        for _ in range(2):
            reference_cache._loaded = ByteCache(reference_cache.KEPT)
            server.asked.clear()
            cb.open_photons(f"{server.url}?sign=very-secret", box, variables=NAMES, cache=kept)
            asked.append([one for one in server.asked if "references" in one.path])
        assert (len(asked[0]), len(asked[1])) == (len(plan.granules), 0)
        assert b"very-secret" not in pickle.dumps([signed, lazy, dict(lazy.__dask_graph__())])
    require_equal(lazy.compute(), expected)
    assert signed.attrs == {**found.attrs, "catalog": server.url}

    # Two arrays of one row a photon fewer are that many requests fewer, or less bytes.
    few = plan_photons(folder, box, variables=["h_ph"])
    assert set(few.request.needed) == {
        f"heights/{name}" for name in ("lat_ph", "lon_ph", "delta_time", "h_ph")
    }
    assert few.bytes < plan.bytes


def test_over_https_a_signed_url_serves_all_beams_of_a_granule(
    cloud: EarthdataStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.world = replace(cloud.world, granules=in_cloud(cloud.world)[:2])
    folder = publish(tmp_path / "public")
    index_catalog(folder, jobs=1)
    everywhere = [-180, -90, 180, 90]
    expected = cb.open_photons(folder, everywhere, variables=NAMES)
    monkeypatch.setattr(pass_plan, "BLOCK_BYTES", 1)  # many rounds of requests
    plan = plan_photons(folder, everywhere, variables=NAMES)
    cloud.requests.clear()
    found = cb.open_photons(folder, everywhere, variables=NAMES, access="https")
    require_same_photons(found, expected)
    granules, passes = len(plan.granules), plan.passes
    assert passes > 2 * granules > 2
    redirects = [one for one in cloud.requests if one.service == "data" and one.status == 303]
    # The first looks whether the login is good; it finds the URL, too.
    assert granules <= len(redirects) <= granules + 1
    ranges = [one for one in cloud.requests if one.service == "download"]
    assert len(ranges) <= plan.requests + granules + 1

    cloud.requests.clear()
    cloud.faults.object_truncate = 5
    resumed = cb.open_photons(folder, everywhere, variables=NAMES, access="https")
    assert cloud.faults.object_truncate == 0
    require_same_photons(resumed, expected)
    assert len([one for one in cloud.requests if one.service == "data"]) <= 1


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("release", ["006", "007"])
def test_random_areas_through_a_cache_against_brute_force(
    cloud: EarthdataStandin, release: str, tmp_path: Path
) -> None:
    """Read for the first time, again, and by dask: equal, and the second time without a request.

    The cache is so small that chunks of areas before are dropped, and are fetched again.
    """
    cloud.world = replace(cloud.world, granules=in_cloud(cloud.world, release)[:4])
    folder = publish(tmp_path / "public", version=release)
    index_catalog(folder, jobs=1)
    index = cb.open_index(folder)
    keys = [one["assets"]["data"]["href"].removeprefix("s3://") for one in index.dictionaries()]
    paths = [Path(str(cloud.world.objects.get(key))) for key in keys]
    stored = Stored(paths=paths, indexed=[], plain=[])
    cache = ChunkCache.of(tmp_path / "chunks", capacity=4 * 2**20)
    some = again = 0
    for number in range(5000, 5040):
        area = area_about_a_photon(stored, np.random.default_rng(number), number)
        expected = photons_of(paths, area)
        for chunks in (None, None, "auto"):
            cloud.requests.clear()
            found = cb.open_photons(
                index, area.given, variables=NAMES, cache=cache, chunks=chunks, limit=None
            )
            require_equal(found.compute(scheduler="threads"), expected)
            again += chunks is None and not [r for r in cloud.requests if r.service == "s3"]
        some += bool(found.sizes["photon"])
    assert some > 15
    assert again > 30


def require_same_photons(found: xr.Dataset, expected: xr.Dataset) -> None:
    xr.testing.assert_identical(found.drop_attrs(), expected.drop_attrs())


def test_passes_in_many_blocks_are_the_same(
    granules: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = granules.indexed[0]
    whole = cb.open_photons([item], [-180, -90, 180, 90], variables=NAMES)
    monkeypatch.setattr(pass_plan, "BLOCK_BYTES", 1)
    assert plan_photons([item], [-180, -90, 180, 90]).granules[0].passes[0].blocks
    parts = cb.open_photons([item], [-180, -90, 180, 90], variables=NAMES)
    xr.testing.assert_identical(parts, whole)


def elsewhere(item: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Path]:
    """The item with its granule in another folder, where nothing is yet."""
    path = folder / f"{item['id']}.h5"
    return {**item, "assets": {**item["assets"], "data": {"href": str(path)}}}, path


def test_a_granule_that_fails_is_reported(granules: Stored, tmp_path: Path) -> None:
    lost, path = elsewhere(granules.indexed[0], tmp_path)
    items, area = [lost, *granules.indexed[1:3]], [-180, -90, 180, 90]
    with pytest.raises(GranuleNotFoundError, match=path.name):
        cb.open_photons(items, area, variables="h_ph")
    with pytest.warns(PhotonsWarning, match=f"1 of 3 granules.*{lost['id']}"):
        found = cb.open_photons(items, area, variables="h_ph", errors="warn")
    assert lost["id"] in found.attrs["left_out"]
    rest = cb.open_photons(items[1:], area, variables="h_ph")
    xr.testing.assert_equal(found, rest)


def test_stale_references_are_replaced_by_h5py(
    granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_references, "_rejected", set())
    item, path = elsewhere(granules.indexed[0], tmp_path)
    shutil.copy(granules.paths[1], path)
    monkeypatch.setattr("catalog_builder.photons.planning.found_granules.is_near", lambda *_: True)
    everywhere = [-180, -90, 180, 90]
    with pytest.warns(
        ReferencesWarning, match="1 of 1 granules.*(index the granule|another version)"
    ):
        found = cb.open_photons([item], everywhere, variables="h_ph")
    with pytest.warns(ReferencesWarning):
        plain = cb.open_photons([str(path)], everywhere, variables="h_ph")
    xr.testing.assert_equal(found, plain)


def test_an_interrupted_read_ends_soon(granules: Stored) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.stage == "reading photons":
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        cb.open_photons(granules.indexed, [-180, -90, 180, 90], progress=interrupt)
    assert time.monotonic() - began < 20
    again = cb.open_photons(granules.indexed[:1], [-180, -90, 180, 90], variables="h_ph")
    assert again.sizes["photon"] > 0


def test_no_more_than_the_window_is_held() -> None:
    from concurrent.futures import ThreadPoolExecutor

    from catalog_builder.photons.reading.pass_reading import Interrupted, MemoryWindow

    window, held, most = MemoryWindow(100), 0, 0

    def work(size: int) -> None:
        nonlocal held, most
        window.take(size)
        held += size
        most = max(most, held)
        time.sleep(0.001)
        held -= size
        window.give(size)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, np.random.default_rng(1).integers(1, 100, 200).tolist()))
    assert most <= 100
    window.take(500)  # larger than all: alone
    window.end()
    with pytest.raises(Interrupted):
        window.take(1)


@pytest.mark.filterwarnings("ignore:.*references:catalog_builder.errors.ReferencesWarning")
@pytest.mark.parametrize("kind", ["indexed", "plain"])
def test_a_damaged_file_of_this_machine_is_not_tried_again(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    (item,) = getattr(store([path], tmp_path), kind)
    with h5py.File(path) as file:
        chunk = file["gt1l/heights/h_ph"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"x" * chunk.size
    path.write_bytes(content)
    waited: list[float] = []
    monkeypatch.setattr("catalog_builder.photons.reading.photon_reads.time.sleep", waited.append)
    with pytest.raises(AccessError):
        cb.open_photons([item], [-180, -90, 180, 90], variables=["h_ph"])
    assert max(waited, default=0.0) < 0.2
