"""No address that a stranger writes sends a login anywhere, or opens what it should not.

Every protocol that fsspec knows goes through every public door, on a machine that has a login in
netrc for all hosts and keys of AWS. Recording servers, which are not trusted, get no secret.
"""

from __future__ import annotations

import json
import os
import pickle
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import intake
import orjson
import pystac
import pytest
import xarray as xr
from click.testing import CliRunner
from sample_items import make_item
from scripted_server import UNTRUSTED_HOST, Answer, Asked, ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from web_folder import serve_folder

import catalog_builder
from catalog_builder.beams.storage.granule_file import open_granule_file
from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.compare.stac_api import StacApi
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS, add_references
from catalog_builder.catalog.stac.layout import INDEX, item_path
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.cli import main
from catalog_builder.errors import AddressError, CatalogBuilderError, ReferencesWarning
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog
from catalog_builder.opening.many_granules import open_beams
from catalog_builder.opening.one_granule import (
    describe,
    open_beam,
    open_granule,
    open_lazy,
)
from catalog_builder.opening.resolve import resolve
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.saving import save_granules

SECRET = "hunter2-secret"
KEY_ID = "AKIAHUNTER2SECRET"
GRANULE = make_item(0)["id"]


def known_protocols() -> list[str]:
    from fsspec.registry import known_implementations

    installed = {entry.name for entry in entry_points(group="fsspec.specs")}
    return sorted({*known_implementations, *installed} - {"file", "http", "https", "s3"})


PROTOCOLS = known_protocols()


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A host that is not trusted, asked on a machine that holds a login and keys for all."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".netrc").write_text(
        f"machine urs.earthdata.nasa.gov login me password {SECRET}\n"
        f"machine {UNTRUSTED_HOST} login me password {SECRET}\n"
        f"default login me password {SECRET}\n"
    )
    (home / ".netrc").chmod(0o600)
    (home / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
    )
    for name in ("NETRC", "EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(home))
    with ScriptedServer(lambda _: Answer(status=404), UNTRUSTED_HOST) as server:
        yield server
        for asked in server.asked:
            names = {name.lower() for name in asked.headers}
            assert not names & {"authorization", "cookie", "x-amz-security-token"}, asked
            assert not any(secret in repr(asked) for secret in (SECRET, KEY_ID)), asked


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("granule") / NAME, gt1l=SmallBeam())


def hostile(server: ScriptedServer) -> list[str]:
    """Addresses of every protocol, bare and in chains, that lead to the stranger."""
    place = server.url.removeprefix("http://")
    addresses = []
    for protocol in PROTOCOLS:
        bare = f"{protocol}://{place}/x"
        addresses += [bare, f"{protocol.upper()}://{place}/x", f"simplecache::{bare}"]
        addresses += [f"{protocol}::{server.url}/x", f"{server.url}/x::{bare}"]
    return [*addresses, "simplecache::/etc/passwd", f"filecache::{server.url}/x", "data:,x::y"]


def item_of(href: str, **assets: Any) -> dict[str, Any]:
    return {**make_item(0), "assets": {"data": {"href": href}, **assets}}


def refused(open_it: Callable[[], object]) -> str | None:
    """What is wrong with how an address was refused; None where nothing is."""
    try:
        found = open_it()
    except CatalogBuilderError as error:
        return None if SECRET not in str(error) else f"{error!r} tells a secret"
    except Exception as error:
        return repr(error)
    return f"opened: {found!r}"


def entry(href: str, **arguments: Any) -> Any:
    """A source of the entry of someone's YAML, for intake's ``open_catalog``."""
    return {"driver": "atl03_beam", "args": {"href": href, **arguments}}


