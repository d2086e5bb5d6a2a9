"""What an index was opened with goes with its items: to its own host, and nowhere else."""

from __future__ import annotations

import base64
import copy
import json
import logging
import multiprocessing
import pickle
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import h5py
import intake
import pytest
import xarray as xr
from published_catalog import publish
from sample_items import make_item
from scripted_server import UNTRUSTED_HOST, Answer, Asked, Script, ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from web_folder import serve_folder

from catalog_builder import (
    open_beam,
    open_beams,
    open_granule,
    open_index,
    open_photons,
    open_references,
    plan_photons,
    write_photons,
)
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import (
    AccessError,
    CatalogError,
    CatalogNotFoundError,
    ReferencesWarning,
)
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.one_granule import open_lazy
from catalog_builder.opening.resolve import resolve
from catalog_builder.saving import save_beams, save_granules
from earthdata_standin import EarthdataStandin

SECRET = "secret-of-the-catalog"
BASIC = base64.b64encode(f"me:{SECRET}".encode()).decode()


def by_query(asked: Asked) -> bool:
    return f"sig={SECRET}" in asked.path


def by_header(asked: Asked) -> bool:
    return asked.headers.get("X-Key") == SECRET


def by_login(asked: Asked) -> bool:
    return asked.headers.get("Authorization") == f"Basic {BASIC}"


Known = Callable[[Asked], bool]
Guard = tuple[Known, Callable[[str], ItemIndex]]

GUARDS: dict[str, Guard] = {
    "query": (by_query, lambda url: open_index(f"{url}?sv=1&sig={SECRET}")),
    "header": (
        by_header,
        lambda url: open_index(url, storage_options={"headers": {"X-Key": SECRET}}),
    ),
    "login": (by_login, lambda url: open_index(url, storage_options={"auth": ("me", SECRET)})),
    "login in the URL": (
        by_login,
        lambda url: open_index(url.replace("://", f"://me:{SECRET}@")),
    ),
}


