"""Which granules and beams may hold photons of an area; nothing of them is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sample_items import make_item

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.errors import CatalogBuilderError, CatalogError, SeveralReleasesError
from catalog_builder.geo.area import Area
from catalog_builder.photons.planning.found_granules import find_granules, is_near
from tests.photons.conftest import ask

PLACE = [10.0, 50.0, 10.2, 50.2]


def item(
    release: str = "007", revision: int = 1, day: str = "20190401", **beams: dict[str, Any]
) -> dict[str, Any]:
    name = f"ATL03_{day}120000_03850302_{release}_{revision:02d}"
    return {
        "id": name,
        "properties": {"icesat2:beams": beams} if beams else {},
        "links": [],
        "assets": {"data": {"href": f"s3://bucket/{name}.h5"}},
    }


def beams_of(asked: dict[str, Any], **facts: dict[str, Any]) -> tuple[str, ...]:
    found, searched = find_granules([item(**facts)], ask(PLACE, **asked))
    assert searched == 1
    return found[0].beams if found else ()


@pytest.mark.parametrize(
    "datetime", ["0001-01-01", "../0001-01-01", "9999-12-31T23:59:59.9Z", "9999-12-31T23:59/.."]
)
def test_times_at_the_ends_of_the_calendar(datetime: str, tmp_path: Path) -> None:
    write_index([make_item(0)], tmp_path / "items.parquet")
    (tmp_path / "catalog.json").write_text("{}")
    assert find_granules(tmp_path, ask(PLACE, datetime=datetime)) == ([], 0)


def test_the_highest_revision_in_order_of_time() -> None:
    source = [item(day="20200101"), item(revision=2), item(revision=10), item(revision=3)]
    found, searched = find_granules(source, ask(PLACE))
    assert [one.name.id for one in found] == [source[2]["id"], source[0]["id"]]
    assert searched == 2


def test_releases_hold_the_same_photons() -> None:
    source = [item(), item(release="006", revision=9)]
    with pytest.raises(SeveralReleasesError, match=r'006 and 007.*release="007"'):
        find_granules(source, ask(PLACE))
    for release in ("006", 6):
        (one,), searched = find_granules(source, ask(PLACE, release=release))
        assert (one.name.release, searched) == ("006", 1)


def test_beams_by_what_the_item_says() -> None:
    here, far = [[10.1, 49.0], [10.1, 51.0]], [[30.0, 49.0], [30.0, 51.0]]
    facts: dict[str, Any] = {
        "gt1l": {"photons": 5, "strength": "strong", "track": here},
        "gt1r": {"photons": 0, "strength": "weak", "track": here},
        "gt2l": {"photons": 5, "strength": "strong", "track": far},
        "gt2r": {"photons": 5, "strength": "weak", "track": here},
        "gt3l": {"photons": 5, "strength": "weak", "track": "damaged"},
    }
    assert beams_of({}, **facts) == ("gt1l", "gt2r", "gt3l")
    assert beams_of({"beams": "strong"}, **facts) == ("gt1l",)
    assert beams_of({"beams": ["gt2r", "gt3r"]}, **facts) == ("gt2r",)
    assert beams_of({"beams": "gt2l"}, **facts) == ()
    assert len(beams_of({})) == 6  # of an item that tells nothing, all may


def test_one_item_an_address_or_many() -> None:
    one = item()
    for source in (one, [one], (each for each in [one]), [one["assets"]["data"]["href"]]):
        found, _ = find_granules(source, ask(PLACE))
        assert [each.name.id for each in found] == [one["id"]]


def test_what_is_no_source_is_an_error() -> None:
    with pytest.raises(CatalogError, match="path or URL of a catalog"):
        find_granules(5, ask(PLACE))
    for wrong in ({"properties": {}, "assets": {}}, {**item(), "id": "something"}, None):
        with pytest.raises(CatalogBuilderError, match=r"no STAC [iI]tem"):
            find_granules([wrong], ask(PLACE))


@pytest.mark.parametrize(
    ("area", "track", "near"),
    [
        ((10, 50, 10.2, 50.2), [[10.1, 40], [10.1, 60]], True),
        ((10, 50, 10.2, 50.2), [[11, 40], [11, 60]], False),
        ((10, 50, 10.2, 50.2), [[10.21, 40], [10.21, 60]], True),  # within 2 km
        ((10, 50, 10.2, 50.2), [[9, 49], [11, 51]], True),  # between two points
        ((179.9, 0, -179.9, 1), [[-179.95, -5], [-179.95, 5]], True),
        ((179.9, 0, -179.9, 1), [[179.5, 0.5], [-179.5, 0.5]], True),
        ((-1, 0, 1, 1), [[179.5, 0.5], [-179.5, 0.5]], False),  # not all round the Earth
        ((10, 50, 10.2, 50.2), [[10.1, 50.1]], True),
        ((10, 50, 10.2, 50.2), [[15, 50.1]], False),
        ((10, 50, 10.2, 50.2), "no track", True),
        ((10, 50, 10.2, 50.2), [[0, -1e6], [0, 1e6]], True),
    ],
)
def test_a_track_near_an_area(area: Any, track: Any, near: bool) -> None:
    assert is_near(Area.of_box(area), track) is near
