"""Folders to save to, and catalogs to index, that someone else had in their hands."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from planted import KINDS, Outside, plant
from published_catalog import publish
from stored_files import KEY, links_to, store

from catalog_builder.beams.storage.download import download
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.layout import is_item
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.cli import main
from catalog_builder.errors import CatalogError, FolderError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.saving import LOCAL_YML, save_beam, write_local_yml
from earthdata_standin import EarthdataStandin

pytestmark = pytest.mark.timeout(60)

ODD = [kind for kind in KINDS if kind not in ("garbage", "hard link")]


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside.make(tmp_path / "outside")


@pytest.fixture
def links(cloud: EarthdataStandin, tmp_path: Path) -> GranuleLinks:
    stored = tmp_path / "stored.bin"
    stored.write_bytes(bytes(range(256)) * 300)
    store(cloud, {KEY: stored})
    return links_to(cloud)


@pytest.mark.parametrize("kind", ODD)
def test_a_granule_is_not_saved_over_what_is_no_file(
    cloud: EarthdataStandin, links: GranuleLinks, tmp_path: Path, outside: Outside, kind: str
) -> None:
    to = tmp_path / "there" / "granule.h5"
    plant(to, kind, outside)
    before = outside.state()
    with pytest.raises(FolderError, match=r"granule\.h5 is a"):
        download(links, to)
    assert outside.state() == before
    assert cloud.requests == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "garbage"])
def test_a_part_is_resumed_only_where_it_is_a_file_of_one_name(
    links: GranuleLinks, tmp_path: Path, outside: Outside, kind: str
) -> None:
    to = tmp_path / "there" / "granule.h5"
    part = name_of_part(links, to)
    plant(part, kind, outside)
    before = outside.state()
    with pytest.raises(FolderError, match=part.name):
        download(links, to)
    assert outside.state() == before
    assert not to.exists()


def name_of_part(links: GranuleLinks, to: Path) -> Path:
    """Under which name a download of this version of the granule is kept while it runs."""

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(links, to, progress=stop)
    (part,) = to.parent.glob("*.part")
    return part


def test_parts_of_older_versions_go_and_nothing_else(
    links: GranuleLinks, tmp_path: Path, outside: Outside
) -> None:
    to = tmp_path / "there" / "granule.h5"
    to.parent.mkdir()
    (to.parent / "granule.h5.0123456789ab.part").write_text("older")
    stay = ["granule.h5.mine.part", "granule.h5.notes.0123456789ab.part", "x.part"]
    for name in stay:
        (to.parent / name).write_text("mine")
    plant(to.parent / "granule.h5.abcdefabcdef.part", "link", outside)
    plant(to.parent / "granule.h5.000000000000.part", "folder", outside)
    download(links, to)
    assert {path.name for path in to.parent.iterdir()} == {
        *("granule.h5", "granule.h5.abcdefabcdef.part", "granule.h5.000000000000.part", *stay)
    }
    assert outside.file.read_text() == "precious"


def a_beam(granule: str = "ATL03_20181014031924_02370102_007_01") -> xr.Dataset:
    return xr.Dataset(
        {"h_ph": ("photon", np.arange(4.0))}, attrs={"granule": granule, "beam": "gt1l"}
    )


@pytest.mark.parametrize("kind", ODD)
def test_a_beam_and_its_yaml_are_not_written_through_links(
    tmp_path: Path, outside: Outside, kind: str
) -> None:
    to = tmp_path / "saved"
    name = f"{a_beam().attrs['granule']}_gt1l.nc"
    plant(to / name, kind, outside)
    before = outside.state()
    with pytest.raises(FolderError, match=name):
        save_beam(a_beam(), to)
    text = write_local_yml(to).read_text()
    assert name not in text  # it is no saved beam
    plant(to / LOCAL_YML, kind, outside)
    with pytest.raises(FolderError, match=LOCAL_YML):
        write_local_yml(to)
    assert outside.state() == before


@pytest.mark.parametrize("granule", ["../outside/victim", "/tmp/x", "", "ATL03\n"])
def test_a_beam_that_names_another_file_is_not_saved(tmp_path: Path, granule: str) -> None:
    with pytest.raises(FolderError, match="not the name"):
        save_beam(a_beam(granule), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def catalog(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of two granules."""
    release = "C3326974349-NSIDC_CPRD"
    good = [
        record
        for record in cloud.world.granules
        if record["meta"]["collection-concept-id"] == release
        and any("DIRECT" in link["Type"] for link in record["umm"]["RelatedUrls"])
    ]
    cloud.world = replace(cloud.world, granules=good[:2])
    return publish(tmp_path / "public")


