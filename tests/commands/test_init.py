"""The verb that writes a definition."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog_builder.catalog.definition import Definition
from tests.commands.running import run


def test_a_definition_of_a_place_and_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "my-glacier"
    result = run("init", folder, "--bbox", "175,-20,-178,-15", "--datetime", "2019-01/..")
    assert result.stdout == f"{folder / 'definition.toml'}\n"
    assert f"catalog-builder build {folder / 'definition.toml'}" in result.stderr
    made = Definition.load(folder)
    assert made == Definition(
        name="my-glacier",
        title="ATL03 of my glacier",
        short_name="ATL03",
        version="007",
        provider="NSIDC_CPRD",
        bounding_box=(175.0, -20.0, -178.0, -15.0),
        temporal=(datetime(2019, 1, 1, tzinfo=UTC), None),
    )
    assert Definition.read("my-glacier", made.to_toml()) == made


def test_a_definition_that_is_there_is_left(tmp_path: Path) -> None:
    (tmp_path / "definition.toml").write_text("mine")
    result = run("init", tmp_path)
    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert (tmp_path / "definition.toml").read_text() == "mine"


def test_an_area_gives_the_box_around_it(tmp_path: Path) -> None:
    run("init", tmp_path / "river", "--area", "POLYGON((1 2, 3 2, 3 5, 1 2))", "--title", 'A "b"')
    made = Definition.load(tmp_path / "river")
    assert (made.bounding_box, made.title) == ((1.0, 2.0, 3.0, 5.0), 'A "b"')
    assert made.temporal == (None, None)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--bbox", "1,2,3"), 1, "four numbers"),
        (("--datetime", "soon"), 1, "is no time"),
        (("--version", "7"), 1, "three digits"),
        (("--bbox", "1,2,3,4", "--area", "x.shp"), 2, "not both"),
    ],
)
def test_what_cannot_be_writes_nothing(
    tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    result = run("init", tmp_path / "ice", *options)
    assert result.exit_code == code
    assert words in result.stderr
    assert not (tmp_path / "ice").exists()
