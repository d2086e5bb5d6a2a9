"""Rows of granules, whatever of an item is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import pytest

from catalog_builder.commands.granule_rows import NumbersType, emit_granules, emit_links

PROPERTIES = {"sat:relative_orbit": 5, "sat:orbit_cycle": 2, "icesat2:region": 4}
ITEM: dict[str, Any] = {
    "id": "one",
    "properties": {**PROPERTIES, "start_datetime": "2019-01-02T03:04:05.678Z"},
    "assets": {"https": {"href": "https://host/one.h5", "file:size": 12_400_000}},
}
BARE: dict[str, Any] = {
    "id": "two",
    "properties": {**PROPERTIES, "start_datetime": datetime(2019, 1, 2, 3, 4, 5, 6, tzinfo=UTC)},
    "assets": {"data": None},
}


def test_rows(capsys: pytest.CaptureFixture[str]) -> None:
    emit_granules([ITEM, BARE])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t") == ["one", "2019-01-02 03:04:05", "0005", "02", "04", "12"]
    assert second.split("\t") == ["two", "2019-01-02 03:04:05", "0005", "02", "04", ""]


def test_links(capsys: pytest.CaptureFixture[str]) -> None:
    emit_links([ITEM, BARE], "https")
    told = capsys.readouterr()
    assert told.out == "https://host/one.h5\n"
    assert told.err == "two has no https link.\n"


def test_numbers() -> None:
    kind = NumbersType()
    assert kind.convert("12, 13", None, None) == [12, 13]
    assert kind.convert([5], None, None) == [5]
    with pytest.raises(click.BadParameter, match="expected a whole number"):
        kind.convert("twelve", None, None)