def item_files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("ATL03_*.json"))
        if is_item(path.relative_to(folder).as_posix())
    ]


def run_index(folder: Path) -> Any:
    with ThreadPoolExecutor(2) as threads:
        return index_catalog(folder, executor=threads)


@pytest.mark.parametrize("place", ["../../../../outside/victim.txt", "{outside}/victim.txt"])
def test_indexing_removes_nothing_that_an_item_names(
    catalog: Path, outside: Outside, place: str
) -> None:
    names = [place.format(outside=outside.folder), "../../../catalog.json", "../../../notes.txt"]
    (catalog / "notes.txt").write_text("mine")
    for path in item_files(catalog):
        item = json.loads(path.read_bytes())
        keys = ("references", *(f"references_{beam}" for beam in BEAMS))
        for key, href in zip(keys, names, strict=False):
            item["assets"][key] = {"href": href, "file:size": 8}
        item["properties"]["icesat2:beams"] = {"gt1l": {"photons": 1}}
        path.write_text(json.dumps(item))
    before = outside.state()
    report = run_index(catalog)
    assert (len(report.indexed), report.failed) == (len(item_files(catalog)), ())
    assert outside.state() == before
    assert (catalog / "notes.txt").read_text() == "mine"
    assert verify(catalog).problems == ()


@pytest.mark.parametrize("place", ["../../outside", "ATL03_007/..", "/tmp"])
def test_indexing_writes_nothing_where_an_item_says_it_belongs(
    catalog: Path, outside: Outside, place: str
) -> None:
    for path in item_files(catalog):
        item = json.loads(path.read_bytes())
        path.write_text(json.dumps(item | {"collection": place}))
    before = outside.state()
    run_index(catalog)
    assert outside.state() == before
    sets = list(catalog.rglob("*.json.zst"))
    assert sets
    assert {one.relative_to(catalog).parts[:2] for one in sets} == {("ATL03_007", "references")}


@pytest.mark.parametrize("kind", ["link", "folder link", "dangling link", "pipe", "garbage"])
@pytest.mark.parametrize("name", ["references", "set", "item", "day", "new", "index"])
def test_indexing_follows_no_link(
    catalog: Path, outside: Outside, tmp_path: Path, name: str, kind: str
) -> None:
    path = item_files(catalog)[0]
    day = path.parent.relative_to(catalog / "ATL03_007")
    reference = catalog / "ATL03_007" / "references"
    places = {
        "references": reference,
        "set": reference / day / f"{path.stem}.json.zst",
        "item": path,
        "day": path.parent,
        "new": catalog / ".catalog-builder",
        "index": catalog / "items.parquet",
    }
    plant(places[name], kind, outside)
    before = outside.state()
    if (name, kind) == ("set", "garbage"):
        run_index(catalog)  # it is replaced
        assert verify(catalog).problems == ()
    elif (name, kind) == ("item", "garbage"):
        garbage = path.read_bytes()
        assert [failed.granule for failed in run_index(catalog).failed] == [path.stem]
        assert path.read_bytes() == garbage
        assert path.stem in ItemIndex.open(catalog).ids
    else:
        with pytest.raises(CatalogError):
            run_index(catalog)
        assert places[name].is_symlink() == ("link" in kind)
    assert outside.state() == before
    shutil.rmtree(tmp_path / "public")


@pytest.mark.parametrize("kind", ODD)
def test_a_picture_is_not_drawn_over_what_is_no_file(
    catalog: Path, outside: Outside, tmp_path: Path, kind: str
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "pictures" / "beam.png"
    plant(picture, kind, outside)
    before = outside.state()
    granule = ItemIndex.open(catalog).ids[0]
    arguments = ["plot", str(catalog), granule, "--out", str(picture)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert "beam.png" in result.output
    assert outside.state() == before
