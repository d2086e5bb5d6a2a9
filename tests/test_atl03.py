from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder import atl03
from catalog_builder.atl03 import GranuleName, beam_named
from catalog_builder.errors import BeamNotFoundError, NotATL03Error

NAME = "ATL03_20181014031924_02370102_007_01"


@pytest.mark.parametrize(
    "text",
    [
        NAME,
        f"{NAME}.h5",
        f"s3://nsidc-cumulus-prod-protected/ATLAS/ATL03/007/2018/10/14/{NAME}.h5",
        f"https://host/a%20b/{NAME}.h5?A-userid=someone",
        f"C:\\data\\{NAME}_gt1l_subset.h5",
        f"{NAME}.h5_dpyQXxz6",
    ],
)
def test_a_name_is_read_wherever_it_stands(text: str) -> None:
    name = GranuleName.parse(text)
    assert name.id == NAME
    assert name.start == datetime(2018, 10, 14, 3, 19, 24, tzinfo=UTC)
    assert (name.rgt, name.cycle, name.region) == (237, 1, 2)
    assert (name.release, name.revision) == ("007", 1)
    assert name.orbit_state == "ascending"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SC:ATL03.005:256325263", "not the name of an ATL03 granule"),
        ("ATL06_20181014031924_02370102_007_01.h5", "not the name of an ATL03 granule"),
        ("ATL03_20181014031924_02370102_007_012.h5", "not the name of an ATL03 granule"),
        ("../ATL03_20181314031924_02370102_007_01.h5", "impossible time: 20181314031924"),
        ("ATL03_20181014031924_13880102_007_01.h5", "impossible track 1388"),
        ("ATL03_20181014031924_02370115_007_01.h5", "region 15"),
        ("ATL03_20181014031924_02370002_007_01.h5", "cycle 0"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(NotATL03Error, match=message):
        GranuleName.parse(text)


@given(
    start=st.datetimes(datetime(2018, 10, 13), datetime(2099, 1, 1)),
    rgt=st.integers(1, 1387),
    cycle=st.integers(1, 99),
    region=st.integers(1, 14),
    release=st.integers(1, 999),
    revision=st.integers(0, 99),
)
def test_reading_a_name_and_writing_it_are_inverse(
    start: datetime, rgt: int, cycle: int, region: int, release: int, revision: int
) -> None:
    name = GranuleName(
        start=start.replace(microsecond=0, tzinfo=UTC),
        rgt=rgt,
        cycle=cycle,
        region=region,
        release=f"{release:03d}",
        revision=revision,
    )
    assert GranuleName.parse(f"{name.id}.h5") == name


def test_direction_of_flight_follows_the_region() -> None:
    states = [
        GranuleName.parse(f"ATL03_20181014031924_023701{region:02d}_007_01").orbit_state
        for region in range(1, 15)
    ]
    assert states == (
        ["ascending"] * 3 + ["crossing"] + ["descending"] * 6 + ["crossing"] + ["ascending"] * 3
    )


def test_three_beams_are_strong_and_their_spots_are_odd() -> None:
    for sc_orient, side in ((0, "l"), (1, "r")):
        strong = [beam for beam in atl03.BEAMS if atl03.strength(beam, sc_orient) == "strong"]
        assert strong == [f"gt{pair}{side}" for pair in (1, 2, 3)]
        assert sorted(atl03.spot(beam, sc_orient) for beam in strong) == [1, 3, 5]
    assert atl03.spot("gt1l", 1) == 6  # as the product writes it in atlas_spot_number
    assert {atl03.strength(beam, 2) for beam in atl03.BEAMS} == {None}
    assert {atl03.spot(beam, 2) for beam in atl03.BEAMS} == {None}


@given(
    cycle=st.integers(1, 99),
    start=st.datetimes(datetime(2018, 10, 1), datetime(2099, 1, 1)),
    revision=st.integers(1, 99),
)
def test_slices_of_an_id_are_its_fields(cycle: int, start: datetime, revision: int) -> None:
    name = GranuleName(
        start=start.replace(microsecond=0, tzinfo=UTC),
        rgt=237,
        cycle=cycle,
        region=2,
        release="007",
        revision=revision,
    )
    assert name.id[atl03.ID_DATE] == f"{start:%Y%m%d}"
    assert int(name.id[atl03.ID_CYCLE]) == cycle
    assert atl03.day_of(name.id) == (cycle, f"{start:%Y-%m-%d}")
    assert atl03.stem_of(name.id) == name.id.rpartition("_")[0]
    assert re.fullmatch(atl03.ID_PATTERN, name.id)


@pytest.mark.parametrize(
    "text", ["", "../x", "{{ 1 }}", "ATL03", f"{NAME}.h5", f"../{NAME}", f"{NAME}/x"]
)
def test_what_is_more_or_less_than_an_id(text: str) -> None:
    assert not atl03.is_granule_id(text)


def test_an_id() -> None:
    assert atl03.is_granule_id(NAME)
    assert not atl03.is_granule_id(None)


def test_a_mistyped_beam_gets_a_suggestion() -> None:
    with pytest.raises(BeamNotFoundError, match=r"no beam 'gt1k': .* Did you mean gt1"):
        beam_named("gt1k")
    with pytest.raises(BeamNotFoundError, match=r"gt3r\.$"):
        beam_named("strong")
