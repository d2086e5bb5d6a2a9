"""Requests to Harmony ask for the granules found, and what comes back is what they hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xarray as xr
from harmony import Client
from harmony.client import ProcessingFailedException
from published_catalog import publish

from catalog_builder.catalog.granule_list import GranuleList
from catalog_builder.catalog.granule_search import search
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.harmony_request import harmony_request, indexed_request
from catalog_builder.catalog.index.item_index import open_index
from catalog_builder.errors import (
    CatalogError,
    HarmonyError,
    MissingExtraError,
    ProductError,
    UntrustedHostError,
    WindowError,
)
from catalog_builder.opening.one_granule import open_beam, open_granule
from earthdata_standin import EarthdataStandin

ONE = "ATL03_20181115110547_07300111_007_01"


@pytest.fixture
def client(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("ROOT_URL", cloud.harmony_url)
    monkeypatch.setenv("VERBOSE", "FALSE")
    client = Client(token=cloud.token, check_interval=0.05)
    yield client
    client.executor.shutdown()
    client.session.close()


def first() -> GranuleList:
    """A granule away from the poles that has all beams, and photons in them."""
    found = search(datetime="2018-10/..", region=6)
    return next(found[n : n + 1] for n in range(len(found)) if found[n].id.endswith("_007_01"))


def test_a_request_names_the_granules_found_and_no_others(
    cloud: EarthdataStandin, tmp_path: Path
) -> None:
    found = search(datetime="2018-10/..")
    request = found[:2].to_harmony()
    assert request.collection.id == found.collection_concept_id
    assert request.granule_id == [one.properties["cmr:concept_id"] for one in found[:2]]
    assert request.is_valid()
    assert request.variables == ["all"]
    index = open_index(publish(tmp_path / "public"))
    chosen = index.search(ids=found.ids[:2])
    assert len(chosen) == 2
    again = chosen.to_harmony([1, 2, 3, 4], ["h_ph", "x_atc", "geophys_corr/geoid"], beams="GT1L")
    assert again.collection.id == request.collection.id
    assert sorted(again.granule_id) == sorted(request.granule_id)
    assert tuple(again.spatial) == (1.0, 2.0, 3.0, 4.0)
    assert again.variables == [
        "/gt1l/heights/h_ph",
        "/gt1l/heights/dist_ph_along",
        "/gt1l/geolocation/segment_dist_x",
        "/gt1l/geophys_corr/geoid",
    ]


@pytest.mark.parametrize("collection", ["../outside", "/tmp", None])
def test_an_index_names_no_file_outside_its_folder(tmp_path: Path, collection: str | None) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "collection.json").write_text('{"cmr:concept_id": "C1-X"}')
    (tmp_path / "public").mkdir()
    rows = pa.table(
        {"id": ["ATL03_20181014031924_02370102_007_01"], "cmr:concept_id": ["G1-X"]}
    ).append_column("collection", pa.array([collection], pa.string()))
    with pytest.raises(CatalogError, match="no collection"):
        indexed_request(lambda _: rows, CatalogLocation.parse(str(tmp_path / "public")))


def test_areas_and_times_are_harmonys(cloud: EarthdataStandin) -> None:
    found = first()
    ring = [[170, 0], [190, 0], [190, 5], [170, 5], [170, 0]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    request = found.to_harmony(polygon, datetime="2019-01/..", skip_preview=True)
    assert request.is_valid()
    assert request.spatial.wkt.startswith("MULTIPOLYGON (((")
    assert [*request.temporal] == ["start"]
    assert request.skip_preview is True
    assert tuple(found.to_harmony([170, 0, -170, 5]).spatial) == (170.0, 0.0, -170.0, 5.0)


def test_what_cannot_be_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, one = {ONE: "G1-X"}, ["C1-X"]
    for granules, collections, words in (
        ({}, one, "whole collection"),
        ({ONE: None}, one, "no concept id"),
        (ids, [None], "names no concept id"),
        (ids, ["C1-X", "C2-X"], "C1-X, C2-X"),
    ):
        with pytest.raises(HarmonyError, match=words):
            harmony_request(granules, collections)
    for beams, variables in ((["gt1l"], None), (None, []), (None, "h_ph")):
        with pytest.raises(HarmonyError, match="variables="):
            harmony_request(ids, one, beams=beams, variables=variables)
    with pytest.raises(WindowError):
        harmony_request(ids, one, area=[0, 5, 1, 2])
    for no_id in (None, "x"):  # in an index of anyone's
        with pytest.raises(ProductError, match="is not the name"):
            harmony_request({no_id: "G1-X"}, one)  # type: ignore[dict-item]
    monkeypatch.setitem(sys.modules, "harmony", None)
    with pytest.raises(MissingExtraError, match=r"\[harmony\]"):
        harmony_request(ids, one)


def test_a_subset_by_variables_joins_what_was_read_directly(client: Client) -> None:
    found = first()
    job = client.submit(found.to_harmony(variables=["quality_ph", "x_atc"], beams=["gt1r"]))
    (url,) = client.result_urls(job)
    subset = open_granule(url, variables=["quality_ph", "x_atc"])
    assert list(subset) == ["gt1r"]
    direct = open_beam(found[0], "gt1r", ["h_ph", "x_atc"])
    both = xr.merge(
        [direct, subset["gt1r"].to_dataset()],
        join="exact",
        compat="identical",
        combine_attrs="override",
    )
    whole = open_beam(found[0], "gt1r", ["h_ph", "quality_ph", "x_atc"])
    xr.testing.assert_equal(both, whole)
    assert direct.attrs["granule"] == subset["gt1r"].attrs["granule"]


def middle(beam: xr.Dataset, part: float) -> list[float]:
    """A box across the beam that holds a part of its photons."""
    south, north = np.quantile(beam.lat_ph.values, [0.5 - part / 2, 0.5 + part / 2])
    return [-180.0, float(south), 180.0, float(north)]


@pytest.mark.parametrize("form", ["box", "polygon"])
def test_a_subset_by_area_holds_the_photons_read_directly(client: Client, form: str) -> None:
    found = first()
    names = ["h_ph", "signal_conf_ph", "x_atc", "geophys_corr/geoid"]
    direct = open_beam(found[0], "gt2r", names)
    box = middle(direct, 0.5)
    west, south, east, north = box
    ring = [[west, south], [0, south], [east, south], [east, north], [0, north], [west, north]]
    polygon = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    job = client.submit(found.to_harmony(box if form == "box" else polygon))
    (url,) = client.result_urls(job)
    subset = open_granule(url, ["gt2r"], names)["gt2r"].to_dataset()
    place = np.flatnonzero(np.isin(direct.x_atc.values, subset.x_atc.values))
    kept = direct.isel(photon=place)
    assert 100 < subset.sizes["photon"] < direct.sizes["photon"]
    for name in ("h_ph", "signal_conf_ph", "x_atc", "lat_ph", "lon_ph", "delta_time"):
        assert kept[name].variable.equals(subset[name].variable), name
    geoid = kept.geoid.values[kept.segment_index.values]
    assert np.array_equal(geoid, subset.geoid.values[subset.segment_index.values])
    # Cut by segments: further than one of them from the edge, no photon is missing.
    inner = [west, south + 0.0003, east, north - 0.0003]
    xr.testing.assert_equal(
        open_beam(url, "gt2r", ["h_ph", "x_atc"], bbox=inner),
        open_beam(found[0], "gt2r", ["h_ph", "x_atc"], bbox=inner),
    )


def test_variables_that_harmony_does_not_know_are_refused_in_its_words(client: Client) -> None:
    request = first().to_harmony(variables=["h_photon"])
    with pytest.raises(Exception, match=r"Coverages were not found .* /gt1l/heights/h_photon"):
        client.submit(request)


def test_jobs_that_fail_say_so(client: Client, cloud: EarthdataStandin) -> None:
    found = search(datetime="2018-10/..")[:2]
    cloud.faults.harmony_fails = 1
    job = client.submit(found.to_harmony(variables=["h_ph"], beams="gt1r"))
    client.wait_for_processing(job)
    told = client.status(job)
    assert told["status"] == "complete_with_errors"
    assert told["num_input_granules"] == 2
    assert "ran out of memory" in told["errors"][0]["message"]
    assert len(list(client.result_urls(job))) == 1
    cloud.faults.harmony_fails = 2
    with pytest.raises(ProcessingFailedException, match="ran out of memory"):
        client.wait_for_processing(client.submit(found.to_harmony(variables=["h_ph"])))
    nowhere = client.submit(found[:1].to_harmony([0.0, 0.0, 0.001, 0.001], ["h_ph"]))
    assert list(client.result_urls(nowhere)) == []


def test_a_result_gets_no_login_from_a_host_that_is_not_trusted(
    client: Client, cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = first()
    (url,) = client.result_urls(client.submit(found.to_harmony(variables=["h_ph"])))
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "")
    cloud.requests.clear()
    with pytest.raises(UntrustedHostError):
        open_granule(url)
    assert not [one for one in cloud.requests if one.authorization]
