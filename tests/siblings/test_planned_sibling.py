"""A sibling by its references: rows by time, other granules, references that do not fit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import StaleReferencesError
from catalog_builder.siblings.planned_sibling import PlannedSibling, lean_references
from catalog_builder.siblings.sibling_scan import scan_sibling

TIME = "signal_photons/delta_time"


def test_rows_between_two_times_hold_all_of_them(siblings: dict[str, Path]) -> None:
    links = GranuleLinks(local=str(siblings["ATL08"]))
    beam = PlannedSibling.of(links, scan_sibling(links).beams["gt1l"], "local")
    with h5py.File(siblings["ATL08"]) as file:
        times = file[f"gt1l/{TIME}"][:]
    rng = np.random.default_rng(2)
    for _ in range(20):
        start, end = np.sort(rng.choice(times, 2))
        rows = beam.rows_between(len(times), float(start), float(end))
        inside = np.flatnonzero((times >= start) & (times <= end))
        assert np.isin(inside, rows.numbers()).all()
    nothing = beam.rows_between(len(times), times[-1] + 5.0, times[-1] + 9.0)
    assert nothing.rows == 0
    assert beam.rows_between(len(times) + 1, 0.0, 1.0).rows == len(times) + 1


def test_another_version_is_refused(siblings: dict[str, Path], tmp_path: Path) -> None:
    known = scan_sibling(GranuleLinks(local=str(siblings["ATL08"]))).beams["gt1l"]
    other = tmp_path / siblings["ATL08"].name.replace("_01.h5", "_09.h5")
    shutil.copy(siblings["ATL08"], other)
    with pytest.raises(StaleReferencesError, match="references are of"):
        PlannedSibling.of(GranuleLinks(local=str(other)), known, "local")
    longer = replace(known, size=known.size + 1)
    beam = PlannedSibling.of(GranuleLinks(local=str(siblings["ATL08"])), longer, "local")
    with pytest.raises(StaleReferencesError, match="index the granule again"):
        beam.read(TIME, RowSlices.whole(3))


def test_lean_references_have_what_is_read(siblings: dict[str, Path]) -> None:
    known = scan_sibling(GranuleLinks(local=str(siblings["ATL08"]))).beams["gt1l"]
    assert set(lean_references(known, [TIME, "nothing"]).datasets) == {TIME}
