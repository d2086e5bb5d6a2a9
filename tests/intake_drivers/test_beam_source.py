"""A beam as an intake source, from a published catalog and from an address."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import intake
import numpy as np
import pytest
import xarray as xr
from published_catalog import publish
from scripted_server import UNTRUSTED_HOST, Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.auth import s3_credentials
from catalog_builder.beams.storage import s3
from catalog_builder.catalog.stac.layout import item_path
from catalog_builder.errors import (
    AccessError,
    EarthdataError,
    ItemNotFoundError,
    ProductError,
    UntrustedHostError,
    WindowError,
)
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.objects import Objects
from tests.beams.bits import require_same
from tests.intake_drivers.served_files import EVERYWHERE, file_of, stored


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


def test_where_the_item_is_missing_the_index_is_searched(
    cat: intake.Catalog, published: Path, granule: str
) -> None:
    (item,) = published.rglob(f"{granule}.json")
    item.unlink()
    assert cat.beam(granule=granule, variables=["h_ph"]).read().attrs["granule"] == granule


@pytest.mark.parametrize(
    "key", ["{{ 7 * 7 }}", "../secret", "ATL03_20181014031924_02370102_007_01.h5"]
)
def test_a_beam_of_what_is_no_id(cat: intake.Catalog, hosted: ScriptedServer, key: str) -> None:
    source = BeamSource(catalog=hosted.url, granule=key)
    with pytest.raises(ProductError, match=r"name|id of a granule"):
        source.read()


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


@pytest.fixture
def with_references(cloud: EarthdataStandin, tmp_path: Path) -> tuple[Path, str]:
    """A catalog, and a granule whose references it has."""
    folder = publish(tmp_path / "catalog")
    with ThreadPoolExecutor(1) as executor:
        index_catalog(folder, executor=executor, limit=1)
    (file,) = folder.rglob("*.json.zst")
    return folder, GranuleName.parse(file.name).id


def test_a_beam_by_the_references_of_the_catalog(
    cloud: EarthdataStandin, with_references: tuple[Path, str]
) -> None:
    folder, granule = with_references
    with ScriptedServer(serve_folder(folder)) as server:
        cat = intake.open_catalog(f"{server.url}/catalog.yml")
        source = cat.beam(granule=granule, beam="gt2l", variables=["h_ph", "geophys_corr/geoid"])
        server.asked.clear()
        cloud.requests.clear()
        lazy = source.to_dask()
        assert source.discover()["shape"] == dict(lazy.sizes)
        assert [Path(one.path).suffix for one in server.asked] == [".json", ".zst"]
        assert not cloud.requests
        found = source.read()
        assert len(server.asked) == 2
        plain = source(references=False).read()
    require_same(found, plain)
    require_same(lazy.compute(), plain)


def test_keys_are_got_while_references_are_waited_for(
    cloud: EarthdataStandin, with_references: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, granule = with_references
    files = serve_folder(folder)

    def only_after_the_keys(asked: Asked) -> Answer:
        ends = time.monotonic() + 20.0
        while asked.path.endswith(".zst") and not keys_were_asked_for():
            if time.monotonic() > ends:
                return Answer(status=404)  # a warning then, which is an error here
            time.sleep(0.01)
        return files(asked)

    def keys_were_asked_for() -> bool:
        return any("s3credentials" in one.path for one in list(cloud.requests))

    with ScriptedServer(only_after_the_keys) as server:
        source = intake.open_catalog(f"{server.url}/catalog.yml").beam(
            granule=granule, beam="gt2l"
        )
        monkeypatch.setattr(s3_credentials, "_providers", {})
        monkeypatch.setattr(s3, "_stores", {})
        cloud.requests.clear()
        assert source.read().sizes["photon"] > 0


def test_a_first_beam_imports_what_it_needs(
    cloud: EarthdataStandin, with_references: tuple[Path, str]
) -> None:
    folder, granule = with_references
    code = f"""
import sys, numpy, xarray, h5py, intake
cat = intake.open_catalog({str(folder / "catalog.yml")!r})
before = set(sys.modules)
beam = cat.beam(granule={granule!r}, beam="gt2l", variables=["h_ph", "geophys_corr/geoid"])
assert beam.read().sizes["photon"] > 0
print(*(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    imported = set(done.stdout.split())
    assert "catalog_builder.opening.resolve" in imported
    assert not imported & {"dask", "shapely", "geopandas", "pystac", "s3fs", "aiobotocore"}
    assert not [one for one in imported if one.startswith("catalog_builder.catalog.footprint")]
    assert "catalog_builder.catalog.stac.item" not in imported
    for module in ("siblings.photon_classes", "beams.columns.lazy_columns", "photons"):
        assert f"catalog_builder.{module}" not in imported
