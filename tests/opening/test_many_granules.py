from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import intake
import pytest
import xarray as xr
from published_catalog import publish
from scripted_server import ScriptedServer
from web_folder import serve_folder

from catalog_builder import open_beam, open_beams, open_granule, open_index
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.errors import BeamNotFoundError
from catalog_builder.indexing.index_catalog import index_catalog
from earthdata_standin import EarthdataStandin

INDEXED = 3


@pytest.fixture
def folder(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of which some granules have references."""
    folder = publish(tmp_path / "catalog")
    with ThreadPoolExecutor(2) as executor:
        index_catalog(folder, executor=executor, limit=INDEXED)
    return folder


@pytest.fixture
def hosted(folder: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(serve_folder(folder)) as server:
        yield server


def test_a_beam_of_each_granule_found(
    cloud: EarthdataStandin, folder: Path, hosted: ScriptedServer
) -> None:
    near = intake.open_catalog(f"{hosted.url}/catalog.yml").granules.search(cycle=1)
    items = {item.id: item for item in open_index(folder).search(cycle=1)}
    tree = near.to_dask(beam="gt2l", variables=["h_ph", "geophys_corr/geoid"])
    assert {*tree.children} | {*tree.attrs["left_out"].split()} >= {*items}
    assert list(tree.children) == [name for name in near if name in tree.children]
    for granule, node in tree.children.items():
        assert node.to_dataset().h_ph.chunks is not None
        expected = open_beam(
            items[granule], "gt2l", ["h_ph", "geophys_corr/geoid"], references=False
        )
        xr.testing.assert_identical(node.to_dataset().compute(), expected)
    assert len(tree.children) > 2


def test_nothing_is_read_of_granules_that_have_references(
    cloud: EarthdataStandin, folder: Path, hosted: ScriptedServer
) -> None:
    index = open_index(hosted.url)
    known = [item for item in index if BEAM_FACTS in item.properties]
    assert len(known) == INDEXED
    with_photons = [one for one in known if one.properties[BEAM_FACTS]["gt1l"]["photons"]]
    cloud.requests.clear()
    hosted.asked.clear()
    tree = open_beams(known, "gt1l")
    assert not cloud.requests
    assert len(hosted.asked) == len(with_photons) == len(tree.children)
    node = tree[with_photons[0].id].to_dataset()
    carried = pickle.loads(pickle.dumps(node))
    xr.testing.assert_identical(carried.compute(), open_beam(with_photons[0], "gt1l"))


def test_granules_without_the_beam(folder: Path) -> None:
    item = next(one for one in open_index(folder) if BEAM_FACTS in one.properties)
    facts = item.properties[BEAM_FACTS]
    facts["gt1l"] = {"photons": 0}
    facts.pop("gt3r", None)
    for beam, reason in (("gt1l", "holds no photon"), ("gt3r", "lacks the beam")):
        tree = open_beams([item], beam)
        assert (tree.attrs["left_out"], list(tree.children)) == (f"{item.id} {reason}", [])


def test_a_window_of_each(folder: Path) -> None:
    index = open_index(folder)
    item = next(
        one for one in index if "track" in one.properties.get(BEAM_FACTS, {}).get("gt2r", {})
    )
    (lon, lat), *_ = item.properties[BEAM_FACTS]["gt2r"]["track"]
    box = [max(lon - 1, -180), lat - 0.05, min(lon + 1, 180), lat + 0.05]
    tree = open_beams(index.search(bbox=box), "gt2r", ["h_ph"], bbox=box)
    node = tree[item.id].to_dataset()
    assert 0 < node.sizes["photon"] < open_beam(item, "gt2r").sizes["photon"]
    xr.testing.assert_identical(node.compute(), open_beam(item, "gt2r", ["h_ph"], bbox=box))


def test_a_mission_is_not_opened_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog_builder.intake_drivers.granule_catalog.MOST_OPENED", 2)
    with pytest.raises(ValueError, match="at most 2 are opened at once: search"):
        intake.open_catalog(str(folder / "catalog.yml")).granules.to_dask()


@pytest.mark.parametrize("beam", ["gt4x", "", "GT", ["gt1l", "gt2r"], None, 1])
def test_what_is_no_beam_is_an_error_by_every_door(folder: Path, beam: object) -> None:
    items = list(open_index(folder))[: INDEXED + 1]
    wrong: str = beam  # type: ignore[assignment]
    with pytest.raises(BeamNotFoundError, match="beams are gt1l, gt1r"):
        open_beams(items, wrong)
    with pytest.raises(BeamNotFoundError, match="beams are gt1l, gt1r"):
        open_beams([], wrong)
    for item in (items[0], items[-1]):
        with pytest.raises(BeamNotFoundError, match="beams are gt1l, gt1r"):
            open_beam(item, wrong)
        with pytest.raises(BeamNotFoundError, match="beams are gt1l, gt1r"):
            open_granule(item, ["gt1l", wrong])


def test_a_beam_is_named_in_any_case(folder: Path) -> None:
    items = list(open_index(folder))[: INDEXED + 1]
    tree, expected = open_beams(items, "GT2R"), open_beams(items, "gt2r")
    assert tree.children
    xr.testing.assert_identical(tree, expected)
    item = next(item for item in items if item.id in tree.children)
    xr.testing.assert_identical(open_beam(item, "Gt2R"), open_beam(item, "gt2r"))
    xr.testing.assert_identical(open_granule(item, ["GT2R"]), open_granule(item, ["gt2r"]))
    source = intake.open_catalog(str(folder / "catalog.yml")).granules[item.id]
    xr.testing.assert_identical(source(beam="GT2R").read(), source(beam="gt2r").read())


def test_an_item_without_an_id_is_opened(folder: Path) -> None:
    item = dict(next(open_index(folder).dictionaries()))
    named = open_beams([item], "gt2r", ["h_ph"])
    del item["id"]
    nameless = open_beams([item], "gt2r", ["h_ph"])
    assert len(nameless.children) == len(named.children)


def test_an_id_is_the_name_of_one_node(folder: Path) -> None:
    known = {item["id"]: dict(item) for item in open_index(folder).dictionaries()}
    item = known[next(iter(open_beams(list(known.values()), "gt1l", ["h_ph"]).children))]
    for name in ("a/b/c", "/", "..", "."):
        (node,) = open_beams([item | {"id": name}], "gt1l", ["h_ph"]).children.values()
        assert not node.children
        assert "h_ph" in node.data_vars
