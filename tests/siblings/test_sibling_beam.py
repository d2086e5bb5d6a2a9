"""One beam of a sibling's file: names, rows, dimensions."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import pytest

from catalog_builder.errors import EmptyBeamError, ProductError, VariableNotFoundError
from catalog_builder.siblings.sibling_beam import SiblingBeam, name_of
from catalog_builder.siblings.sibling_reader import path_named


def test_rows_are_counted_by_their_times(siblings: dict[str, Path]) -> None:
    with h5py.File(siblings["ATL08"]) as file:
        beam = SiblingBeam.find(file, str(siblings["ATL08"]), "gt1l")
        counts = {rate.dimension: count for rate, count in beam.counts.items()}
        assert counts == {
            "segment": len(file["gt1l/land_segments/delta_time"]),
            "photon": len(file["gt1l/signal_photons/delta_time"]),
        }
        assert beam.variable("land_segments/canopy/canopy_h_metrics").dims == (
            "segment",
            "canopy_percentile",
        )


def test_a_name_that_several_groups_have_is_not_guessed(
    siblings: dict[str, Path], tmp_path: Path
) -> None:
    copy = tmp_path / siblings["ATL08"].name
    shutil.copy(siblings["ATL08"], copy)
    with h5py.File(copy, "r+") as file:
        group = file["gt1l/land_segments"]
        group["terrain/own"] = group["canopy/h_canopy"][:]
        group["canopy/own"] = group["canopy/h_canopy"][:]
        beam = SiblingBeam.find(file, str(copy), "gt1l")
        assert path_named(beam, "terrain/own") == "land_segments/terrain/own"
        with pytest.raises(VariableNotFoundError, match="has several own: name one of"):
            path_named(beam, "own")


def test_the_name_in_the_file_is_taken_where_the_address_has_none(
    siblings: dict[str, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "mine.h5"
    shutil.copy(siblings["ATL06"], copy)
    with h5py.File(copy, "r+") as file:
        with pytest.raises(ProductError, match="is not the name of"):
            name_of(file, str(copy))
        known = file.create_group("METADATA/DatasetIdentification")
        known.attrs["fileName"] = siblings["ATL06"].name
        assert name_of(file, str(copy)).id == siblings["ATL06"].stem
        file.attrs["short_name"] = "ATL08"
        with pytest.raises(ProductError, match="named as ATL06, and says that it is 'ATL08'"):
            name_of(file, str(copy))


def test_a_beam_without_rows_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "ATL06_20190424092231_03990303_006_01.h5"
    with h5py.File(path, "w") as file:
        file.create_group("gt1l/segment_quality")
        with pytest.raises(EmptyBeamError, match="no segment: it holds segment_quality"):
            SiblingBeam.find(file, str(path), "gt1l")


@pytest.mark.parametrize("values", [[], [float("nan")]])
def test_an_orientation_that_is_none_is_unknown(
    siblings: dict[str, Path], tmp_path: Path, values: list[float]
) -> None:
    copy = tmp_path / siblings["ATL06"].name
    shutil.copy(siblings["ATL06"], copy)
    with h5py.File(copy, "r+") as file:
        del file["orbit_info/sc_orient"]
        file.create_dataset("orbit_info/sc_orient", data=values, dtype="f4")
        assert SiblingBeam.find(file, str(copy), "gt1l").orientation is None
