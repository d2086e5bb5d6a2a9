"""A granule opened by an item, an address or a path, with references and without."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pystac
import pytest
import xarray as xr
from older_references import older_set
from scripted_server import ScriptedServer
from small_granule import NAME, SmallBeam, write_usual_granule
from web_folder import serve_folder

from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.errors import (
    BeamNotFoundError,
    CatalogNotFoundError,
    EmptyBeamError,
    ReferencesError,
    ReferencesWarning,
)
from catalog_builder.opening.one_granule import (
    describe,
    open_beam,
    open_granule,
    open_lazy,
)
from catalog_builder.opening.resolve import resolve
from catalog_builder.products.atl03 import BEAMS, Beam
from tests.beams.bits import require_same


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    """``gt1l`` over ±180, ``gt1r`` empty, ``gt2l`` long, ``gt3r`` partly in no segment."""
    long = SmallBeam(counts=[30, 0, 25] * 40, start=(10.0, 0.0), step=(1e-4, 6e-4))
    path = write_usual_granule(tmp_path_factory.mktemp("granule"), gt2l=long)
    return GranuleLinks(local=str(path))


@pytest.fixture(scope="module")
def references(granule: GranuleLinks) -> dict[Beam, BeamReferences]:
    return scan(granule).beams


def test_everything_opens_by_path(granule: GranuleLinks) -> None:
    path = str(granule.local)
    beam = open_beam(path, "gt1l", ["h_ph"], access="local")
    assert beam.attrs["source"] == path
    xr.testing.assert_identical(open_lazy(path, "gt1l", ["h_ph"]).compute(), beam)
    xr.testing.assert_identical(open_granule(path, variables=["h_ph"])["gt1l"].to_dataset(), beam)
    assert describe(path).beams[0].photons == beam.sizes["photon"]


@pytest.fixture(params=[False, True], ids=["one file", "layout 1"])
def older(request: pytest.FixtureRequest) -> bool:
    """Whether each beam has a reference file of its own."""
    return bool(request.param)


@pytest.fixture
def published(references: dict[Beam, BeamReferences], tmp_path: Path, older: bool) -> Path:
    """A folder of references."""
    (tmp_path / "sets").mkdir()
    publish_references(tmp_path, references, older)
    return tmp_path


def publish_references(
    folder: Path, references: dict[Beam, BeamReferences], older: bool
) -> dict[str, Any]:
    """Write the files of a folder; returns what an item says of the beams."""
    file = write_references(references)
    if older:
        for beam, known in references.items():
            (folder / "sets" / f"{beam}.json.zst").write_bytes(older_set(known))
    else:
        (folder / "sets" / "all.json.zst").write_bytes(file.body)
    return {
        beam: {
            "photons": known.positions.photons,
            **({} if older else {"references": file.frames[beam].to_dict()}),
        }
        for beam, known in references.items()
    }


@pytest.fixture
def item(
    granule: GranuleLinks, references: dict[Beam, BeamReferences], published: Path, older: bool
) -> dict[str, Any]:
    facts = publish_references(published, references, older)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": NAME.removesuffix(".h5"),
        "geometry": None,
        "properties": {"datetime": "2019-04-01T12:00:00Z", BEAM_FACTS: facts},
        "links": [{"rel": "self", "href": f"{published}/items/item.json"}],
        "assets": {
            "data": {"href": Path(str(granule.local)).as_uri()},
            **{
                f"references_{file.name[:4]}" if older else "references": {
                    "href": f"../sets/{file.name}"
                }
                for file in sorted((published / "sets").iterdir())
            },
        },
    }


@pytest.fixture
def hosted(
    granule: GranuleLinks, published: Path, item: dict[str, Any]
) -> Iterator[ScriptedServer]:
    """A web server with the item's reference sets and its granule."""
    shutil.copy(str(granule.local), published / NAME)
    with ScriptedServer(serve_folder(published)) as server:
        item["links"][0]["href"] = f"{server.url}/items/item.json"
        item["assets"]["data"]["href"] = f"../{NAME}"
        yield server


def test_an_items_references_are_read_once(
    item: dict[str, Any], hosted: ScriptedServer, older: bool
) -> None:
    lazy = open_lazy(item, "gt2l", ["h_ph"])
    (request,) = hosted.asked
    path = f"/sets/{'gt2l' if older else 'all'}.json.zst"
    assert (request.method, request.path) == ("GET", path)
    assert ("Range" in request.headers) is not older
    expected = open_beam(f"{hosted.url}/{NAME}", "gt2l", ["h_ph"])
    require_same(lazy.compute(), expected)
    require_same(open_beam(pystac.Item.from_dict(item), "gt2l", ["h_ph"]), expected)
    # Read once. A file of layout 1 is then checked for a newer version: this host names none.
    assert [one.path for one in hosted.asked].count(path) == (2 if older else 1)
    require_same(open_beam(item, "gt2l", ["h_ph"], references=False), expected)


def test_references_that_the_caller_names(
    granule: GranuleLinks, references: dict[Beam, BeamReferences], published: Path, older: bool
) -> None:
    assert granule.local is not None
    path = published / "sets" / ("gt1l.json.zst" if older else "all.json.zst")
    expected = open_beam(granule.local, "gt1l")
    for known in (path, str(path), path.as_uri(), references["gt1l"], False, None):
        require_same(open_beam(granule.local, "gt1l", references=known), expected)
    with pytest.raises(CatalogNotFoundError, match="nowhere"):
        open_beam(granule.local, "gt1l", references=published / "nowhere")
    (published / "text").write_text("<html>")
    with pytest.raises(ReferencesError):
        open_beam(granule.local, "gt1l", references=published / "text")


