from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from older_references import older_set
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.atl03 import BEAMS
from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.granule_tree import open_granule
from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.references.reference_set import GranuleReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.errors import BeamNotFoundError, ReferencesWarning, VariableNotFoundError
from catalog_builder.opening import one_granule as opening
from catalog_builder.opening.resolve import resolve


@pytest.fixture(scope="session")
def granule(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    """One beam as usual, one empty, one with photons in no segment; three are not there."""
    path = tmp_path_factory.mktemp("granule") / NAME
    write_granule(
        path,
        gt1l=SmallBeam(),
        gt1r=SmallBeam(counts=[0, 0, 0]),
        gt3r=SmallBeam(counts=[0, 4, 20, 0, 9], orphans=6, attrs={}),
    )
    return GranuleLinks(local=str(path))


@pytest.fixture(scope="session")
def references(granule: GranuleLinks) -> GranuleReferences:
    return GranuleReferences(beams=scan(granule).beams, empty=("gt1r",))


@pytest.fixture(params=["h5py", "references"])
def how(
    request: pytest.FixtureRequest, references: GranuleReferences, monkeypatch: pytest.MonkeyPatch
) -> GranuleReferences | None:
    if request.param == "h5py":
        return None
    monkeypatch.setattr("catalog_builder.beams.granule_tree.open_hdf5", _never)
    return references


def _never(*_: Any) -> None:
    pytest.fail("h5py is not needed")


def test_a_tree_of_beams(granule: GranuleLinks, how: GranuleReferences | None) -> None:
    tree = open_granule(granule, variables=["h_ph"], references=how)
    assert list(tree.children) == ["gt1l", "gt3r"]
    assert tree.attrs["granule"] == NAME.removesuffix(".h5")
    assert tree.attrs["left_out"] == (
        "gt1r holds no photon; gt2l not in the granule; gt2r not in the granule; "
        "gt3l not in the granule"
    )
    assert tree["gt3r"].attrs["beam"] == "gt3r"
    xr.testing.assert_identical(
        tree["gt1l"].to_dataset(), open_beam(granule, "gt1l", variables=["h_ph"])
    )


@pytest.mark.parametrize("chunks", [None, 20])
def test_the_same_tree_with_references_and_without(
    granule: GranuleLinks, references: GranuleReferences, chunks: Any
) -> None:
    for box in (None, [179.9, -18.0, 179.999, -16.9]):
        for beams in (None, ["gt3r", "gt1l"]):
            wanted: Any = {"beams": beams, "bbox": box, "chunks": chunks}
            expected = open_granule(granule, **wanted)
            found = open_granule(granule, references=references, **wanted)
            xr.testing.assert_identical(found.compute(), expected.compute())
            assert list(found.children) == list(expected.children)


def test_a_tree_of_some_beams(granule: GranuleLinks, references: GranuleReferences) -> None:
    assert list(open_granule(granule, ["gt3r"], chunks="auto").children) == ["gt3r"]
    for known in (None, references):
        with pytest.raises(BeamNotFoundError, match="gt1r holds no photon; gt2l not in the"):
            open_granule(granule, ["gt1r", "gt2l"], references=known)
        with pytest.raises(BeamNotFoundError, match="gt9x"):
            open_granule(granule, ["gt9x", "gt1l"], references=known)
        with pytest.raises(VariableNotFoundError, match="h_phh"):
            open_granule(granule, ["gt1l"], ["h_phh"], references=known)


def test_references_of_another_version(
    granule: GranuleLinks, references: GranuleReferences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_references, "_rejected", set())
    old = {beam: replace(known, size=known.size - 1) for beam, known in references.beams.items()}
    with pytest.warns(ReferencesWarning) as told:
        found = open_granule(granule, references=replace(references, beams=old))
    assert len(told) == 1
    xr.testing.assert_identical(found, open_granule(granule))


def test_an_items_references_of_layout_1(
    granule: GranuleLinks, references: GranuleReferences, tmp_path: Path
) -> None:
    photons = {beam: known.positions.photons for beam, known in references.beams.items()}
    item: dict[str, Any] = {
        "id": NAME.removesuffix(".h5"),
        "properties": {
            BEAM_FACTS: {b: {"photons": n} for b, n in (photons | {"gt1r": 0}).items()}
        },
        "assets": {"data": {"href": granule.local}},
    }
    for beam, known in references.beams.items():
        (tmp_path / f"{beam}.json.zst").write_bytes(older_set(known))
        item["assets"][f"references_{beam}"] = {"href": str(tmp_path / f"{beam}.json.zst")}
    expected = open_granule(granule)
    found = resolve(item).granule_references()
    assert found is not None
    assert (list(found.beams), found.empty) == (["gt1l", "gt3r"], ("gt1r",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog_builder.beams.granule_tree.open_hdf5", _never)
        xr.testing.assert_identical(opening.open_granule(item), expected)
    xr.testing.assert_identical(opening.open_granule(item, references=False), expected)
    some = resolve(item).granule_references(["gt3r", BEAMS[2]])
    assert some is not None
    assert list(some.beams) == ["gt3r"]
    del item["assets"]["references_gt3r"]  # then all are read alike
    assert resolve(item).granule_references() is None
    xr.testing.assert_identical(opening.open_granule(item), expected)
