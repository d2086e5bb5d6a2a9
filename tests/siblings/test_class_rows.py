"""A sibling is read in its thread: by references, or by h5py where these do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from siblings.brute_force import classes_of

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesWarning
from catalog_builder.products.facts import PRODUCTS
from catalog_builder.siblings.photon_classes import PhotonClassColumns
from catalog_builder.siblings.sibling_scan import scan_sibling


@pytest.mark.parametrize("whole", [True, False])
def test_references_that_do_not_fit_are_left(
    granule: Path, siblings: dict[str, Path], whole: bool
) -> None:
    links = GranuleLinks(local=str(siblings["ATL08"]))
    known = scan_sibling(links).beams["gt1l"]
    classes = PRODUCTS["ATL08"].classes
    assert classes is not None
    columns = PhotonClassColumns(
        links=links,
        classes=classes,
        product="ATL08",
        references={"gt1l": replace(known, size=known.size + 1 + whole)},
    )
    own = GranuleLinks(local=str(granule))
    expected = classes_of(granule, siblings["ATL08"], "gt1l")
    lat = open_beam(own, "gt1l", ["h_ph"]).lat_ph.values
    south, north = np.quantile(lat, [0.2, 0.6])
    box = None if whole else (-180, float(south), 180, float(north))
    keep = np.ones(len(lat), bool) if whole else (lat >= south) & (lat <= north)
    with pytest.warns(ReferencesWarning, match="Read without references"):
        found = open_beam(own, "gt1l", ["h_ph"], box, derived=[columns])
    np.testing.assert_array_equal(found.class_atl08, expected[keep])
