"""What is asked for, and which datasets that takes."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from catalog_builder.errors import BeamNotFoundError, VariableNotFoundError
from catalog_builder.products.atl03 import BEAMS, DEFAULT_VARIABLES
from tests.photons.conftest import ask

PLACE = ["heights/lat_ph", "heights/lon_ph", "heights/delta_time"]
ALONG = "heights/dist_ph_along"
TABLE = ["geolocation/ph_index_beg", "geolocation/segment_ph_cnt"]


@pytest.mark.parametrize(
    ("asked", "photons", "segments", "table"),
    [
        ({"variables": "h_ph"}, ["heights/h_ph"], [], []),
        ({"variables": ["lat_ph", "h_ph", "heights/h_ph"]}, ["heights/h_ph"], [], []),
        ({"variables": []}, [], [], []),
        (
            {"variables": ["x_atc"]},
            [ALONG],
            [],
            [*TABLE, "geolocation/segment_dist_x"],
        ),
        (
            {"variables": ["geophys_corr/geoid"]},
            [],
            ["geophys_corr/geoid"],
            TABLE,
        ),
        (
            {"variables": [], "where": {"geolocation/podppd_flag": 0, "quality_ph": [0]}},
            ["heights/quality_ph"],
            ["geolocation/podppd_flag"],
            TABLE,
        ),
    ],
)
def test_no_more_is_read_than_is_asked_for(
    asked: dict[str, Any], photons: list[str], segments: list[str], table: list[str]
) -> None:
    request = ask(**asked)
    assert sorted(request.photon_paths) == sorted([*PLACE, *photons])
    assert request.segment_paths == segments
    assert sorted(request.table_paths) == sorted(table)
    assert sorted(request.needed) == sorted([*PLACE, *photons, *segments, *table])


def test_counting_reads_only_what_is_tested() -> None:
    request = ask(variables=["h_ph", "x_atc"], where={"quality_ph": 0})
    assert sorted(request.counting.needed) == sorted([*PLACE, "heights/quality_ph"])
    assert request.counting.whole == request
    assert request.whole is request
    assert pickle.loads(pickle.dumps(request)) == request


def test_the_default_is_what_a_beam_has_by_default() -> None:
    assert set(ask(variables=None).names) == {*DEFAULT_VARIABLES, "x_atc"} - {
        *("lat_ph", "lon_ph", "delta_time")
    }


def test_good_photons_are_of_a_release() -> None:
    plain = ask()
    assert plain.of_release("007") is plain
    terms = {str(one) for one in ask(good=True).of_release("007").conditions}
    assert "quality_ph in [0, 10, 20]" in terms
    assert "quality_ph in [0]" in {str(o) for o in ask(good=True).of_release("006").conditions}


@pytest.mark.parametrize("beams", ["strong", "weak", ["Strong"], " WEAK "])
def test_a_strength_is_of_all_beams(beams: Any) -> None:
    request = ask(beams=beams)
    assert request.beams == BEAMS
    assert request.strength in ("strong", "weak")


@pytest.mark.parametrize("beams", ["", "string", "gt4l", [], ["gt1l", 5], ["strong", "weak"]])
def test_what_is_no_beam_is_an_error(beams: Any) -> None:
    with pytest.raises(BeamNotFoundError, match="strong, weak"):
        ask(beams=beams)


@pytest.mark.parametrize("names", [[""], [None], ["orbit_info/rgt"], ["bckgrd_atlas/bckgrd_rate"]])
def test_what_has_no_value_a_photon_is_an_error(names: Any) -> None:
    with pytest.raises(VariableNotFoundError):
        ask(variables=names)
