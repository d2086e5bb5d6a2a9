from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.definition import Definition
from catalog_builder.errors import DefinitionError

ROOT = Path(__file__).parent.parent.parent
BASE = {
    "title": '"Juneau"',
    "short_name": '"ATL03"',
    "version": '"007"',
    "provider": '"NSIDC_CPRD"',
}


def write(folder: Path, **lines: str) -> Path:
    file = folder / "definition.toml"
    file.write_text("\n".join(f"{key} = {value}" for key, value in {**BASE, **lines}.items()))
    return file


def load(folder: Path, **lines: str) -> Definition:
    return Definition.load(write(folder, **lines))


def refused(folder: Path, **lines: str) -> str:
    with pytest.raises(DefinitionError) as error:
        load(folder, **lines)
    assert str(folder / "definition.toml") in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["juneau-icefield", "fiji", "south-pole", "tongass-canopy"])
def test_the_shipped_definitions_load(name: str) -> None:
    folder = ROOT / "catalogs" / name
    definition = Definition.load(folder)
    assert definition == Definition.load(folder / "definition.toml")
    assert definition.name == name
    assert definition.version == "007"
    assert definition.bounding_box is not None


def test_a_box_may_cross_the_antimeridian() -> None:
    box = Definition.load(ROOT / "catalogs" / "fiji").bounding_box
    assert box is not None
    assert box[0] > box[2]


def test_only_the_required_keys(tmp_path: Path) -> None:
    definition = load(tmp_path)
    assert definition.bounding_box is None
    assert definition.temporal == (None, None)
    assert definition.on_premises_provider == "NSIDC_ECS"
    assert definition.name == tmp_path.name


def test_a_file_of_another_name_gives_its_own(tmp_path: Path) -> None:
    file = write(tmp_path).rename(tmp_path / "alaska.toml")
    assert Definition.load(str(file)).name == "alaska"


@pytest.mark.parametrize("key", sorted(BASE))
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    file = tmp_path / "definition.toml"
    file.write_text("\n".join(f"{k} = {v}" for k, v in BASE.items() if k != key))
    with pytest.raises(DefinitionError, match=f"{key} missing"):
        Definition.load(file)


def test_an_unknown_key_is_named_with_the_known_ones(tmp_path: Path) -> None:
    message = refused(tmp_path, bbox="[1, 2, 3, 4]")
    assert "unknown key 'bbox'" in message
    assert "bounding_box" in message


def test_a_version_written_as_a_number(tmp_path: Path) -> None:
    message = refused(tmp_path, version="7")
    assert "version = 7" in message
    assert "'007'" in message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("version", '"7"', "three digits"),
        ("version", '"../7"', "three digits"),
        ("version", "true", "expected text"),
        ("title", '" "', "expected text"),
        ("title", "3", "quotes"),
        ("short_name", '"ATL14"', "ATL14 is not opened here: it is a grid"),
        ("provider", '"NSIDC CPRD&x=y"', "name of a provider"),
        ("bounding_box", '"1,2,3,4"', "four numbers"),
        ("bounding_box", "[1, 2, 3]", "four numbers"),
        ("bounding_box", "[1, 2, 3, true]", "True is not a number"),
        ("bounding_box", "[1, 2, 3, nan]", "finite"),
        ("bounding_box", "[58.3, -135.2, 58.9, -133.3]", "south -135.2 to north"),
        ("bounding_box", "[176, -20, 182, -15]", "west greater than"),
        ("bounding_box", "[0, 60, 1, 50]", "south first"),
        ("temporal", '"2018-10-13"', "two times"),
        ("temporal", '["2018-10-13"]', "two times"),
        ("temporal", '["yesterday", ".."]', "'yesterday' is no time"),
        ("temporal", '["2018-13-13", ".."]', "'2018-13-13' is no time"),
        ("temporal", '[2018, ".."]', "2018 is no time"),
        ("temporal", '["2019-01-01", "2018-01-01"]', "ends before it starts"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, key: str, value: str, words: str) -> None:
    message = refused(tmp_path, **{key: value})
    assert words in message
    assert key in message