DOORS: dict[str, Callable[[str, Path], object]] = {
    "open_beam": lambda x, _: open_beam(x, "gt1l"),
    "open_lazy": lambda x, _: open_lazy(x, "gt1l"),
    "open_granule": lambda x, _: open_granule(x),
    "describe": lambda x, _: describe(x),
    "open_beam, references": lambda x, path: open_beam(path, "gt1l", references=x),
    "open_beam, item": lambda x, _: open_beam(item_of(x), "gt1l"),
    "open_beam, pystac's": lambda x, _: open_beam(pystac.Item.from_dict(item_of(x)), "gt1l"),
    "open_beam, https": lambda x, _: open_beam(
        {**item_of("/nowhere.h5"), "assets": {"https": {"href": x}}}, "gt1l"
    ),
    "open_beams": lambda x, _: open_beams([item_of(x)], "gt1l"),
    "open_granule, item": lambda x, _: open_granule(item_of(x)),
    "download": lambda x, path: save_granules([item_of(x)], path.parent / "saved"),
    "open_index": lambda x, _: len(catalog_builder.open_index(x)),
    "find_item": lambda x, _: find_item(x, GRANULE),
    "verify": lambda x, _: verify(x),
    "BeamSource, href": lambda x, _: BeamSource(href=x).read(),
    "BeamSource, catalog": lambda x, _: BeamSource(catalog=x, granule=GRANULE).read(),
    "BeamSource, references": lambda x, path: BeamSource(href=str(path), references=x).read(),
    "GranuleCatalog": lambda x, _: len(GranuleCatalog(catalog=x)),
    "StacApi": lambda x, _: StacApi.open(x),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_protocol_passes_a_door(door: str, stranger: ScriptedServer, granule: Path) -> None:
    wrong = {x: refused(lambda x=x: DOORS[door](x, granule)) for x in hostile(stranger)}  # type: ignore[misc]
    assert {x: what for x, what in wrong.items() if what} == {}
    assert not stranger.asked


def pointing_to(address: str, granule: Path, *, older: bool) -> dict[str, Any]:
    """An item whose references lie at an address, in a file of all beams or of one."""
    item = item_of(str(granule), **{f"references{'_gt1l' * older}": {"href": address}})
    place = {"offset": 0, "length": 9, "crc32": 1}
    item["properties"][BEAM_FACTS] = {"gt1l": {"photons": 9, "references": place}}
    return item


def test_references_of_an_item_are_left_out_with_a_warning(
    stranger: ScriptedServer, granule: Path
) -> None:
    plain = open_beam(granule, "gt1l", ["h_ph"])
    for number, x in enumerate(hostile(stranger)):
        if x.startswith("data:"):
            continue  # relative: it leads nowhere
        item = pointing_to(x, granule, older=bool(number % 2))
        if number % 40:  # the photons are read the same way each time
            with pytest.warns(ReferencesWarning, match="chain|cannot be read"):
                assert resolve(item).beam_references("gt1l") is None
        else:
            with pytest.warns(ReferencesWarning, match="chain|cannot be read"):
                xr.testing.assert_identical(open_beam(item, "gt1l", ["h_ph"]), plain)
    assert not stranger.asked


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("chain", ["", "simplecache::"])
def test_the_password_of_netrc_stays_here(
    chain: str, older: bool, stranger: ScriptedServer, granule: Path
) -> None:
    """fsspec's webhdfs goes through requests, which reads netrc and sends it in clear."""
    address = f"{chain}webhdfs://{stranger.url.removeprefix('http://')}/x"
    item = pointing_to(address, granule, older=older)
    with pytest.warns(ReferencesWarning, match="webhdfs"):
        assert open_beam(item, "gt1l", ["h_ph"]).sizes["photon"]
    assert not stranger.asked


def test_a_public_file_is_read_without_a_login(stranger: ScriptedServer, granule: Path) -> None:
    x = f"{stranger.url}/x"
    skipped = {"StacApi", "open_beams"}
    for door in DOORS.keys() - skipped:
        assert refused(lambda door=door: DOORS[door](x, granule)) is None, door  # type: ignore[misc]
    schemas = StacSchemas(fetch=True)
    list(schemas.problems({**make_item(0), "stac_extensions": [x]}))
    assert schemas.skipped == {x}
    with pytest.raises(CatalogBuilderError):
        StacApi.open(x, sleep=lambda _: None)
    assert len(stranger.asked) > len(DOORS)


@pytest.mark.parametrize("hosted", [False, True], ids=["on disk", "hosted"])
def test_entries_of_a_yaml(
    hosted: bool, stranger: ScriptedServer, granule: Path, tmp_path: Path
) -> None:
    sources: dict[str, Any] = {}
    for number, x in enumerate(hostile(stranger)):
        sources[f"href{number}"] = entry(x)
        sources[f"references{number}"] = entry(str(granule), references=x)
        arguments = {"catalog": x, "granule": GRANULE}
        sources[f"catalog{number}"] = {"driver": "atl03_beam", "args": arguments}
        sources[f"near{number}"] = {"driver": "atl03_granules", "args": {"catalog": x}}
    (tmp_path / "catalog.yml").write_text(json.dumps({"sources": sources}))

    def open_it(cat: Any, name: str) -> object:
        return len(cat[name]) if name.startswith("near") else cat[name].read()

    with ScriptedServer(serve_folder(tmp_path)) as host:
        folder = host.url if hosted else str(tmp_path)
        cat = intake.open_catalog(f"{folder}/catalog.yml")
        wrong = {name: refused(lambda name=name: open_it(cat, name)) for name in sources}  # type: ignore[misc]
    assert {name: what for name, what in wrong.items() if what} == {}
    assert not stranger.asked


def test_a_stac_api_leads_to_the_web_only(stranger: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text('{"type": "FeatureCollection", "features": []}')
    leads: list[Any] = [*hostile(stranger), str(tmp_path / "page.json"), "page.json", 7]
    leads.append((tmp_path / "page.json").as_uri())
    lead: Any = None
    search: Any = None

    def answer(asked: Asked) -> Answer:
        if asked.path == "/":
            links = [{"rel": "search", "href": search or f"{api.url}/find"}]
            found: dict[str, Any] = {
                "type": "Catalog",
                "id": "x",
                "description": "x",
                "stac_version": "1.1.0",
                "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"],
                "links": links,
            }
        else:
            link = {"rel": "next", "href": lead}
            found = {"type": "FeatureCollection", "features": [{"id": "x"}], "links": [link]}
        return Answer(body=orjson.dumps(found))

    def read_all() -> object:
        with StacApi.open(api.url, sleep=lambda _: None) as opened:
            return list(opened.items("ATL03_007"))

    with ScriptedServer(answer) as api:
        wrong = {}
        for one in leads:
            lead, search = one, None
            wrong[f"next {one}"] = refused(read_all)
            if isinstance(one, str) and "://" in one:
                lead, search = None, one
                wrong[f"search {one}"] = refused(read_all)
    assert {name: what for name, what in wrong.items() if what} == {}
    assert not stranger.asked


def test_schemas_are_fetched_from_the_web_without_a_login(
    stranger: ScriptedServer, tmp_path: Path
) -> None:
    (tmp_path / "local.json").write_text('{"type": "string"}')
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": (tmp_path / "local.json").as_uri(),
    }
    with ScriptedServer(lambda _: Answer(body=orjson.dumps(schema)), UNTRUSTED_HOST) as host:
        names = [*hostile(stranger), str(tmp_path / "local.json"), f"{host.url}/schema.json"]
        schemas = StacSchemas(fetch=True)
        list(schemas.problems({**make_item(0), "stac_extensions": names}))
    assert schemas.skipped >= {*names[:-1], schema["$ref"]}
    assert [asked.path for asked in host.asked] == ["/schema.json"]
    assert not any("Authorization" in asked.headers for asked in host.asked)
    assert not stranger.asked


