"""The published catalog opened with intake, as a notebook would."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import h5py
import intake
import numpy as np
import pytest
import shapely
import xarray as xr
from published_catalog import publish
from scripted_server import UNTRUSTED_HOST, Answer, ScriptedServer
from web_folder import serve_folder

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.layout import item_path
from catalog_builder.errors import (
    AccessError,
    BeamNotFoundError,
    EarthdataError,
    ItemNotFoundError,
    NotATL03Error,
    UntrustedHostError,
    WindowError,
)
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.objects import Objects

EVERYWHERE = (-180, -90, 180, 90)


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of the stand-in's granules, in a folder with a space in its name."""
    return publish(tmp_path / "our catalog")


@pytest.fixture
def hosted(published: Path) -> Iterator[ScriptedServer]:
    """The catalog's folder behind a plain web server; a space is in its URL's path."""
    with ScriptedServer(serve_folder(published.parent)) as server:
        yield server


@pytest.fixture
def cat(hosted: ScriptedServer, published: Path) -> intake.Catalog:
    return intake.open_catalog(f"{hosted.url}/{published.name}/catalog.yml")


@pytest.fixture
def granule(cloud: EarthdataStandin, published: Path) -> str:
    """One with all beams."""
    return next(
        one for one in ItemIndex.open(published).ids if one not in cloud.world.odd.values()
    )


def stored(cloud: EarthdataStandin, granule: str, dataset: str) -> np.ndarray:
    """An array as h5py reads it from the file that the stand-in serves."""
    with h5py.File(file_of(cloud, granule)) as file:
        return file[dataset][...]


def file_of(cloud: EarthdataStandin, granule: str) -> Path:
    (key,) = (key for key in cloud.world.objects if key.endswith(f"{granule}.h5"))
    path = cloud.world.objects.get(key)
    assert isinstance(path, Path)
    return path


def test_a_beam_by_its_granules_id(
    cloud: EarthdataStandin, cat: intake.Catalog, granule: str
) -> None:
    source = cat.beam(granule=granule, beam="gt2l", variables=["h_ph"], bbox=None, datetime=None)
    beam = source.read()
    assert isinstance(beam, xr.Dataset)
    assert set(beam.data_vars) == {"h_ph"}
    np.testing.assert_array_equal(beam.h_ph, stored(cloud, granule, "gt2l/heights/h_ph"))
    assert (beam.attrs["granule"], beam.attrs["beam"]) == (granule, "gt2l")
    assert {request.service for request in cloud.requests} >= {"data", "s3"}


def test_one_request_finds_a_granule(
    cat: intake.Catalog, hosted: ScriptedServer, granule: str
) -> None:
    hosted.asked.clear()
    cat.beam(granule=granule, variables=["h_ph"]).read()
    (asked,) = hosted.asked
    assert asked.path.endswith(f"/{granule}.json")


def test_where_the_item_is_missing_the_index_is_asked(
    cat: intake.Catalog, published: Path, granule: str
) -> None:
    (item,) = published.rglob(f"{granule}.json")
    item.unlink()
    assert cat.beam(granule=granule, variables=["h_ph"]).read().attrs["granule"] == granule


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


@pytest.mark.parametrize("key", ["{{ 7 * 7 }}", "", "../secret", "ATL03_2018", "item", "shape"])
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


@pytest.mark.parametrize(
    "key", ["{{ 7 * 7 }}", "../secret", "ATL03_20181014031924_02370102_007_01.h5"]
)
def test_a_beam_of_what_is_no_id(cat: intake.Catalog, hosted: ScriptedServer, key: str) -> None:
    source = BeamSource(catalog=hosted.url, granule=key)
    with pytest.raises(NotATL03Error, match=r"ATL03"):
        source.read()


def test_a_granule_that_is_not_there(cat: intake.Catalog) -> None:
    missing = "ATL03_20181014031924_02370102_007_99"
    with pytest.raises(ItemNotFoundError, match=missing):
        cat.beam(granule=missing).read()
    assert missing not in cat.granules


