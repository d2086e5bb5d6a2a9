"""Searches of CMR without a definition, against the stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely

import catalog_builder as cb
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.errors import CmrQueryError, ReferencesWarning, WindowError
from earthdata_standin import EarthdataStandin

BOX = (176.0, -20.0, -178.0, -15.0)
"""Fiji, across ±180."""


@pytest.fixture
def found(cloud: EarthdataStandin) -> cb.GranuleList:
    return cb.search(bbox=BOX)


def test_granules_that_meet_the_box_in_the_order_of_time(found: cb.GranuleList) -> None:
    assert 0 < len(found) <= found.listed
    starts = [item.properties["start_datetime"] for item in found]
    assert starts == sorted(starts)
    west, east = shapely.box(176, -20, 180, -15), shapely.box(-180, -20, -178, -15)
    for item in found:
        shape = shapely.geometry.shape(item.geometry)
        assert shape.intersects(west) or shape.intersects(east)


def test_what_it_finds_opens(found: cb.GranuleList) -> None:
    beam = cb.open_beam(found[0], "GT1L")
    assert beam.attrs["granule"] == found.ids[0]
    middle = float(np.median(beam.lat_ph))
    box = [-180, middle - 0.05, 180, middle + 0.05]
    with pytest.warns(ReferencesWarning, match="index CATALOG"):
        photons = cb.open_photons(found[:1], box, beams="gt1l")
    assert photons.sizes["photon"] > 0
    tree = cb.open_beams(found, "gt1l")
    assert {*tree.children} <= {*found.ids}


def test_it_is_a_sequence(found: cb.GranuleList) -> None:
    assert found[-1].id == found.ids[-1]
    assert found[1:].ids == found.ids[1:]
    assert found.ids[0] in repr(found)
    frame = found.to_geodataframe()
    assert frame.id.tolist() == found.ids
    assert frame.crs is not None
    html = found._repr_html_()
    assert "<svg" in html
    assert f">{len(found)}<" in html
    assert "leaflet" in found.explore()._repr_html_()


def test_numbers_and_a_limit(found: cb.GranuleList) -> None:
    first = found.ids[0]
    track, cycle, region = int(first[21:25]), int(first[25:27]), int(first[27:29])
    assert first in cb.search(area=BOX, rgt=[track, 9], cycle=cycle, region=[region]).ids
    assert cb.search(bbox=BOX, rgt=track % 1387 + 1).ids == []
    assert cb.search(bbox=BOX, limit=1).ids == found.ids[:1]
    assert cb.search(datetime=("..", None), version="006").ids != []


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, WindowError, "Name a place or a time"),
        ({"bbox": BOX, "area": BOX}, WindowError, "not both"),
        ({"bbox": BOX, "rgt": 1388}, WindowError, "sat:relative_orbit is 1388"),
        ({"bbox": BOX, "version": "999"}, CmrQueryError, "no collection ATL03 version 999"),
    ],
)
def test_what_cannot_be(
    cloud: EarthdataStandin, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        cb.search(**options)


def test_collections_and_a_comparison(cloud: EarthdataStandin, tmp_path: Any) -> None:
    found = cb.collections(version="007", cloud_hosted=True)
    assert [one.provider for one in found] == ["NSIDC_CPRD"]
    with CmrClient() as client:
        assert cb.collections(client=client) == client.collections(short_name="ATL03")
    definition = cb.Definition(
        name="fiji",
        title="Fiji",
        short_name="ATL03",
        version="007",
        provider="NSIDC_CPRD",
        bounding_box=BOX,
    )
    sides = cb.compare(definition)
    assert sides.cloud.granules > 0
    (tmp_path / "definition.toml").write_text(definition.to_toml())
    assert cb.compare(tmp_path) == sides
