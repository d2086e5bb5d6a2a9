"""Exactly what is asked for is read, and what place and time take."""

from __future__ import annotations

from typing import Any

import pytest
import xarray as xr

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.granule_tree import open_granule
from catalog_builder.beams.read import planned_beam
from catalog_builder.beams.read.beam_file import BeamFile
from catalog_builder.beams.requested_variables import RequestedVariables
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.products.atl03 import DEFAULT_VARIABLES
from tests.beams.bits import require_same

PLACE = {"heights/lat_ph", "heights/lon_ph", "heights/delta_time"}
FOUR = ["h_ph", "lat_ph", "lon_ph", "quality_ph"]
WINDOW = [179.999, -18, -179.998, -16]

TABLE = {"geolocation/ph_index_beg", "geolocation/segment_ph_cnt"}
SEARCH = TABLE | {
    f"geolocation/{name}"
    for name in ("reference_photon_lat", "reference_photon_lon", "delta_time")
}
"""What h5py reads to find the photons of a window."""

WANTED: list[tuple[Any, set[str]]] = [
    (FOUR, {"heights/h_ph", "heights/quality_ph"}),
    ("h_ph", {"heights/h_ph"}),
    ([], set()),
    (["x_atc"], {"heights/dist_ph_along", "geolocation/segment_dist_x", *TABLE}),
    (["geophys_corr/geoid"], {"geophys_corr/geoid", *TABLE}),
]


@pytest.mark.parametrize(("names", "others"), WANTED)
@pytest.mark.parametrize("bbox", [None, WINDOW])
def test_what_is_asked_for_is_read(
    granule: GranuleLinks, names: Any, others: set[str], bbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = scan(granule).beams["gt3r"]
    read: set[str] = set()
    plan_reads, read_rows = planned_beam.plan_reads, BeamFile.read

    def planned(references: Any, wanted: Any) -> Any:
        read.update(wanted)
        return plan_reads(references, wanted)

    def by_file(self: BeamFile, path: str, rows: Any) -> Any:
        read.add(path)
        return read_rows(self, path, rows)

    monkeypatch.setattr(planned_beam, "plan_reads", planned)
    monkeypatch.setattr(BeamFile, "read", by_file)
    found = open_beam(granule, "gt3r", names, bbox=bbox, references=known)
    assert read == PLACE | others
    read.clear()
    require_same(found, open_beam(granule, "gt3r", names, bbox=bbox))
    assert read == PLACE | others | (SEARCH if bbox else set())


@pytest.mark.parametrize("bbox", [None, WINDOW])
@pytest.mark.parametrize("referenced", [False, True])
@pytest.mark.parametrize("names", [names for names, _ in WANTED])
def test_x_atc_is_a_name_like_another(
    granule: GranuleLinks, names: Any, bbox: Any, referenced: bool
) -> None:
    known = scan(granule).beams["gt3r"] if referenced else None
    every = open_beam(
        granule, "gt3r", ["x_atc", *FOUR, "geophys_corr/geoid"], bbox=bbox, references=known
    )
    lazy = open_beam(granule, "gt3r", names, bbox=bbox, references=known, chunks=7)
    found = open_beam(granule, "gt3r", names, bbox=bbox, references=known)
    assert ("x_atc" in found.coords) == ("x_atc" in names)
    assert ("segment_index" in found.coords) == ("geophys_corr/geoid" in names)
    for name, values in found.variables.items():
        xr.testing.assert_identical(values, every[name].variable)
    xr.testing.assert_identical(lazy.compute(), found)
    if bbox is None:
        tree = open_granule(granule, ["gt3r"], names)
        xr.testing.assert_identical(tree["gt3r"].to_dataset(), open_beam(granule, "gt3r", names))


def test_the_usual_variables_have_it() -> None:
    usual = RequestedVariables.parse(None)
    assert usual.x_atc
    assert usual.optional
    assert usual == RequestedVariables(
        paths=RequestedVariables.parse(DEFAULT_VARIABLES).paths, x_atc=True, optional=True
    )
    assert not RequestedVariables.parse(DEFAULT_VARIABLES).x_atc
    assert RequestedVariables.parse("x_atc").x_atc