def test_schemas_that_lead_on_ask_nobody_unless_they_may(
    stranger: ScriptedServer, tmp_path: Path
) -> None:
    """pystac's own registry opens whatever a schema refers to."""
    address = "https://example.org/x.json"
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": address,
        "$ref": f"{stranger.url}/y.json",
    }
    (tmp_path / "x.json").write_text(json.dumps(schema))
    schemas = StacSchemas(tmp_path)
    list(schemas.problems({**make_item(0), "stac_extensions": [address]}))
    assert f"{stranger.url}/y.json" in schemas.skipped
    assert not stranger.asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_lead_to_the_web_only(
    stranger: ScriptedServer, granule: Path, status: int
) -> None:
    target = ""
    with ScriptedServer(
        lambda _: Answer(status=status, headers={"Location": target}), UNTRUSTED_HOST
    ) as host:
        for target in [*hostile(stranger)[::25], granule.as_uri(), "http://[::1", "//[", ""]:
            for door in ("open_beam", "open_index", "find_item", "open_beam, references"):
                what = refused(lambda door=door: DOORS[door](f"{host.url}/{NAME}", granule))  # type: ignore[misc]
                assert what is None, (target, door, what)
    assert not any("Authorization" in asked.headers for asked in host.asked)
    assert not stranger.asked


