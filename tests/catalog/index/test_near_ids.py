"""What is said of an id that is not there."""

from __future__ import annotations

import pytest

from catalog_builder.catalog.index.near_ids import near_ids

IDS = [f"ATL03_2019010{day}000000_00010{day}01_007_01" for day in range(1, 8)]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (IDS[3][:-1] + "2", f" Did you mean {IDS[3]}?"),
        (IDS[3][:-2] + "33", f" Did you mean {IDS[3]}?"),
        (IDS[3] + ".h5", f" Near it are {', '.join(IDS[2:6])}."),
        ("ATL03_2018", f" Near it are {IDS[0]}, {IDS[1]}."),
    ],
)
def test_mistyped_ids_and_neighbours(wanted: str, said: str) -> None:
    assert near_ids(IDS, wanted) == said


def test_of_an_empty_catalog_nothing_is_near() -> None:
    assert near_ids([], IDS[0]) == ""