def test_nothing_is_read_before_it_is_asked_for(
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
    assert set(cat.walk(depth=3)) == {"beam", "granules"}
    assert granules.ttl is None
    assert not hosted.asked
    assert not cloud.requests


def test_representations_say_what_was_asked(granule: str) -> None:
    source = BeamSource(href=f"/data/<b>{granule}.h5", beam="gt3r", bbox="1,2,3,4")
    assert "gt3r" in repr(source)
    assert "(1.0, 2.0, 3.0, 4.0)" in repr(source)
    assert "&lt;b&gt;" in source._repr_html_()
    near = GranuleCatalog(catalog="/cat").search(bbox=[1, 2, 3, 4]).search(bbox=[2, 3, 4, 5])
    for box in ("[1.0, 2.0, 3.0, 4.0]", "[2.0, 3.0, 4.0, 5.0]"):
        assert box in repr(near)
        assert box in near._repr_html_()
    assert "search" in dir(near)


def test_ids_complete_once_they_are_listed(cat: intake.Catalog) -> None:
    near = cat.granules.search(limit=3)
    assert near._ipython_key_completions_() == []
    ids = list(near)
    assert near._ipython_key_completions_() == ids
    with pytest.raises(NotImplementedError, match="search"):
        near.filter(bool)


def test_lazily_in_chunks(cat: intake.Catalog, granule: str) -> None:
    source = cat.beam(granule=granule, beam="gt1l", variables=["h_ph", "signal_conf_ph"])
    lazy = source.to_dask()
    assert lazy.h_ph.chunks is not None
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), source.read())
    parts = list(source.read_chunked())
    assert len(parts) == source.npartitions
    xr.testing.assert_identical(xr.concat(parts, "photon"), source.read())
    with pytest.raises(IndexError):
        source.read_partition(source.npartitions)


def test_discover_reads_no_photon(cat: intake.Catalog, granule: str) -> None:
    source = cat.beam(granule=granule, variables=["h_ph", "signal_conf_ph"])
    found = source.discover()
    beam = source.read()
    assert found["shape"] == dict(beam.sizes)
    assert found["dtype"]["h_ph"] == beam.h_ph.dtype
    assert found["dtype"]["delta_time"] == np.dtype("datetime64[ns]")
    assert found["metadata"]["granule"] == granule
    assert found["npartitions"] == 1
    cut = source(bbox=EVERYWHERE)
    assert cut.discover()["shape"]["photon"] is None
    assert cut.npartitions == 1
    (part,) = cut.read_chunked()
    xr.testing.assert_identical(part, cut.read())


def test_arguments_change_and_are_taken_back(cat: intake.Catalog, granule: str) -> None:
    source = cat.beam(granule=granule, beam="gt2l", bbox=[1, 2, 3, 4], variables=("h_ph",))
    assert (source.bbox, source.variables) == ((1, 2, 3, 4), ["h_ph"])
    other = source(beam="gt3r", bbox=None, datetime="2019-01/..")
    assert (other.granule, other.beam, other.bbox) == (granule, "gt3r", None)
    assert other.datetime == "2019-01/.."
    assert other.variables == ["h_ph"]
    plain = BeamSource(href="/data/x.h5", bbox=[1, 2, 3, 4])(bbox=None, beam="gt3l")
    assert (plain.href, plain.beam, plain.bbox) == ("/data/x.h5", "gt3l", None)


def test_wrong_arguments_say_so(cat: intake.Catalog, granule: str) -> None:
    with pytest.raises(ValueError, match="gt9"):
        cat.beam(granule=granule, beam="gt9")
    with pytest.raises(WindowError, match="four numbers"):
        cat.beam(granule=granule, bbox=[1, 2, 3])
    with pytest.raises(WindowError, match="yesterday"):
        cat.beam(granule=granule, datetime="yesterday")
    with pytest.raises(TypeError, match="beem"):
        cat.beam(granule=granule, beem="gt1l")
    with pytest.raises(ValueError, match="No granule is named"):
        cat.beam.read()
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


def test_a_missing_beam_lists_those_there(cloud: EarthdataStandin, cat: intake.Catalog) -> None:
    granule = cloud.world.odd["missing beam"]
    with h5py.File(file_of(cloud, granule)) as file:
        there = [name for name in file if name.startswith("gt")]
    missing = ({f"gt{n}{side}" for n in (1, 2, 3) for side in "lr"} - set(there)).pop()
    with pytest.raises(BeamNotFoundError, match=there[0]):
        cat.granules[granule](beam=missing).read()


