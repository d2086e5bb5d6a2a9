"""Granules as an intake catalog: searched, looked up by id, and written to YAML."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import h5py
import intake
import numpy as np
import pytest
import shapely
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import BeamNotFoundError, ItemNotFoundError, WindowError
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog
from earthdata_standin import EarthdataStandin
from tests.intake_drivers.served_files import EVERYWHERE, file_of, stored


def test_search_read_and_chain(
    cloud: EarthdataStandin, cat: intake.Catalog, published: Path
) -> None:
    index = ItemIndex.open(published)
    near = cat.granules.search(bbox=[-180, -90, 180, 0], datetime="2018/..", rgt=None, cycle=None)
    assert isinstance(near, GranuleCatalog)
    assert list(near) == index.search(bbox=(-180, -90, 180, 0)).ids
    assert 0 < len(near) < len(index)
    src = near[next(iter(near))]
    beam = src(beam="gt2r", variables=["h_ph"]).read()
    np.testing.assert_array_equal(
        beam.h_ph, stored(cloud, beam.attrs["granule"], "gt2r/heights/h_ph")
    )
    region = int(index.to_table()["icesat2:region"][0].as_py())
    both = near.search(region=region).search(limit=2)
    assert list(both) == index.search(bbox=(-180, -90, 180, 0), region=region, limit=2).ids
    assert len(cat.granules.search(rgt=1387, cycle=99)) == 0


def test_search_by_polygon_orbit_state_and_revision(
    cat: intake.Catalog, published: Path, tmp_path: Path
) -> None:
    index = ItemIndex.open(published)
    south = shapely.box(-180, -90, 180, 0)
    near = cat.granules.search(intersects=south, precise=True)
    assert list(near) == index.search(intersects=south).ids == index.search(bbox=south.bounds).ids
    down = near.search(orbit_state="descending", revision=1)
    assert list(down) == index.search(intersects=south, orbit_state="descending", revision=1).ids
    assert 0 < len(down) < len(near) < len(index)
    assert "intersects=Polygon, precise=True, orbit_state='descending', revision=1" in repr(
        near.search(orbit_state="descending", revision=1)
    ).replace("}", "")
    assert list(pickle.loads(pickle.dumps(down))) == list(down)
    down.save(str(tmp_path / "down.yml"))
    again = intake.open_catalog(str(tmp_path / "down.yml"))
    assert list(again[next(iter(again))]) == list(down)


def test_one_of_a_selection_needs_no_list_of_it(
    cat: intake.Catalog, hosted: ScriptedServer, published: Path
) -> None:
    ids = ItemIndex.open(published).search(datetime="2018/..").ids
    selection = cat.granules.search(datetime="2018/..")
    assert selection[ids[0]].granule == ids[0]
    assert "ATL03_20181014031924_02370102_007_99" not in selection
    assert selection._ipython_key_completions_() == []
    hosted.asked.clear()
    assert ids[-1] in selection
    assert ids[-1] in cat.granules.search(limit=len(ids))


def test_a_selection_is_a_mapping_of_its_own(cat: intake.Catalog, published: Path) -> None:
    ids = ItemIndex.open(published).ids
    first = cat.granules.search(limit=1)
    (found,) = first
    other = next(name for name in ids if name != found)
    assert found in first
    assert other not in first
    assert other in cat.granules
    with pytest.raises(KeyError, match=other):
        first[other]
    assert getattr(first, found).granule == found
    assert cat["granules", found].granule == found
    assert cat[f"granules.{found}"].granule == found
    assert [name for name, _ in first.items()] == [found]


@pytest.mark.parametrize(
    "key", ["ATL03_nosuch", "ATL03_2018", "atl03_x", "ATL03_20181014031924_02370102_007_99"]
)
def test_a_granule_that_is_not_there_is_told_with_those_near(
    cat: intake.Catalog, published: Path, key: str
) -> None:
    ids = ItemIndex.open(published).ids
    for granules in (cat.granules, cat.granules.search(ids=ids[:3])):
        with pytest.raises(KeyError, match=r"Near it are ATL03_\d{14}") as caught:
            granules[key]
        assert key in str(caught.value)
        assert any(name in str(caught.value) for name in granules)
        assert key not in granules


@pytest.mark.parametrize("key", ["{{ 7 * 7 }}", "", "../secret", "item", "shape"])
def test_what_is_no_id_is_refused_unread(
    cat: intake.Catalog, hosted: ScriptedServer, key: str
) -> None:
    granules = cat.granules
    hosted.asked.clear()
    with pytest.raises(KeyError):
        granules[key]
    assert key not in granules
    assert not hasattr(granules, "not_there")
    assert not hosted.asked


def test_a_granule_that_is_not_there(cat: intake.Catalog) -> None:
    missing = "ATL03_20181014031924_02370102_007_99"
    with pytest.raises(ItemNotFoundError, match=missing):
        cat.beam(granule=missing).read()
    assert missing not in cat.granules


@pytest.mark.parametrize("page", [b"<html>Not here</html>", b'{"error": "not here"}'])
def test_a_host_that_answers_what_is_not_there_with_a_page(published: Path, page: bytes) -> None:
    there = ItemIndex.open(published).ids[0]
    folder = serve_folder(published)

    def answer(asked: Asked) -> Answer:
        found = folder(asked)
        return Answer(body=page) if found.status == 404 else found

    with ScriptedServer(answer) as host:
        granules = GranuleCatalog(host.url)
        assert "ATL03_20181014031924_02370102_007_99" not in granules
        assert there in granules


def test_opening_a_catalog_reads_nothing_else(
    cloud: EarthdataStandin, cat: intake.Catalog, hosted: ScriptedServer, granule: str
) -> None:
    hosted.asked.clear()
    cloud.requests.clear()
    granules, source = cat.granules, cat.beam(granule=granule)
    near = granules.search(bbox=EVERYWHERE)
    for thing in (granules, near, source, cat.beam):
        assert repr(thing)
        assert "<table>" in thing._repr_html_()
        assert not callable(thing._ipython_display_)
        assert dir(thing)
        pickle.dumps(thing)
    assert near._ipython_key_completions_() == []
    assert granules.walk() == {}
    assert set(cat.walk(depth=3)) == {"beam", "granules", "photons"}
    assert granules.ttl is None
    assert not hosted.asked
    assert not cloud.requests


def test_ids_complete_once_they_are_listed(cat: intake.Catalog) -> None:
    near = cat.granules.search(limit=3)
    assert near._ipython_key_completions_() == []
    ids = list(near)
    assert near._ipython_key_completions_() == ids
    with pytest.raises(NotImplementedError, match="search"):
        near.filter(bool)


def test_a_missing_beam_lists_those_there(cloud: EarthdataStandin, cat: intake.Catalog) -> None:
    granule = cloud.world.odd["missing beam"]
    with h5py.File(file_of(cloud, granule)) as file:
        there = [name for name in file if name.startswith("gt")]
    missing = ({f"gt{n}{side}" for n in (1, 2, 3) for side in "lr"} - set(there)).pop()
    with pytest.raises(BeamNotFoundError, match=there[0]):
        cat.granules[granule](beam=missing).read()


def test_a_selection_survives_yaml(cat: intake.Catalog, tmp_path: Path) -> None:
    near = cat.granules.search(bbox=EVERYWHERE, datetime="2018/..").search(limit=3)
    near.save(str(tmp_path / "near.yml"))
    again = intake.open_catalog(str(tmp_path / "near.yml"))
    assert list(again[next(iter(again))]) == list(near)


def test_a_url_with_its_space_encoded(
    hosted: ScriptedServer, published: Path, granule: str
) -> None:
    cat = intake.open_catalog(f"{hosted.url}/{quote(published.name)}/catalog.yml")
    assert cat.granules[granule](variables=["h_ph"]).read().sizes["photon"] > 0
    assert granule in list(cat.granules)


def test_a_local_catalog(published: Path, granule: str) -> None:
    cat = intake.open_catalog(published / "catalog.yml")
    assert granule in list(cat.granules)
    assert cat.beam(granule=granule, variables=["h_ph"]).read().sizes["photon"] > 0


def test_the_drivers_load_nothing_heavy() -> None:
    heavy = "{'xarray', 's3fs', 'h5py', 'pyarrow', 'dask', 'obstore', 'pystac'}"
    code = (
        "import sys, intake, catalog_builder.intake_drivers.granule_catalog as d;"
        "d.GranuleCatalog(catalog='http://127.0.0.1:9/x').search(rgt=1);"
        "repr(d.BeamSource(href='x'));"
        f"print(*sorted({heavy} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == []


def test_intake_finds_the_drivers() -> None:
    from intake.source import registry

    assert registry["atl03_beam"] is BeamSource
    assert registry["atl03_granules"] is GranuleCatalog


def test_lists_areas_and_an_order(cat: intake.Catalog) -> None:
    granules = cat.granules
    index = granules.index
    tracks = [item.properties["sat:relative_orbit"] for item in index][:2]
    found = granules.search(rgt=tracks, sortby="datetime")
    assert sorted(found) == sorted(index.search(rgt=tracks).ids)
    assert found.index.ids == sorted(found.index.ids, key=lambda one: one[6:20])
    box = [-135.2, 58.3, -133.3, 59.0]
    assert list(granules.search(area=box)) == list(granules.search(bbox=box))
    assert list(granules.search(rgt=str(tracks))) == list(granules.search(rgt=tracks))


def test_wrong_conditions(cat: intake.Catalog) -> None:
    with pytest.raises(TypeError, match="positional"):
        cat.granules.search("ice")
    with pytest.raises(TypeError, match="integer"):
        cat.granules.search(rgt="5")
    with pytest.raises(WindowError, match="9999"):
        cat.granules.search(rgt=9999)
    with pytest.raises(WindowError, match="Point is no polygon"):
        cat.granules.search(intersects={"type": "Point", "coordinates": [1, 2]})
    with pytest.raises(WindowError, match="'up'"):
        cat.granules.search(orbit_state="up")
    with pytest.raises(ValueError, match="catalog"):
        GranuleCatalog()
