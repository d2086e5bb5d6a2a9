"""The beams of a granule as a tree, by h5py and by references."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import xarray as xr
from small_granule import NAME

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.granule_tree import open_granule
from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import BeamNotFoundError, ReferencesWarning, VariableNotFoundError


@pytest.fixture(scope="session")
def references(granule: GranuleLinks) -> GranuleReferences:
    return GranuleReferences(beams=scan(granule).beams, empty=("gt1r",))


@pytest.fixture(params=["h5py", "references"])
def known(
    request: pytest.FixtureRequest, references: GranuleReferences, monkeypatch: pytest.MonkeyPatch
) -> GranuleReferences | None:
    if request.param == "h5py":
        return None
    monkeypatch.setattr("catalog_builder.beams.granule_tree.open_hdf5", _fail)
    return references


def _fail(*_: Any) -> None:
    pytest.fail("h5py is not needed")


def test_a_tree_of_beams(granule: GranuleLinks, known: GranuleReferences | None) -> None:
    tree = open_granule(granule, variables=["h_ph"], references=known)
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
    granule: GranuleLinks, references: GranuleReferences
) -> None:
    old = {beam: replace(known, size=known.size - 1) for beam, known in references.beams.items()}
    with pytest.warns(ReferencesWarning) as warned:
        found = open_granule(granule, references=replace(references, beams=old))
    assert len(warned) == 1
    xr.testing.assert_identical(found, open_granule(granule))