# --- what came from the network leads to the network


@pytest.fixture
def web(tmp_path: Path, granule: Path) -> Iterator[tuple[str, list[PublishedItem]]]:
    """A catalog on the web whose items name files of this machine, each in its way; its URL."""
    folder = tmp_path / "public"
    facts = {"strength": "weak", "spot": 2, "photons": 9, "track": [[10.0, 5.25], [9.5, 7.125]]}
    facts |= {"references": {"offset": 0, "length": 9, "crc32": 1}}
    hrefs = (str(granule), granule.as_uri(), f"file:{granule}", f"../../../../..{granule}", NAME)
    items = []
    for number, href in enumerate(hrefs):
        item = make_item(number)
        path = item_path("ATL03_007", GranuleName.parse(item["id"]))
        add_references(item, path, size=9, beams={"gt1l": facts}, orientation=1)
        item["assets"]["data"]["href"] = href
        item["assets"]["references"]["href"] = "file:///etc/passwd"
        del item["assets"]["https"]
        # What it says of itself does not count.
        item["links"].append({"rel": "self", "href": str(granule.with_suffix(".json"))})
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(orjson.dumps(item))
        items.append(item)
    write_index(items, folder / INDEX)
    catalog = {
        "sources": {
            "beam": {
                "driver": "atl03_beam",
                "args": {"catalog": "{{ CATALOG_DIR }}", "granule": "{{ granule }}"},
                "parameters": {"granule": {"type": "str", "default": "", "description": "id"}},
            },
            "granules": {"driver": "atl03_granules", "args": {"catalog": "{{ CATALOG_DIR }}"}},
            "near": {"driver": "atl03_granules", "args": {"catalog": str(folder)}},
            "path": entry(str(granule)),
            "uri": entry(granule.as_uri(), metadata={"catalog_dir": str(folder)}),
            "relative": entry(granule.name),
            "references": entry("s3://bucket/x.h5", references=granule.as_uri()),
        }
    }
    (folder / "catalog.yml").write_text(json.dumps(catalog))
    with ScriptedServer(serve_folder(folder), UNTRUSTED_HOST) as server:
        yield server.url, [PublishedItem(item, f"{server.url}/x.json") for item in items]


OPENED: dict[str, Callable[[str, str], object]] = {
    "index, item": lambda url, i: open_beam(catalog_builder.open_index(url).item(i), "gt1l"),
    "index, dictionary": lambda url, i: [
        open_granule(one)
        for one in catalog_builder.open_index(url).dictionaries()
        if one["id"] == i
    ],
    "index, open_beams": lambda url, i: open_beams(
        catalog_builder.open_index(url).search(ids=[i]).dictionaries(), "gt1l"
    ),
    "find_item": lambda url, i: describe(find_item(url, i)),
    "BeamSource": lambda url, i: BeamSource(catalog=url, granule=i).read(),
    "cat.beam": lambda url, i: intake.open_catalog(f"{url}/catalog.yml").beam(granule=i).read(),
    "cat.granules": lambda url, i: intake.open_catalog(f"{url}/catalog.yml").granules[i].to_dask(),
    "to_dask": lambda url, _: GranuleCatalog(catalog=url).to_dask(),
}