def test_sources_and_selections_pickle(cat: intake.Catalog, granule: str) -> None:
    source = cat.beam(granule=granule, beam="gt2l", variables=["h_ph"])
    again = pickle.loads(pickle.dumps(source))
    xr.testing.assert_identical(again.read(), source.read())
    near = cat.granules.search(bbox=EVERYWHERE).search(limit=2)
    assert list(pickle.loads(pickle.dumps(near))) == list(near)


def test_no_secret_is_pickled(cloud: EarthdataStandin, cat: intake.Catalog, granule: str) -> None:
    source = cat.beam(granule=granule, variables=["h_ph"])
    lazy = source.to_dask()
    for thing in (source, source.to_dask(), lazy):
        assert cloud.token.encode() not in pickle.dumps(thing)


def test_worker_processes_log_in_themselves(
    cloud: EarthdataStandin, cat: intake.Catalog, granule: str
) -> None:
    from distributed import Client, LocalCluster

    source = cat.beam(granule=granule, variables=["h_ph"])
    expected = source.read()
    lazy = source.to_dask()
    logins = len([r for r in cloud.requests if r.path == "/s3credentials" and r.status == 200])
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        xr.testing.assert_identical(client.compute(lazy).result(timeout=60), expected)
        heights = client.submit(lambda made: made.read().h_ph.values, source).result(timeout=60)
    np.testing.assert_array_equal(heights, expected.h_ph)
    after = len([r for r in cloud.requests if r.path == "/s3credentials" and r.status == 200])
    assert after > logins


def test_a_selection_survives_yaml(cat: intake.Catalog, tmp_path: Path) -> None:
    near = cat.granules.search(bbox=EVERYWHERE, datetime="2018/..").search(limit=3)
    near.save(str(tmp_path / "near.yml"))
    again = intake.open_catalog(str(tmp_path / "near.yml"))
    assert list(again[next(iter(again))]) == list(near)


def test_yaml_holds_no_keys(granule: str) -> None:
    options = {"key": "a-key", "secret": "a-secret"}
    near = GranuleCatalog(catalog="s3://ice", storage_options=options).search(rgt=5)
    beam = BeamSource(catalog="s3://ice", granule=granule, storage_options=options)
    for text in (near.serialize(), beam.yaml(), repr(near), repr(beam)):
        assert "s3://ice" in text
        assert "a-secret" not in text


def test_a_users_own_yaml(cloud: EarthdataStandin, granule: str, tmp_path: Path) -> None:
    (key,) = (key for key in cloud.world.objects if key.endswith(f"{granule}.h5"))
    (tmp_path / "mine.yml").write_text(
        f"""
metadata: {{version: 1}}
sources:
  local:
    driver: atl03_beam
    args: {{href: "{file_of(cloud, granule)}", beam: gt2l, variables: [h_ph]}}
  https:
    driver: atl03_beam
    args: {{href: "{cloud.data_url}/{key}", beam: gt2l, variables: [h_ph]}}
"""
    )
    mine = intake.open_catalog(str(tmp_path / "mine.yml"))
    local, https = mine.local.read(), mine.https.read()
    assert local.attrs.pop("source") != https.attrs.pop("source")
    xr.testing.assert_identical(local, https)
    np.testing.assert_array_equal(local.h_ph, stored(cloud, granule, "gt2l/heights/h_ph"))


def test_the_real_granule(
    real_data: Path, cloud: EarthdataStandin, cat: intake.Catalog, published: Path, granule: str
) -> None:
    (file,) = real_data.glob("ATL03_*_subset.h5")
    real = GranuleName.parse(file.name)
    (item,) = published.rglob(f"{granule}.json")
    path = published / item_path(f"ATL03_{real.release}", real)
    path.parent.mkdir(parents=True)
    item = json.loads(item.read_text().replace(granule, real.id))
    for key in ("file:size", "file:checksum"):
        item["assets"]["data"].pop(key, None)
    path.write_text(json.dumps(item))
    key = item["assets"]["data"]["href"].removeprefix("s3://")
    cloud.world = World(collections=(), granules=(), objects=Objects({key: file}, {}))

    beam = cat.beam(granule=real.id, beam="gt1l", access="s3").read()
    local = BeamSource(href=file, beam="gt1l").read()
    xr.testing.assert_equal(beam, local)
    assert beam.attrs["strength"] == "weak"
    with h5py.File(file) as h5:
        for name in ("h_ph", "lat_ph", "lon_ph", "dist_ph_along", "signal_conf_ph"):
            stored = h5[f"gt1l/heights/{name}"][...]
            assert beam[name].dtype == stored.dtype
            assert beam[name].values.tobytes() == stored.tobytes()
        group = h5["gt1l/geolocation"]
        for segment in (0, 7, 39):
            first, count = group["ph_index_beg"][segment] - 1, group["segment_ph_cnt"][segment]
            photon = first + count // 2
            along = h5["gt1l/heights/dist_ph_along"][photon]
            assert beam.x_atc[photon] == group["segment_dist_x"][segment] + along