@pytest.mark.parametrize(
    "value",
    [
        '["2018-10-13T00:00:00Z", ".."]',
        '["2018-10-13", ".."]',
        '["2018-10-13T02:00:00+02:00", ".."]',
        '[2018-10-13T00:00:00Z, ".."]',
        '[2018-10-13T00:00:00, ".."]',
        '[2018-10-13, ".."]',
    ],
)
def test_ways_to_write_the_same_time(tmp_path: Path, value: str) -> None:
    assert load(tmp_path, temporal=value).temporal == (datetime(2018, 10, 13, tzinfo=UTC), None)


def test_a_last_date_is_the_whole_day(tmp_path: Path) -> None:
    _, last = load(tmp_path, temporal='["..", "2018-10-13"]').temporal
    assert last == datetime(2018, 10, 14, tzinfo=UTC) - timedelta(microseconds=1)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))])))
def test_a_time_written_is_the_time_read(tmp_path_factory: pytest.TempPathFactory, t) -> None:
    if not 2 <= t.year <= 9998:  # a zone may carry the first and last year out of the calendar
        return
    folder = tmp_path_factory.mktemp("definition")
    assert load(folder, temporal=f'["{t.isoformat()}", ".."]').temporal[0] == t


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"no definition .*definition\.toml"):
        Definition.load(tmp_path)


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    file = tmp_path / "definition.toml"
    file.write_text("title: Juneau")
    with pytest.raises(DefinitionError, match="is not TOML"):
        Definition.load(file)


SEVERAL = """
title = "Photons and canopy"
provider = "NSIDC_CPRD"
bounding_box = [-135.0, 58.0, -133.0, 59.0]

[[collections]]
short_name = "ATL03"
version = "007"

[[collections]]
short_name = "atl08"
version = "006"
temporal = ["2019-01-01", ".."]
"""


def test_several_collections_share_what_stands_above_them() -> None:
    definition = Definition.read("both", SEVERAL)
    photons, canopy = definition.each
    assert [one.collection_id for one in definition.each] == ["ATL03_007", "ATL08_006"]
    assert photons.bounding_box == canopy.bounding_box == (-135.0, 58.0, -133.0, 59.0)
    assert photons.temporal == (None, None) != canopy.temporal
    assert {one.title for one in definition.each} == {"Photons and canopy"}
    assert Definition.read("both", definition.to_toml()) == definition
    assert definition.only("ATL08") == definition.only("atl08_006") == canopy
    for name in (None, "ATL06"):
        with pytest.raises(DefinitionError, match="name one of ATL03_007, ATL08_006"):
            definition.only(name)


def test_one_collection_in_a_table_is_as_without() -> None:
    one = SEVERAL[: SEVERAL.rindex("[[collections]]")]
    assert Definition.read("one", one) == Definition.read("one", one.replace("[[coll", "#"))
    assert Definition.read("one", one).only() == Definition.read("one", one)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[collections]]", "", "version"),
        ('short_name = "atl08"\nversion = "006"', "", "short_name, version missing"),
        ('"atl08"\nversion = "006"', '"ATL03"\nversion = "007"', "ATL03_007 is named twice"),
        ("\ntitle", '\nversion = "007"\ntitle', "no table of it: version. Put"),
        (
            'version = "006"',
            'version = "006"\ntitle = "x"',
            "In a table of [[collections]]: title.",
        ),
        ('version = "006"', 'version = "006"\nbbox = 1', "unknown key 'bbox'"),
    ],
)
def test_several_collections_that_cannot_be(old: str, new: str, words: str) -> None:
    text = SEVERAL.replace(old, new) if old != "[[collections]]" else "collections = 3\n" + SEVERAL
    with pytest.raises(DefinitionError) as refused:
        Definition.read("both", text)
    assert words in str(refused.value) or old == "[[collections]]"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.timeout(20)
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "definition.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "definition.toml", tmp_path / "zero.toml"):
        with pytest.raises(DefinitionError, match="cannot be read: it is a pipe, a socket or a"):
            Definition.load(path)