@pytest.mark.parametrize("door", OPENED)
def test_an_item_from_the_web_opens_no_local_file(
    door: str,
    web: tuple[str, list[PublishedItem]],
    stranger: ScriptedServer,
    granule: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(granule.parent)  # where a relative address would be found
    url, items = web
    for item in items:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReferencesWarning)
            assert refused(lambda item=item: OPENED[door](url, item["id"])) is None  # type: ignore[misc]
    assert not stranger.asked


def test_its_links_lead_to_its_host(web: tuple[str, list[PublishedItem]], granule: Path) -> None:
    url, items = web
    assert resolve(items[0]).links.https == f"{url}{granule}"
    for item in items[1:3]:
        with pytest.raises(AddressError, match=r"x\.json names a file of this machine, /"):
            resolve(item)
    assert resolve(items[3]).links.https == f"{url}{granule}"
    assert resolve(items[4]).links.https == f"{url}/{NAME}"
    carried = pickle.loads(pickle.dumps(items[4]))
    assert carried == items[4]
    assert resolve(carried).links == resolve(items[4]).links
    with pytest.warns(ReferencesWarning, match="names a file of this machine, /etc/passwd"):
        assert resolve(items[0]).beam_references("gt1l") is None


@pytest.mark.parametrize("name", ["near", "path", "uri", "relative", "references"])
def test_a_yaml_from_the_web_opens_no_local_file(
    name: str,
    web: tuple[str, list[PublishedItem]],
    granule: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(granule.parent)
    cat = intake.open_catalog(f"{web[0]}/catalog.yml")

    def open_it() -> object:
        source = pickle.loads(pickle.dumps(cat[name]))
        return len(source) if name == "near" else source.read()

    assert refused(open_it) is None
    if name != "near":
        assert refused(lambda: cat[name](beam="gt1l").read()) is None


def test_the_command_line_opens_none_either(
    web: tuple[str, list[PublishedItem]], tmp_path: Path
) -> None:
    url, items = web
    for verb in (["info", url], ["download", url, "--to", str(tmp_path / "saved")]):
        answer = CliRunner().invoke(main, [verb[0], url, items[1]["id"], *verb[2:]])
        assert answer.exit_code != 0
        assert "names a file of this machine" in answer.output
    assert not list(tmp_path.glob("saved/*.h5"))


# --- a catalog on disk


def test_an_item_on_disk_may_name_files_of_this_machine(granule: Path, tmp_path: Path) -> None:
    """Relative or absolute: who reads it could open them himself."""
    beside = granule.with_name("item.json")
    for href in (f"./{NAME}", str(granule), granule.as_uri()):
        assert resolve(PublishedItem(item_of(href), str(beside))).links.local == str(granule)
        item = pystac.Item.from_dict(item_of(href))
        item.set_self_href(str(beside))
        assert open_beam(item, "gt1l", ["h_ph"]).sizes["photon"]


def test_a_catalog_on_disk_opens_nothing_but_files_inside_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    folder = tmp_path / "public"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    address = CatalogLocation.parse(folder)
    for name in ("../secret", str(tmp_path / "secret"), "a/../../secret", "pipe"):
        assert refused(lambda name=name: address.read(name)) is None  # type: ignore[misc]
        assert refused(lambda name=name: address.size(name)) is None  # type: ignore[misc]


def test_verify_follows_no_link_out_of_the_catalog(
    stranger: ScriptedServer, tmp_path: Path
) -> None:
    places = [*hostile(stranger), "../secret.json", str(tmp_path / "secret.json"), stranger.url]
    (tmp_path / "secret.json").write_text(json.dumps({"type": SECRET}))
    folder = tmp_path / "public"
    folder.mkdir()
    links = [{"rel": rel, "href": place} for place in places for rel in ("child", "item")]
    root = {
        "type": "Catalog",
        "id": "x",
        "description": "x",
        "stac_version": "1.1.0",
        "links": links,
    }
    (folder / "catalog.json").write_text(json.dumps(root))
    with ScriptedServer(serve_folder(folder)) as host:
        for address in (str(folder), host.url):
            report = verify(address)
            assert not report.ok
            assert report.pages == 1
            assert SECRET not in repr(report)
            assert all(asked.path.startswith("/") for asked in host.asked)
    assert not stranger.asked


# --- options that decide where keys go


def test_a_yaml_does_not_say_where_keys_go(stranger: ScriptedServer, tmp_path: Path) -> None:
    options: list[Any] = [
        {"endpoint_url": stranger.url},
        {"client_kwargs": {"endpoint_url": stranger.url}},
        {"anon": False, "client_kwargs": {"endpoint_url": stranger.url}},
        {"client_kwargs": {"trust_env": True}},
        {"profile": "default"},
    ]
    sources = {
        f"{kind}{number}": {
            "driver": f"atl03_{kind}",
            "args": {"catalog": catalog, "storage_options": each, **more},
        }
        for number, (each, catalog) in enumerate(
            (each, catalog) for each in options for catalog in ("s3://bucket/ice", stranger.url)
        )
        for kind, more in (("beam", {"granule": GRANULE}), ("granules", {}))
    }
    (tmp_path / "catalog.yml").write_text(json.dumps({"sources": sources}))
    cat = intake.open_catalog(str(tmp_path / "catalog.yml"))
    for name in sources:
        with pytest.raises(AddressError, match="storage_options in the entry"):
            cat[name].discover()
    assert not stranger.asked


def test_options_go_to_no_other_host(stranger: ScriptedServer, tmp_path: Path) -> None:
    """intake hands on what ``open_catalog`` was given, wherever an entry leads."""
    elsewhere = f"{stranger.url}/{{{{ CATALOG_DIR[:0] }}}}"
    sources = {
        "beam": {
            "driver": "atl03_beam",
            "args": {"catalog": elsewhere, "granule": GRANULE},
        },
        "granules": {"driver": "atl03_granules", "args": {"catalog": elsewhere}},
    }
    (tmp_path / "catalog.yml").write_text(json.dumps({"sources": sources}))
    with ScriptedServer(serve_folder(tmp_path)) as host:
        options = {"headers": {"X-Key": SECRET}}
        cat = intake.open_catalog(f"{host.url}/catalog.yml", storage_options=options)
        for name in sources:
            with pytest.raises(AddressError, match="go to no other host") as caught:
                cat[name].discover()
            assert SECRET not in str(caught.value)
    assert not stranger.asked


# --- where a login goes


@pytest.mark.parametrize(
    "endpoint", ["http://urs.earthdata.nasa.gov:80", "https://urs.earthdata.nasa.gov:80"]
)
def test_a_login_goes_to_the_port_of_https(endpoint: str, stranger: ScriptedServer) -> None:
    item = item_of("s3://bucket/key.h5", https={"href": "https://h/x"}) | {
        "properties": make_item(0)["properties"]
    }
    item["properties"]["auth:schemes"] = {"keys": {"credentials_endpoint": f"{endpoint}/keys"}}
    item["assets"]["data"]["auth:refs"] = ["keys"]
    with pytest.raises(CatalogBuilderError, match="nothing was sent"):
        open_granule_file(resolve(item).links, "s3")


@pytest.mark.parametrize("verb", ["verify", "find", "info", "compare"])
def test_no_protocol_passes_the_command_line(
    verb: str, stranger: ScriptedServer, tmp_path: Path
) -> None:
    definition = tmp_path / "definition.toml"
    definition.write_text(
        'title = "x"\nshort_name = "ATL03"\nversion = "007"\nprovider = "NSIDC_CPRD"\n'
    )
    for x in hostile(stranger)[::10]:
        arguments = {
            "find": [x, "--bbox", "0,0,1,1"],
            "info": [x, GRANULE],
            "compare": [str(definition), "--stac", x],
        }
        answer = CliRunner().invoke(main, [verb, *arguments.get(verb, [x])])
        assert answer.exit_code != 0, answer.output
        assert isinstance(answer.exception, SystemExit | CatalogBuilderError), x
        assert "Traceback" not in answer.output
    assert not stranger.asked
