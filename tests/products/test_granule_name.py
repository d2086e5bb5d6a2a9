"""File names of every product's granules."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import ProductError
from catalog_builder.products.facts import PRODUCTS
from catalog_builder.products.granule_name import (
    ID_PATTERN,
    GranuleName,
    day_of,
    id_fields,
    is_granule_id,
    stem_of,
)

NAMES = {
    "ATL03_20181014002445_02350104_006_02": (235, 1, 4, "006", 2),
    "ATL06_20250913142324_13722807_007_01": (1372, 28, 7, "007", 1),
    "ATL07-01_20190323101341_12980201_005_01": (1298, 2, 1, "005", 1),
    "ATL07QL-02_20260718101341_05300201_007_01": (530, 2, 1, "007", 1),
    "ATL08_20260718174253_05303206_007_01": (530, 32, 6, "007", 1),
    "ATL10-02_20181227215113_13790101_006_02": (1379, 1, 1, "006", 2),
    "ATL13_20230607174704_11971901_007_01": (1197, 19, 1, "007", 1),
    "ATL24_20241107234251_08052501_006_01_002_01": (805, 25, 1, "002", 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_and_written(name: str) -> None:
    for text in (name, f"{name}.h5", f"s3://b/a/{name}.h5?x=1", f"processed_{name}.h5"):
        found = GranuleName.parse(text)
        facts = (found.rgt, found.cycle, found.region, found.release, found.revision)
        assert facts == NAMES[name]
        assert found.id == name


def test_names_of_products_bear_what_others_lack() -> None:
    assert GranuleName.parse("ATL10-02_20181227215113_13790101_006_02").hemisphere == 2
    bathymetry = GranuleName.parse("ATL24_20241107234251_08052501_006_01_002_03.h5")
    assert bathymetry.made_from == ("006", 1)
    assert (bathymetry.release, bathymetry.revision) == ("002", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ATL08_20260718174253_05303206_007.h5", "expected ATL08_"),
        ("ATL08-01_20260718174253_05303206_007_01.h5", "expected ATL08_"),
        ("ATL07_20190323101341_12980201_005_01.h5", "expected ATL07-"),
        ("ATL24_20241107234251_08052501_006_01.h5", "expected ATL24_"),
        ("ATL08_20260718174253_14003206_007_01.h5", "impossible track 1400"),
        ("ATL08_20260718174253_05303215_007_01.h5", "region 15"),
        ("ATL13_20230607174704_11971902_007_01.h5", "region 2"),
        ("ATL08_20261318174253_05303206_007_01.h5", "impossible time"),
        ("ATL11_051911_0328_007_01.h5", "ATL11 is not opened here: its rows are places"),
        ("ATL99_20260718174253_05303206_007_01.h5", "no product of ICESat-2 that is known"),
        ("GEDI.h5", "not the name of an ICESat-2 granule"),
    ],
)
def test_other_names_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ProductError, match=message):
        GranuleName.parse(text)


@given(st.text(max_size=60), st.sampled_from(sorted(PRODUCTS)))
def test_any_text_is_a_name_or_an_error(text: str, product: str) -> None:
    for name in (text, f"{product}_{text}", f"{product}-01_{text}"):
        try:
            found = GranuleName.parse(name)
        except ProductError:
            continue
        assert GranuleName.parse(found.id) == found


def test_ids_of_all_products_have_their_fields_where_they_are_cut() -> None:
    for granule in NAMES:
        name = GranuleName.parse(granule)
        assert is_granule_id(granule)
        assert re.fullmatch(ID_PATTERN, granule)
        assert day_of(granule) == (name.cycle, f"{name.start:%Y-%m-%d}")
        assert stem_of(granule) == granule.rpartition("_")[0]


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
        ("SC:ATL03.005:256325263", "not the name of an ICESat-2 granule"),
        ("ATL03_20181014031924_02370102_007_012.h5", "not the name of an ATL03 granule"),
        ("../ATL03_20181314031924_02370102_007_01.h5", "impossible time: 20181314031924"),
        ("ATL03_20181014031924_13880102_007_01.h5", "impossible track 1388"),
        ("ATL03_20181014031924_02370115_007_01.h5", "region 15"),
        ("ATL03_20181014031924_02370002_007_01.h5", "cycle 0"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ProductError, match=message):
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
    assert name.id[id_fields(name.id).date] == f"{start:%Y%m%d}"
    assert int(name.id[id_fields(name.id).cycle]) == cycle
    assert day_of(name.id) == (cycle, f"{start:%Y-%m-%d}")
    assert stem_of(name.id) == name.id.rpartition("_")[0]
    assert re.fullmatch(ID_PATTERN, name.id)


@pytest.mark.parametrize(
    "text", ["", "../x", "{{ 1 }}", "ATL03", f"{NAME}.h5", f"../{NAME}", f"{NAME}/x"]
)
def test_what_is_more_or_less_than_an_id(text: str) -> None:
    assert not is_granule_id(text)


def test_an_id() -> None:
    assert is_granule_id(NAME)
    assert not is_granule_id(None)
