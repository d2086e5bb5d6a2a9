"""Quick looks are found beside the final granules that replace them."""

from __future__ import annotations

import pytest

from catalog_builder.products.quick_looks import are_replaced, is_quick_look, replaced_quick_looks

QUICK = "ATL07QL-01_20260718101341_05300201_007_01"
FINAL = "ATL07-01_20260718101341_05300201_007_01"


@pytest.mark.parametrize(
    "final",
    [
        FINAL,
        FINAL[:-2] + "03",
        FINAL.replace("101341", "101343"),  # it starts at another second
        FINAL.replace("_007_", "_008_"),
    ],
)
def test_the_final_granule_of_a_pass_replaces_its_quick_look(final: str) -> None:
    assert replaced_quick_looks([QUICK, final]) == {QUICK: final}
    assert replaced_quick_looks([final, QUICK]) == {QUICK: final}


@pytest.mark.parametrize(
    "other",
    [
        FINAL.replace("-01_", "-02_"),  # the other hemisphere of the same revolution
        FINAL.replace("_053002", "_053102"),
        FINAL.replace("_053002", "_053003"),
        FINAL.replace("ATL07", "ATL10"),
        QUICK[:-2] + "02",
        "ATL03_20260718101341_05300201_007_01",
    ],
)
def test_no_other_granule_does(other: str) -> None:
    assert replaced_quick_looks([QUICK, other]) == {}


def test_the_last_of_several_is_named() -> None:
    later = FINAL[:-2] + "02"
    assert replaced_quick_looks([later, QUICK, FINAL]) == {QUICK: later}


def test_what_is_a_quick_look_and_what_are_both() -> None:
    assert is_quick_look(QUICK)
    assert is_quick_look("ATL07QL_007")
    assert not is_quick_look(FINAL)
    assert not is_quick_look("ATL03_007")
    assert are_replaced(["ATL03", "ATL07", "ATL07QL"])
    assert not are_replaced(["ATL07QL", "ATL10"])
    assert not are_replaced(["ATL07"])
