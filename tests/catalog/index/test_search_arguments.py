"""Arguments of a search: each is checked once, whoever passes it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.search_arguments import SearchArguments
from catalog_builder.errors import (
    WindowError,
)


@pytest.mark.parametrize(
    "condition",
    [
        {"bbox": [0, 1, 2]},
        {"datetime": "soon"},
        {"rgt": 1388},
        {"cycle": 0},
        {"region": 15},
        {"limit": -1},
        {"rgt": "five"},
        {"revision": 0},
        {"orbit_state": "up"},
        {"intersects": {"type": "Point", "coordinates": [1, 2]}},
        {"intersects": "POLYGON ((1 2, 3 4, 5 6, 1 2))"},
    ],
)
def test_conditions_that_cannot_be_are_refused(index: ItemIndex, condition) -> None:
    with pytest.raises(WindowError):
        index.search(**condition)


SQUARE = {"type": "Polygon", "coordinates": [[[0, 60], [90, 60], [90, 90], [0, 90], [0, 60]]]}


def test_arguments_in_any_form_become_one_form() -> None:
    parsed = SearchArguments.parse(
        bbox="170,-30,-175,10",
        intersects=json.dumps(SQUARE),
        datetime=[date(2019, 1, 1), None],
        rgt=np.int64(7),
        precise=None,
        ids={"b", "a"},
        limit=None,
    )
    assert parsed.bbox == (170.0, -30.0, -175.0, 10.0)
    assert parsed.intersects == {**SQUARE, "coordinates": [[[0.0, 60.0], *_rest(SQUARE)]]}
    assert parsed.datetime == "2019-01-01/.."
    assert (parsed.rgt, type(parsed.rgt)) == (7, int)
    assert (parsed.precise, parsed.limit, parsed.ids) == (False, None, ("a", "b"))
    assert parsed.values == (("sat:relative_orbit", 7),)


def _rest(polygon: dict[str, Any]) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in polygon["coordinates"][0][1:]]


def test_a_dictionary_of_arguments_is_plain_and_gives_them_again() -> None:
    parsed = SearchArguments.parse(
        bbox=[1, 2, 3, 4], intersects=SQUARE, datetime="2019", ids="one", precise=True, limit=0
    )
    plain = parsed.to_dict()
    assert plain["bbox"] == [1.0, 2.0, 3.0, 4.0]
    assert (plain["ids"], plain["limit"], plain["precise"]) == (["one"], 0, True)
    assert SearchArguments.parse(**json.loads(json.dumps(plain))) == parsed
    assert SearchArguments().to_dict() == {}


def test_an_argument_that_there_is_not_is_a_type_error_as_of_any_function() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'region_number'"):
        SearchArguments.parse(region_number=3)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"limit": -1}, "limit is -1: expected 0 or more"),
        ({"region": 15}, "icesat2:region is 15: expected 1 to 14"),
        ({"rgt": "five"}, "sat:relative_orbit is 'five': expected a whole number, 1 to 1387"),
        ({"rgt": 5.0}, "sat:relative_orbit is 5.0: expected a whole number"),
        ({"orbit_state": "up"}, "sat:orbit_state is 'up': expected ascending, descending"),
        ({"ids": ["a", 5]}, "ids are names of granules, not 5"),
        ({"datetime": []}, "two ends"),
    ],
)
def test_a_refusal_says_the_property_the_value_and_what_is_expected(
    argument: dict[str, Any], message: str
) -> None:
    with pytest.raises(WindowError, match=message):
        SearchArguments.parse(**argument)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2019-01", "2019-01"),
        (["2019-01-01", ".."], "2019-01-01/.."),
        ((None, date(2020, 2, 29)), "../2020-02-29"),
        (datetime(2019, 1, 1, 12, tzinfo=UTC), "2019-01-01T12:00:00+00:00"),
    ],
)
def test_a_time_as_text(value: Any, text: str) -> None:
    assert SearchArguments.parse(datetime=value).datetime == text


def test_several_numbers_an_order_and_an_area() -> None:
    arguments = SearchArguments.parse(
        rgt=[5, 3, 5], cycle=(7,), region=range(4, 6), sortby="-datetime", area="1,2,3,4"
    )
    assert (arguments.rgt, arguments.cycle, arguments.region) == ((3, 5), 7, (4, 5))
    assert (arguments.sortby, arguments.bbox) == ("-datetime", (1.0, 2.0, 3.0, 4.0))
    assert SearchArguments.parse(**arguments.to_dict()) == arguments
    around = SearchArguments.parse(area="1,2 + 5 km")
    assert around.intersects is not None
    assert around.intersects["type"] == "MultiPolygon"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rgt": []}, "sat:relative_orbit is an empty list"),
        ({"rgt": [3, 1388]}, "sat:relative_orbit is 1388"),
        ({"cycle": "12"}, "sat:orbit_cycle is '12'"),
        ({"limit": [3]}, "limit is"),
        ({"sortby": "id"}, "sortby is 'id': expected datetime or -datetime"),
        ({"area": [1, 2, 3, 4], "bbox": [1, 2, 3, 4]}, "by area= or by bbox="),
    ],
)
def test_lists_and_orders_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(WindowError, match=message):
        SearchArguments.parse(**options)


def test_lists_find_what_their_members_find(index: ItemIndex) -> None:
    both = {*index.search(region=4).ids, *index.search(region=11).ids}
    assert {*index.search(region=[4, 11]).ids} == both
    assert str(index.search(region=[4, 11]).search(sortby="datetime")).count("region=4,11") == 1


@pytest.mark.parametrize("sortby", ["datetime", "-datetime"])
def test_what_is_found_is_in_the_order_of_time(index: ItemIndex, sortby: str) -> None:
    whole = index.search(region=[4, 11])
    found = whole.search(sortby=sortby)
    starts = {item.id: item.properties["start_datetime"] for item in whole}
    expected = sorted(starts, key=lambda one: (starts[one], one), reverse=sortby[0] == "-")
    assert found.ids == [item.id for item in found] == expected != whole.ids
    assert found.to_table(["id"])["id"].to_pylist() == expected
    few = found.search(limit=5)
    assert (few.ids, len(few)) == (expected[:5], 5)
    assert len(found.search(limit=0)) == len(found.search(limit=0).ids) == 0
    assert expected[4] in few
    assert expected[5] not in few
