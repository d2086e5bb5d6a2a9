"""What comes from outside is shown, never obeyed by the terminal."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from building import records_of
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.cli import main
from catalog_builder.commands.terminal import emit_facts, emit_json, emit_table
from catalog_builder.errors import CatalogBuilderError, ReferencesWarning
from catalog_builder.intake_drivers.representation import html_table
from catalog_builder.plain_text import visible
from earthdata_standin import EarthdataStandin

CLEAR = "\x1b[2J\x1b]0;title\x07 \x9b31m \u202egnp.exe"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@given(st.text(st.characters()))
def test_nothing_that_is_obeyed_is_left_and_nothing_else_changes(text: str) -> None:
    shown = visible(text)
    assert not OBEYED.search(shown)
    shown.encode()
    if text.isprintable():
        assert visible(text) == text


def test_it_is_written_out() -> None:
    assert visible("a\tb\n\x1b[31m\u202e") == "a\tb\n\\x1b[31m\\u202e"


def test_verbs_write_by_what_escapes() -> None:
    """All but a title of our own, and what is drawn on a terminal, goes through ``write``."""
    folder = Path(__file__).parent.parent / "catalog_builder" / "commands"
    found = [
        f"{path.name}: {line.strip()}"
        for path in folder.glob("*.py")
        for line in path.read_text().splitlines()
        if path.name != "terminal.py" and re.search(r"\b(click\.s?echo|print)\(", line)
    ]
    assert found == [
        'demo.py: click.secho(f"{number}. {step.title}", bold=True)  # a title of our own'
    ]


def test_a_notebook_shows_it_as_text() -> None:
    shown = html_table(CLEAR, [("<i>", "<script>alert(1)</script>"), (CLEAR, CLEAR)], CLEAR)
    assert not OBEYED.search(shown)
    assert "<script>" not in shown
    assert "<i>" not in shown


def test_errors_and_warnings_show_it() -> None:
    assert str(CatalogBuilderError(CLEAR)) == visible(CLEAR)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(CLEAR, ReferencesWarning, stacklevel=1)
    assert str(caught[0].message) == visible(CLEAR)


def test_results_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    emit_table(["id"], [[CLEAR]])
    emit_facts([("id", CLEAR)])
    emit_json({"id": CLEAR})
    out = capsys.readouterr().out
    assert not OBEYED.search(out)
    _, table, facts, *data = out.splitlines()
    assert "\\x1b[2J" in table
    assert "\\x1b[2J" in facts
    assert json.loads("\n".join(data)) == {"id": CLEAR}


@pytest.mark.parametrize("options", [[], ["--json"], ["--links", "s3"]])
def test_a_record_of_cmr_cannot_speak_to_the_terminal(
    options: list[str], cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = records_of()[:2]
    for url in records[0]["umm"]["RelatedUrls"]:
        url["URL"] = url["URL"].replace(".h5", f".h5?{CLEAR}")
    records[1]["umm"]["GranuleUR"] = CLEAR
    records[1]["umm"]["RelatedUrls"] = []
    cloud.world = replace(cloud.world, granules=records)
    definition = tmp_path_factory.mktemp("definition") / "definition.toml"
    definition.write_text(
        'title = "All"\nshort_name = "ATL03"\nversion = "007"\nprovider = "NSIDC_CPRD"\n'
    )
    result = CliRunner().invoke(main, ["search", str(definition), *options])
    assert not OBEYED.search(result.output)