@pytest.mark.parametrize("how", ["gone", "text", "another beam's", "nowhere"])
def test_an_items_references_that_are_none(
    granule: GranuleLinks, item: dict[str, Any], published: Path, how: str, older: bool
) -> None:
    facts = item["properties"][BEAM_FACTS]
    file = published / "sets" / ("gt1l.json.zst" if older else "all.json.zst")
    if how == "gone":
        file.unlink()
    elif how == "text":
        file.write_text("<html>")
    elif how == "nowhere":
        if older:
            item["assets"]["references_gt1l"]["href"] = "../sets/nowhere"
        else:
            facts["gt1l"]["references"] = {"offset": -1}
    elif not older:
        facts["gt1l"]["references"] = facts["gt2l"]["references"]
    else:
        file.write_bytes((published / "sets" / "gt2l.json.zst").read_bytes())
    with pytest.warns(ReferencesWarning) as warned:
        found = open_beam(item, "gt1l")
    assert len(warned) == 1
    assert warned[0].filename == __file__
    require_same(found, open_beam(str(granule.local), "gt1l"))
    with pytest.warns(ReferencesWarning) as warned:
        tree = open_granule(item)
    assert len(warned) == 1
    assert list(tree.children) == ["gt1l", "gt2l", "gt3r"]


@pytest.mark.parametrize("older", [False], indirect=True, ids=["one file"])
def test_all_beams_in_one_request(item: dict[str, Any], hosted: ScriptedServer) -> None:
    expected = open_granule(f"{hosted.url}/{NAME}")
    hosted.asked.clear()
    lazy = open_granule(item, chunks="auto")
    assert [one.path for one in hosted.asked] == ["/sets/all.json.zst"]
    for beam in expected.children:
        require_same(lazy[beam].to_dataset().compute(), expected[beam].to_dataset())


def test_beams_without_references(item: dict[str, Any]) -> None:
    with pytest.raises(EmptyBeamError, match="photons are in: gt1l, gt2l, gt3r"):
        open_beam(item, "gt1r")
    with pytest.raises(BeamNotFoundError, match="it has gt1l, gt1r, gt2l, gt3r"):
        open_beam(item, "gt3l")


def test_no_h5py_on_the_way(item: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "item.pickle").write_bytes(pickle.dumps(item))
    code = (
        "import pickle, sys; from catalog_builder.opening.one_granule import open_beam, open_lazy;"
        "item = pickle.load(open(sys.argv[1], 'rb'));"
        "open_beam(item, 'gt2l').h_ph.sum(); open_lazy(item, 'gt2l').h_ph.sum().compute();"
        "print(*sorted({'h5py', 's3fs', 'kerchunk', 'zarr'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "item.pickle")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == []


def test_a_tree_by_the_references_of_an_item(
    item: dict[str, Any], granule: GranuleLinks, older: bool
) -> None:
    item["properties"][BEAM_FACTS]["gt1r"] = {"photons": 0}
    expected = open_granule(str(granule.local))
    found = resolve(item).granule_references()
    assert found is not None
    assert (list(found.beams), found.empty) == (["gt1l", "gt2l", "gt3r"], ("gt1r",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog_builder.beams.granule_tree.open_hdf5", fail)
        xr.testing.assert_identical(open_granule(item), expected)
    xr.testing.assert_identical(open_granule(item, references=False), expected)
    some = resolve(item).granule_references(["gt3r", BEAMS[4]])
    assert some is not None
    assert list(some.beams) == ["gt3r"]
    if older:
        del item["assets"]["references_gt3r"]  # then h5py reads all of them
    else:
        del item["properties"][BEAM_FACTS]["gt3r"]["references"]
    assert resolve(item).granule_references() is None
    xr.testing.assert_identical(open_granule(item), expected)


def test_stale_references_of_a_tree_warn_at_the_users_line(
    item: dict[str, Any], references: dict[Beam, BeamReferences], published: Path, older: bool
) -> None:
    stale = {beam: replace(known, size=known.size - 1) for beam, known in references.items()}
    item["properties"][BEAM_FACTS] = publish_references(published, stale, older)
    with pytest.warns(ReferencesWarning) as warned:
        open_granule(item)
    assert [warning.filename for warning in warned] == [__file__]


def fail(*_: Any) -> None:
    pytest.fail("h5py is not needed")


def test_a_beam_on_disk_imports_nothing_for_the_network(
    granule: GranuleLinks, references: dict[Beam, BeamReferences], tmp_path: Path
) -> None:
    (tmp_path / "references").write_bytes(write_references(references).body)
    code = f"""
import sys, numpy, xarray, h5py, intake
before = set(sys.modules)
from catalog_builder import open_beam
beam = open_beam({granule.local!r}, "gt2l", references={str(tmp_path / "references")!r})
assert beam.sizes["photon"] > 0
print(*(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    imported = set(done.stdout.split())
    assert "catalog_builder.opening.resolve" in imported
    assert not imported & {"requests", "urllib3", "http.cookies", "obstore", "dask", "shapely"}
