"""The verbs that build, search, check and host a catalog."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from building import WORLD, records_of
from click.testing import CliRunner, Result

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.cli import main
from earthdata_standin import EarthdataStandin


@pytest.fixture(scope="module")
def cmr() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD) as cloud:
        yield cloud


@pytest.fixture
def cloud(cmr: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> EarthdataStandin:
    cmr.world = WORLD
    monkeypatch.setenv("CMR_URL", cmr.cmr_url)
    monkeypatch.delenv("ATL03_SCHEMAS", raising=False)
    return cmr


@pytest.fixture
def definition(tmp_path: Path) -> str:
    file = tmp_path / "ice" / "definition.toml"
    file.parent.mkdir()
    file.write_text(
        'title = "Ice"\nshort_name = "ATL03"\nversion = "007"\nprovider = "NSIDC_CPRD"\n'
    )
    return str(file.parent)


@pytest.fixture
def published(cloud: EarthdataStandin, definition: str, tmp_path: Path) -> Path:
    out = tmp_path / "public"
    assert run("build", definition, "--out", str(out)).exit_code == 0
    return out


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_build_tells_what_it_did(cloud: EarthdataStandin, definition: str, tmp_path: Path) -> None:
    result = run("build", definition, "--out", str(tmp_path / "public"))
    assert result.exit_code == 0
    facts = dict(
        line.split(maxsplit=1) for line in result.stdout.splitlines() if "set" not in line
    )
    assert (facts["granules"], facts["added"], facts["removed"]) == ("39", "39", "0")
    assert facts["catalog"].endswith("public/catalog.json")
    assert "Set aside: ATL03_" in result.stderr
    assert "no direct-access (S3) link" in result.stderr


def test_build_as_json_and_dry(cloud: EarthdataStandin, definition: str, tmp_path: Path) -> None:
    result = run("build", definition, "--out", str(tmp_path / "public"), "--dry-run", "--json")
    report = json.loads(result.stdout)
    assert (report["items"], report["dry_run"], report["hits"]) == (39, True, 40)
    assert not (tmp_path / "public").exists()


def test_build_refuses_to_empty_a_catalog(
    cloud: EarthdataStandin, definition: str, published: Path
) -> None:
    cloud.world = replace(WORLD, granules=records_of()[:5])
    result = run("build", definition, "--out", str(published))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The catalog holds 39 granules, but CMR lists 5")
    assert run("build", definition, "--out", str(published), "--full").exit_code == 0
    assert len(ItemIndex.open(published)) == 5


def test_build_without_network_is_one_sentence(
    definition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMR_URL", "http://127.0.0.1:9/search")
    result = run("build", definition, "--out", str(tmp_path / "public"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: CMR at 127.0.0.1:9 cannot be reached")
    assert not (tmp_path / "public").exists()


def test_find_lists_granules(published: Path) -> None:
    index = ItemIndex.open(published)
    box = "170,-90,-150,90"
    result = run("find", str(published), "--bbox", box, "--datetime", "2019/2023")
    found = index.search(bbox=box, datetime="2019/2023").ids
    names, *lines = result.stdout.splitlines()
    assert names.split("\t") == ["id", "start", "track", "cycle", "region", "MB"]
    assert [line.split("\t")[0] for line in lines] == found
    assert f"{len(found)} granules found." in result.stderr
    name = found[0]
    assert lines[0].split("\t")[2:5] == [name[21:25], name[25:27], name[27:29]]


def test_find_by_numbers(published: Path) -> None:
    index = ItemIndex.open(published)
    name = index.ids[0]
    rgt, cycle, region = name[21:25], name[25:27], name[27:29]
    arguments = ("--rgt", rgt, "--cycle", cycle, "--region", region, "--limit", "1")
    result = run("find", str(published), *arguments, "--links", "s3")
    assert result.stdout.endswith(f"/{name}.h5\n")
    assert result.stdout.startswith("s3://")
    assert "1 granule found." in result.stderr
    result = run("find", str(published), *arguments, "--links", "https")
    assert result.stdout.startswith("https://")


def test_find_by_polygon_orbit_state_and_revision(published: Path, tmp_path: Path) -> None:
    ring = [[170, -90], [-150, -90], [-150, 90], [170, 90], [170, -90]]
    text = json.dumps({"type": "Polygon", "coordinates": [ring]})
    feature = tmp_path / "area.geojson"
    feature.write_text(f'{{"type": "Feature", "properties": null, "geometry": {text}}}')
    found = ItemIndex.open(published).search(bbox="170,-90,-150,90")
    for given in (text, str(feature)):
        result = run("find", str(published), "--intersects", given, "--precise")
        lines = result.stdout.splitlines()[1:]
        assert [line.split("\t")[0] for line in lines] == found.ids != []
    more = ("--orbit-state", "ascending", "--revision", "1")
    result = run("find", str(published), "--intersects", text, *more, "--json")
    features = json.loads(result.stdout)["features"]
    states = {feature["properties"]["sat:orbit_state"] for feature in features}
    assert states == {"ascending"}
    assert len(features) == len(found.search(orbit_state="ascending", revision=1))


def test_find_gives_items_as_json(published: Path) -> None:
    result = run("find", str(published), "--limit", "3", "--json")
    features = json.loads(result.stdout)["features"]
    assert features == list(ItemIndex.open(published).search(limit=3).dictionaries())


def test_find_nothing_is_no_error(published: Path) -> None:
    result = run("find", str(published), "--datetime", "2017")
    assert (result.exit_code, result.stderr) == (0, "0 granules found.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--bbox", "1,2,3"), "four numbers"),
        (("--bbox", "10,50,20,40"), "south first"),
        (("--datetime", "soon"), "is no time"),
        (("--region", "15"), "expected 1 to 14"),
        (("--intersects", '{"type": "Point"}'), "Point is no polygon"),
        (("--intersects", "nowhere.geojson"), "No polygon can be read from nowhere.geojson"),
    ],
)
def test_conditions_that_cannot_be(
    published: Path, arguments: tuple[str, str], words: str
) -> None:
    result = run("find", str(published), *arguments)
    assert result.exit_code == 1
    assert words in result.stderr


def test_find_where_there_is_nothing(tmp_path: Path) -> None:
    result = run("find", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: There is no {tmp_path}/items.parquet")


def test_verify_says_what_it_checked(published: Path, schemas: Path) -> None:
    result = run("verify", str(published), "--schemas", str(schemas))
    assert result.exit_code == 0
    assert "problems           0" in result.stdout
    assert result.stderr == ""


def test_verify_says_what_is_wrong(published: Path) -> None:
    next(published.rglob("ATL03_2*.json")).unlink()
    result = run("verify", str(published), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["problem_count"] == len(report["problems"]) == 1
    assert "leads to nothing" in report["problems"][0]
    assert "Not validated" in result.stderr


def test_serve_hosts_until_ctrl_c(published: Path) -> None:
    command = [sys.executable, "-m", "catalog_builder.cli", "serve", str(published), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(url, timeout=10).json()["title"] == "Ice"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "intake.open_catalog(" in errors
    assert "Traceback" not in errors
