"""The verb that searches a published catalog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from several_collections import EVERYTHING, build_several

from catalog_builder.catalog.index.item_index import ItemIndex
from earthdata_standin import EarthdataStandin
from tests.commands.running import run

TRIANGLE = "POLYGON((-90 -85, 90 -85, 90 80, -90 -85))"


def test_find_lists_granules(built: Path) -> None:
    index = ItemIndex.open(built)
    box = "170,-90,-150,90"
    result = run("find", str(built), "--bbox", box, "--datetime", "2019/2023")
    found = index.search(bbox=box, datetime="2019/2023", sortby="datetime").ids
    names, *lines = result.stdout.splitlines()
    assert names.split("\t") == ["id", "start", "track", "cycle", "region", "MB"]
    assert [line.split("\t")[0] for line in lines] == found
    assert f"{len(found)} of {len(index)} granules found." in result.stderr
    name = found[0]
    assert lines[0].split("\t")[2:5] == [name[21:25], name[25:27], name[27:29]]


def test_find_by_numbers(built: Path) -> None:
    index = ItemIndex.open(built)
    name = index.ids[0]
    rgt, cycle, region = name[21:25], name[25:27], name[27:29]
    arguments = ("--rgt", rgt, "--cycle", cycle, "--region", region, "--limit", "1")
    result = run("find", str(built), *arguments, "--links", "s3")
    assert result.stdout.endswith(f"/{name}.h5\n")
    assert result.stdout.startswith("s3://")
    assert f"1 of {len(index)} granules found." in result.stderr
    result = run("find", str(built), *arguments, "--links", "https")
    assert result.stdout.startswith("https://")


def test_find_by_polygon_orbit_state_and_revision(built: Path, tmp_path: Path) -> None:
    ring = [[170, -90], [-150, -90], [-150, 90], [170, 90], [170, -90]]
    text = json.dumps({"type": "Polygon", "coordinates": [ring]})
    feature = tmp_path / "area.geojson"
    feature.write_text(f'{{"type": "Feature", "properties": null, "geometry": {text}}}')
    found = ItemIndex.open(built).search(bbox="170,-90,-150,90", sortby="datetime")
    for given in (text, str(feature)):
        result = run("find", str(built), "--intersects", given, "--precise")
        lines = result.stdout.splitlines()[1:]
        assert [line.split("\t")[0] for line in lines] == found.ids != []
    more = ("--orbit-state", "ascending", "--revision", "1")
    result = run("find", str(built), "--intersects", text, *more, "--json")
    features = json.loads(result.stdout)["features"]
    states = {feature["properties"]["sat:orbit_state"] for feature in features}
    assert states == {"ascending"}
    assert len(features) == len(found.search(orbit_state="ascending", revision=1))


def test_find_by_lists_areas_and_in_order(built: Path) -> None:
    index = ItemIndex.open(built)
    for options, conditions in (
        (("--region", "4,5"), {"region": [4, 5]}),
        (("--area", "170,-80 + 500 km"), {"area": ((170, -80), 500_000)}),
        (
            ("--area", "POLYGON((-90 -85, 90 -85, 90 80, -90 -85))"),
            {"area": TRIANGLE},
        ),
    ):
        result = run("find", str(built), *options, "--sortby", "-datetime")
        found = [line.split("\t")[0] for line in result.stdout.splitlines()[1:]]
        assert found == index.search(sortby="-datetime", **conditions).ids != []
    assert run("find", str(built), "--rgt", "five").exit_code == 2


def test_find_gives_items_as_json(built: Path) -> None:
    result = run("find", str(built), "--limit", "3", "--json")
    features = json.loads(result.stdout)["features"]
    assert features == list(
        ItemIndex.open(built).search(limit=3, sortby="datetime").dictionaries()
    )


def test_find_nothing_is_no_error(built: Path) -> None:
    result = run("find", str(built), "--datetime", "2017")
    assert (result.exit_code, result.stderr) == (0, "0 of 39 granules found.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--bbox", "1,2,3"), "four numbers"),
        (("--bbox", "10,50,20,40"), "south first"),
        (("--datetime", "soon"), "is no time"),
        (("--region", "15"), "expected 1 to 14"),
        (("--intersects", '{"type": "Point"}'), "Point is no polygon"),
        (("--intersects", "nowhere.geojson"), "The polygons in nowhere.geojson cannot be read"),
        (("--intersects", "/dev/zero"), "The polygons in /dev/zero cannot be read: it is a pipe"),
    ],
)
def test_conditions_that_cannot_be(built: Path, arguments: tuple[str, str], words: str) -> None:
    result = run("find", str(built), *arguments)
    assert result.exit_code == 1
    assert words in result.stderr


def test_find_where_there_is_nothing(tmp_path: Path) -> None:
    result = run("find", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: There is no {tmp_path}/items.parquet")


def test_find_in_one_of_several_collections(tmp_path: Path) -> None:
    with EarthdataStandin(world=EVERYTHING) as several:
        build_several(several, tmp_path / "public")
    folder = str(tmp_path / "public")
    found = run("find", folder, "--collection", "ATL08", "--json")
    features = json.loads(found.stdout)["features"]
    assert {one["collection"] for one in features} == {"ATL08_007"}
    both = run("find", folder, "--collection", "ATL08_007", "--collection", "atl24", "--json")
    assert {one["collection"] for one in json.loads(both.stdout)["features"]} == {
        "ATL08_007",
        "ATL24_002",
    }