def test_a_url_with_its_space_encoded(
    hosted: ScriptedServer, published: Path, granule: str
) -> None:
    cat = intake.open_catalog(f"{hosted.url}/{quote(published.name)}/catalog.yml")
    assert cat.granules[granule](variables=["h_ph"]).read().sizes["photon"] > 0
    assert granule in list(cat.granules)


def test_a_notebook_sees_no_warning(published: Path, granule: str) -> None:
    code = (
        "import intake, sys; cat = intake.open_catalog(sys.argv[1]);"
        "beam = cat.beam(granule=sys.argv[2], beam='gt1l', variables=['h_ph'], bbox=None);"
        "print(beam.read().sizes['photon'] > 0, len(cat.granules) > 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(published / "catalog.yml"), granule],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["True", "True"]
    assert answer.stderr == ""


def test_a_local_catalog(published: Path, granule: str) -> None:
    cat = intake.open_catalog(published / "catalog.yml")
    assert granule in list(cat.granules)
    assert cat.beam(granule=granule, variables=["h_ph"]).read().sizes["photon"] > 0


def test_storage_options_are_for_the_catalogs_files_alone(
    cloud: EarthdataStandin, published: Path, granule: str
) -> None:
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        options = {
            "key": "catalog-key",
            "secret": "catalog-secret",
            "endpoint_url": f"http://{host}:{port}",
        }
        files = S3FileSystem(**options)
        files.mkdir("our-catalogs")
        files.put(f"{published}/", "our-catalogs/ice/", recursive=True)
        cat = intake.open_catalog("s3://our-catalogs/ice/catalog.yml", storage_options=options)
        assert granule in list(cat.granules)
        beam = cat.beam(granule=granule, variables=["h_ph"]).read()
        np.testing.assert_array_equal(beam.h_ph, stored(cloud, granule, "gt1l/heights/h_ph"))
        with pytest.raises(ItemNotFoundError):
            cat.beam(granule="ATL03_20181014031924_02370102_007_99").read()
    finally:
        moto.stop()


@pytest.mark.parametrize("status", [401, 404])
def test_no_login_leaves_for_an_untrusted_host(
    cloud: EarthdataStandin, published: Path, granule: str, tmp_path: Path, status: int
) -> None:
    (path,) = published.rglob(f"{granule}.json")
    text = path.read_text()
    assert cloud.data_url in text
    with ScriptedServer(lambda _: Answer(status=status), host=UNTRUSTED_HOST) as stranger:
        path.write_text(text.replace(cloud.data_url, stranger.url))
        cat = intake.open_catalog(str(published / "catalog.yml"))
        for access in ("s3", "auto"):
            with pytest.raises(UntrustedHostError, match=r"127\.0\.0\.2"):
                cat.beam(granule=granule, access=access).read()
        assert not stranger.asked
        # A file may be public: it is asked for, but with no login.
        with pytest.raises((AccessError, EarthdataError), match=r"127\.0\.0\.2"):
            cat.beam(granule=granule, access="https").read()
        href = f"{stranger.url}/a/{granule}.h5"
        (tmp_path / "bad.yml").write_text(
            f"sources: {{x: {{driver: atl03_beam, args: {{href: '{href}'}}}}}}"
        )
        with pytest.raises((AccessError, EarthdataError), match=r"127\.0\.0\.2"):
            intake.open_catalog(str(tmp_path / "bad.yml")).x.read()
    assert stranger.asked
    assert not [asked for asked in stranger.asked if "Authorization" in asked.headers]
    assert cloud.token not in str(stranger.asked)


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
