"""What intake hands over is read back into what was meant."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import WindowError
from catalog_builder.intake_drivers.arguments import (
    read_access,
    read_beam,
    read_box,
    read_names,
    read_period,
    read_polygon,
    read_text,
)

NOTHING = [None, "", "  ", "None", "{{ bbox }}", "{{bbox}}", [], "[]", ()]


@pytest.mark.parametrize("value", [value for value in NOTHING if value != "[]"])
def test_unset_arguments_are_none(value: object) -> None:
    assert read_names("variables", value) is None
    assert read_box("bbox", value) is None
    assert read_polygon("intersects", value) is None
    assert read_period("datetime", value) is None
    assert read_text("granule", value) is None
    assert read_beam(value) == "gt1l"
    assert read_access(value) == "auto"


def test_an_empty_list_as_text_names_nothing() -> None:
    assert read_names("variables", "[]") is None


@given(st.lists(st.from_regex(r"[a-z_]{1,9}(/[a-z_]{1,9})?", fullmatch=True), min_size=1))
def test_names_survive_intakes_rendering(names: list[str]) -> None:
    assert read_names("variables", names) == names
    assert read_names("variables", str(names)) == names
    assert read_names("variables", str(tuple(names))) == names
    assert read_names("variables", ", ".join(names)) == names


@given(st.tuples(st.floats(-180, 180), st.floats(-90, 0), st.floats(-180, 180), st.floats(0, 90)))
def test_a_box_survives_intakes_rendering(box: tuple[float, float, float, float]) -> None:
    assert read_box("bbox", box) == box
    assert read_box("bbox", str(box)) == box
    assert read_box("bbox", str(list(box))) == box
    assert read_box("bbox", ",".join(map(str, box))) == box


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2019-01-01/2019-06-30", "2019-01-01/2019-06-30"),
        ("2019", "2019"),
        (("2019-01-01", None), "2019-01-01/.."),
        ("('2019-01-01', None)", "2019-01-01/.."),
        ([None, date(2019, 6, 30)], "../2019-06-30"),
        (datetime(2019, 1, 1, 2, tzinfo=UTC), "2019-01-01T02:00:00+00:00"),
    ],
)
def test_a_period_becomes_text(value: object, text: str) -> None:
    assert read_period("datetime", value) == text


def test_a_polygon_survives_intakes_rendering() -> None:
    ring = [[1.0, 2.0], [3.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    plain = {"type": "Polygon", "coordinates": [ring]}
    for value in (plain, str(plain), json.dumps(plain), {"type": "Feature", "geometry": plain}):
        assert read_polygon("intersects", value) == plain


def test_a_path_becomes_text() -> None:
    assert read_text("href", Path("/data/a b.h5")) == "/data/a b.h5"


@pytest.mark.parametrize(
    ("read", "value", "error", "says"),
    [
        (read_box, "[1, 2, 3", ValueError, "bbox"),
        (read_box, [1, 2, 3], WindowError, "[1, 2, 3]"),
        (read_box, "here", WindowError, "here"),
        (read_box, "__import__('os')", WindowError, "__import__"),
        (read_names, {"h_ph": 1}, TypeError, "h_ph"),
        (read_names, [1], TypeError, "list of names"),
        (read_names, 3, TypeError, "3"),
        (read_period, "yesterday", WindowError, "yesterday"),
        (read_period, 2019.5, WindowError, "2019.5"),
        (read_text, 3, TypeError, "must be text"),
    ],
)
def test_wrong_values_are_named(
    read: object, value: object, error: type[Exception], says: str
) -> None:
    assert callable(read)
    with pytest.raises(error, match=says.replace("[", r"\[")):
        read("bbox", value)


def test_unknown_words_list_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'gt9' is none of gt1l, gt1r"):
        read_beam("gt9")
    with pytest.raises(ValueError, match="'ftp' is none of auto, s3, https, local"):
        read_access("ftp")
