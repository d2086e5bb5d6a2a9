"""What a dataset is called and which dimensions it has, by its path and shape alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest

from catalog_builder.beams.read.beam_reader import (
    BeamReader,
    Variable,
    beam_spot,
    beam_strength,
    dataset_path,
    granule_attributes,
)
from catalog_builder.products.atl03 import Beam
from catalog_builder.products.granule_name import GranuleName


@dataclass
class Rates:
    """A beam of 100 photons and 10 segments, which knows shapes and nothing else."""

    photons: int = 100
    segment_count: int = 10
    shapes: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: {"bckgrd_atlas/delta_time": (7,)}
    )

    def shape(self, path: str) -> tuple[int, ...] | None:
        return self.shapes.get(path)


def variable(path: str, shape: tuple[int, ...], fill: Any = 0, **attrs: Any) -> Variable:
    beam = cast(BeamReader, Rates())
    return Variable.of(beam, path, shape, np.dtype("f4"), attrs, fill)


@pytest.mark.parametrize(
    ("path", "shape", "dims"),
    [
        ("heights/h_ph", (100,), ("photon",)),
        ("heights/signal_conf_ph", (100, 5), ("photon", "surface_type")),
        ("heights/signal_conf_ph", (100, 4), ("photon", "signal_conf_ph_1")),
        ("heights/h_ph", (99,), ("heights_h_ph_row",)),
        ("geolocation/surf_type", (10, 5), ("segment", "surface_type")),
        ("geolocation/velocity_sc", (10, 3), ("segment", "velocity_sc_1")),
        ("geophys_corr/geoid", (10,), ("segment",)),
        ("geophys_corr/geoid", (100,), ("geophys_corr_geoid_row",)),
        ("bckgrd_atlas/bckgrd_rate", (7,), ("bckgrd_atlas",)),
        ("bckgrd_atlas/bckgrd_hist_top", (6,), ("bckgrd_atlas_bckgrd_hist_top_row",)),
        ("signal_find_output/land/x", (4, 2), ("signal_find_output_land_x_row", "x_1")),
    ],
)
def test_dimensions(path: str, shape: tuple[int, ...], dims: tuple[str, ...]) -> None:
    assert variable(path, shape).dims == dims


def test_the_fill_value_is_the_attribute_else_that_of_hdf5() -> None:
    assert variable("heights/h_ph", (100,), 2.5).fill_value == 2.5
    assert variable("heights/h_ph", (100,), 2.5, _FillValue=np.float32(9)).fill_value == 9
    assert variable("heights/h_ph", (100,), 2.5, _FillValue=np.array([3])).fill_value == 3
    assert variable("heights/h_ph", (100,), 2.5, _FillValue=np.empty(0)).fill_value == 2.5


def test_coordinates_are_encoding_and_the_rest_attributes() -> None:
    found = variable("heights/h_ph", (100,), units="meters", coordinates="lat_ph lon_ph")
    assert found.attrs == {"units": "meters"}
    assert found.encoding == {"coordinates": "lat_ph lon_ph"}
    assert variable("heights/h_ph", (100,)).encoding == {}


def test_a_bare_name_is_one_of_heights() -> None:
    assert dataset_path("h_ph") == "heights/h_ph"
    assert dataset_path("geolocation/segment_id") == "geolocation/segment_id"


@pytest.mark.parametrize(
    ("beam", "attrs", "orientation", "expected"),
    [
        ("gt1l", {"atlas_beam_type": " Weak ", "atlas_spot_number": "6"}, 0, ("weak", 6)),
        ("gt1l", {"atlas_beam_type": "odd", "atlas_spot_number": "six"}, 0, ("strong", 1)),
        ("gt1l", {}, 1, ("weak", 6)),
        ("gt3r", {}, 0, ("weak", 6)),
        ("gt3r", {}, 1, ("strong", 1)),
        ("gt2l", {}, 2, ("unknown", 0)),
        ("gt2l", {}, None, ("unknown", 0)),
    ],
)
def test_strength_and_spot(
    beam: Beam, attrs: dict[str, Any], orientation: int | None, expected: tuple[str, int]
) -> None:
    """The beam's own attributes count first, then the orientation of the spacecraft."""
    assert beam_strength(beam, attrs, orientation) == expected[0]
    assert beam_spot(beam, attrs, orientation) == expected[1]


def test_attributes_of_a_granule() -> None:
    name = GranuleName.parse("ATL03_20190401120000_03850302_006_01.h5")
    assert granule_attributes(name, "s3://bucket/granule.h5") == {
        "granule": "ATL03_20190401120000_03850302_006_01",
        "rgt": 385,
        "cycle": 3,
        "region": 2,
        "release": "006",
        "revision": 1,
        "source": "s3://bucket/granule.h5",
    }