@pytest.fixture(scope="module")
def folder(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of which two granules have references."""
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        folder = publish(tmp_path_factory.mktemp("published") / "catalog")
        with ThreadPoolExecutor(2) as executor:
            index_catalog(folder, executor=executor, limit=2)
    return folder


@pytest.fixture(autouse=True)
def same_links(cloud: EarthdataStandin, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Granules are read by S3, whose addresses are the same in every stand-in."""
    from catalog_builder.opening import resolve

    monkeypatch.setattr(resolve, "NSIDC_CREDENTIALS", cloud.credentials_endpoint)


def guarded(folder: Path, is_known: Known) -> Script:
    """Serves a folder to those who bring the secret."""
    plain = serve_folder(folder)

    def answer(asked: Asked) -> Answer:
        if not is_known(asked):
            return Answer(status=403)
        return plain(replace(asked, path=asked.path.partition("?")[0]))

    return answer


@contextmanager
def served(folder: Path, guard: str) -> Iterator[tuple[ScriptedServer, ItemIndex]]:
    is_known, opened = GUARDS[guard]
    with ScriptedServer(guarded(folder, is_known)) as server:
        yield server, opened(server.url)


def of_this_cloud(index: ItemIndex, cloud: EarthdataStandin) -> Iterator[Any]:
    """The items that have photons, with the credentials endpoint of this stand-in."""
    for item in index.dictionaries():
        for scheme in item["properties"]["auth:schemes"].values():
            if "credentials_endpoint" in scheme:
                scheme["credentials_endpoint"] = cloud.credentials_endpoint
        if item["properties"].get("icesat2:beams", {}).get("gt1l", {}).get("photons"):
            yield item


def pystac_items(index: ItemIndex, cloud: EarthdataStandin) -> Iterator[Any]:
    for item in of_this_cloud(index, cloud):
        made = index.item(item["id"])
        made.properties["auth:schemes"] = item["properties"]["auth:schemes"]
        yield made


DOORS: dict[str, Callable[[Any], Any]] = {
    "open_beam": lambda item: open_beam(item, "gt1l", ["h_ph"], access="s3"),
    "open_beams": lambda item: open_beams([item], "gt1l", ["h_ph"], access="s3").compute(),
    "open_granule": lambda item: open_granule(item, ["gt1l"], ["h_ph"], access="s3"),
    "open_references": open_references,
    "open_photons": lambda item: open_photons([item], (-180, -90, 180, 90), access="s3"),
}


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("door", DOORS)
def test_items_are_read_with_their_references(
    cloud: EarthdataStandin, folder: Path, guard: str, door: str
) -> None:
    """Warnings are errors: none says that references cannot be read."""
    with served(folder, guard) as (server, index):
        items = [next(of_this_cloud(index, cloud)), next(pystac_items(index, cloud))]
        server.asked.clear()
        for item in items:
            DOORS[door](item)
            DOORS[door](copy.deepcopy(item))
        assert server.asked
        assert all(GUARDS[guard][0](asked) for asked in server.asked)
    assert cloud.requests or door == "open_references"
    assert SECRET not in repr(cloud.requests)


def test_photons_of_an_address_do_not_tell_its_query(folder: Path) -> None:
    with ScriptedServer(guarded(folder, by_query)) as server:
        nowhere = (-10.0, 0.0, -9.99, 0.01)
        found = open_photons(f"{server.url}?sig={SECRET}", nowhere, release="007", beams=["gt1l"])
    assert found.attrs["catalog"] == server.url
    assert SECRET not in repr(found.attrs)


def test_a_copy_knows_its_catalog_and_its_dictionary_does_not(
    cloud: EarthdataStandin, folder: Path
) -> None:
    with served(folder, "header") as (_, index):
        item = next(pystac_items(index, cloud))
        with pytest.raises(CatalogError, match="HTTP 403"):
            open_references(item.to_dict())
        open_references(item.clone())


@pytest.mark.parametrize("guard", GUARDS)
def test_what_is_stored_or_shown_has_no_secret(
    cloud: EarthdataStandin,
    folder: Path,
    guard: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("", "asyncio", "catalog_builder", "fsspec", "requests", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=name)
    with served(folder, guard) as (server, index):
        found = index.search(region=int(next(iter(index.ids))[27:29]))
        item, plain = next(pystac_items(index, cloud)), next(of_this_cloud(index, cloud))
        tree = open_beams([plain], "gt1l", ["h_ph"], access="s3")
        things = [index, found, item, plain, tree, tree[plain["id"]].h_ph]
        # No place to look at is left out: pickles by value, too, and what dask would send.
        written = b"".join(map(pickle.dumps, things)) + b"".join(map(cloudpickle.dumps, things))
        written += repr([*things, vars(item), index._source.location]).encode()
        written += str(
            [dict(plain), tree.attrs, dict(tree[plain["id"]].h_ph.__dask_graph__())]
        ).encode()
        with pytest.raises(CatalogNotFoundError) as caught:
            index._source.location.read("nothing.json")
        written += "".join(traceback.format_exception(caught.value)).encode()
        written += json.dumps(item.to_dict()).encode()
    assert server.asked
    with pytest.raises(CatalogError) as caught:
        len(open_index(server.url + f"?sig={SECRET}"))
    written += "".join(traceback.format_exception(caught.value)).encode()
    for hidden in (SECRET, BASIC):
        assert hidden.encode() not in written
        assert hidden not in caplog.text
    assert "urllib3" in caplog.text


@pytest.mark.parametrize("guard", ["query", "header"])
def test_another_process_is_told_how_to_open_it(
    cloud: EarthdataStandin, folder: Path, guard: str
) -> None:
    with served(folder, guard) as (_, index):
        item = pickle.loads(pickle.dumps(next(of_this_cloud(index, cloud))))
        with pytest.warns(ReferencesWarning, match=r"not pickled.*open_index\(url"):
            open_beam(item, "gt1l", ["h_ph"], access="s3")
        again = pickle.loads(pickle.dumps(index))
        with pytest.raises(CatalogError, match=r"not pickled.*open_index\(url"):
            len(again)
        with pytest.raises(CatalogError, match="not pickled"):
            len(pickle.loads(pickle.dumps(again)))
        anonymous = open_index("s3://lab/cat", storage_options={"anon": True})
        assert not pickle.loads(pickle.dumps(anonymous))._source.location.is_incomplete


def test_a_process_that_is_started_with_an_index_reads_it(folder: Path) -> None:
    """Its arguments go through the pipe to that process alone."""
    with served(folder, "query") as (_, index):
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=send_length, args=(index, there))
        process.start()
        assert here.poll(120)
        assert here.recv() == len(index)
        process.join()


def send_length(index: ItemIndex, there: Any) -> None:
    there.send(len(index))


@pytest.mark.parametrize("guard", ["query", "header", "login"])
def test_another_host_gets_nothing_of_it(
    cloud: EarthdataStandin, folder: Path, guard: str
) -> None:
    """Neither by a redirect nor by an address that an item has."""
    with ScriptedServer(serve_folder(folder), UNTRUSTED_HOST) as other:
        is_known, opened = GUARDS[guard]
        plain = guarded(folder, is_known)

        def answer(asked: Asked) -> Answer:
            path = asked.path.partition("?")[0]
            if "references" in path:
                return Answer(status=302, headers={"Location": other.url + path})
            return plain(asked)

        with ScriptedServer(answer) as server:
            index = opened(server.url)
            item = next(of_this_cloud(index, cloud))
            open_references(item)
            assert other.asked
            name = item["assets"]["references"]["href"].rpartition("/")[2]
            path = next(folder.rglob(name)).relative_to(folder).as_posix()
            item["assets"]["references"]["href"] = f"{other.url}/{path}"
            open_references(item)
            # A folder beside the catalog's, on its host, is another one's too.
            item["assets"]["references"]["href"] = f"{server.url}.example.org/{path}"
            with pytest.raises(CatalogError):
                open_references(item)
    assert not any(is_known(asked) for asked in other.asked)
    assert SECRET not in repr(other.asked)
    assert BASIC not in repr(other.asked)


@pytest.mark.parametrize("guard", ["query", "header"])
def test_intake_reads_it_and_stores_no_secret(
    cloud: EarthdataStandin, folder: Path, guard: str
) -> None:
    is_known, _ = GUARDS[guard]
    query = f"?sig={SECRET}" if guard == "query" else ""
    options = {} if query else {"storage_options": {"headers": {"X-Key": SECRET}}}
    with ScriptedServer(guarded(folder, is_known)) as server:
        from catalog_builder.intake_drivers.beam_source import BeamSource
        from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog

        granules = GranuleCatalog(server.url + query, **options)
        name = next(of_this_cloud(granules.index, cloud))["id"]
        source = BeamSource(server.url + query, name, "gt1l", **options)
        for thing in (granules, source, granules[name], granules.search(limit=2)):
            for written in (pickle.dumps(thing), repr(thing).encode(), thing.yaml().encode()):
                assert SECRET.encode() not in written
        assert len(granules.search(limit=2)) == 2
        assert source.load_item()["id"] == name
        with pytest.raises(CatalogError, match="not pickled"):
            pickle.loads(pickle.dumps(source)).load_item()
        with pytest.raises(CatalogError, match="not pickled"):
            len(pickle.loads(pickle.dumps(granules)))
        if query:
            opened = intake.open_yaml_file_cat(f"{server.url}/catalog.yml{query}")
            assert SECRET.encode() not in pickle.dumps(opened.beam(granule=name))


@pytest.mark.parametrize("how", ["item", "address"])
def test_the_query_of_an_item_or_an_address_is_in_no_pickle(how: str, tmp_path: Path) -> None:
    """An item that was read from a signed URL, and what lies beside it."""
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    item = {**make_item(0), "assets": {"data": {"href": f"./{NAME}"}}}
    served = serve_folder(tmp_path)

    def answer(asked: Asked) -> Answer:
        if not by_query(asked):
            return Answer(status=403)
        return served(replace(asked, path=asked.path.partition("?")[0]))

    with ScriptedServer(answer) as server:
        address = f"{server.url}/{NAME}?sig={SECRET}"
        if how == "item":
            links = [{"rel": "self", "href": f"{server.url}/item.json?sig={SECRET}"}]
            found = resolve({**item, "links": links})
        else:
            found = resolve(address)
        assert found.links.https == f"{server.url}/{NAME}"
        lazy = open_lazy(found, "gt1l", ["h_ph"])
        for shown in (repr(found), repr(lazy), str(lazy.attrs)):
            assert SECRET not in shown
        for pickled in (found.links, lazy):
            assert SECRET.encode() not in cloudpickle.dumps(pickled)
        assert SECRET not in repr(found.links)
        with pytest.raises(AccessError, match="Open it in this process"):
            cloudpickle.loads(cloudpickle.dumps(lazy)).compute(scheduler="synchronous")
        xr.testing.assert_equal(lazy.compute().h_ph, open_beam(path, "gt1l", ["h_ph"]).h_ph)


@pytest.mark.filterwarnings("ignore::catalog_builder.errors.ReferencesWarning")
@pytest.mark.parametrize("name", ["sig", "X-Amz-Signature", "key"])
def test_no_file_that_is_saved_tells_the_query_of_an_address(tmp_path: Path, name: str) -> None:
    """Photons of every kind of file, from a plan and from a Dataset, beams and whole granules."""
    (tmp_path / "host").mkdir()
    write_granule(tmp_path / "host" / NAME, gt1l=SmallBeam())
    served = serve_folder(tmp_path / "host")

    def answer(asked: Asked) -> Answer:
        path, _, query = asked.path.partition("?")
        return served(replace(asked, path=path)) if SECRET in query else Answer(status=403)

    with ScriptedServer(answer) as server:
        address = f"{server.url}/{NAME}?{name}={SECRET}"
        plan = plan_photons([address], (-180, -90, 180, 90), variables=["h_ph"])
        found = open_photons([address], (-180, -90, 180, 90), variables=["h_ph"])
        saved = tmp_path / "saved"
        saved.mkdir()
        for suffix in (".parquet", ".nc", ".csv", ".zarr"):
            for source, photons in (("plan", plan), ("dataset", found)):
                write_photons(photons, saved / f"{source}{suffix}")
        save_beams([address], saved / "beams", variables=["h_ph"])
        save_granules([address], saved / "granules")
        with pytest.raises(AccessError, match="into no task of lazy photons"):
            open_photons([address], (-180, -90, 180, 90), chunks="auto")
    paths = [path for path in saved.rglob("*") if path.is_file()]
    assert len(paths) > 10
    for path in paths:
        assert SECRET not in str(path)
        assert SECRET.encode() not in path.read_bytes()
    for stored in saved.rglob("*.nc"):
        with h5py.File(stored) as file:  # whatever HDF5 made of it
            assert SECRET not in repr(dict(file.attrs))
    texts = [*(found[one].values.tolist() for one in found.variables if found[one].dtype == "O")]
    for shown in (repr(plan), repr(found), found._repr_html_(), repr(found.attrs), repr(texts)):
        assert SECRET not in shown
