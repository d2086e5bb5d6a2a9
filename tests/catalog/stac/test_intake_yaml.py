"""``catalog.yml`` says what the definition says, whatever that is, and intake opens it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import intake
import pytest
import yaml
from building import DEFINITION
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.stac.intake_yaml import intake_yaml

TITLES = (
    'A "quoted": {{ env(HOME) }} # title \N{EM DASH} ±180\n- x',
    "it's `quoted` \\ back\\\\slashed",
    "@TITLE@ @DESCRIPTION@",
    "{{ env(HOME) }}",
    "{{ shell(echo) }} {% for a in b %} {# no comment #}",
    "{{ CATALOG_DIR }}",
    "!template x",
    "\\!template  !template ",
    "!!python/object/apply:os.system [echo]",
    "\x1b[31mred\x1b[0m \x00 \x07 \x7f \x85 \u2028 \u2029 \ufeff \u202e",
    "carriage\r\nreturn\rtab\t end\n\n",
    "  spaces around  ",
    "null",
    "---\nsources: {}\n...\n",
    "%YAML 1.1",
    "Grönland, 南極, \N{ICE CUBE}",
    "long " * 200,
)


def opened(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "catalog.yml"
    file.write_text(text, encoding="utf-8", newline="")
    return intake.open_catalog(str(file))


@pytest.mark.parametrize("title", TITLES)
def test_intake_gives_the_texts_of_the_definition_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str
) -> None:
    monkeypatch.setenv("HOME", "a-secret-of-the-environment")
    made = replace(DEFINITION, title=title, description=f"More on {title}")
    catalog = opened(tmp_path, intake_yaml(made))
    assert sorted(catalog) == ["beam", "granules", "photons"]
    assert catalog.metadata["title"] == title
    assert catalog.metadata["description"] == f"More on {title}"
    entry = catalog["beam"].describe()
    assert "a-secret-of-the-environment" not in f"{catalog.metadata} {entry}"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_comes_back(title: str) -> None:
    text = intake_yaml(replace(DEFINITION, title=title))
    assert text.isascii()
    assert text.isprintable() or text.replace("\n", "").isprintable()
    read = yaml.safe_load(text.replace("!template ", ""))  # as intake does
    assert read["metadata"] == {"version": 1, "title": title, "description": title}


def test_nothing_but_the_texts_depends_on_the_definition() -> None:
    first, other = (intake_yaml(replace(DEFINITION, title=title)) for title in ("A", "B"))
    assert first.replace('"A"', '"B"') == other
    assert first == intake_yaml(replace(DEFINITION, title="A"))
    assert first.startswith("# Made by catalog-builder.")
    assert "env(" not in first
    assert "secret" not in first


def test_every_parameter_is_an_argument_and_has_a_default(tmp_path: Path) -> None:
    """Intake drops a parameter that no argument names, and asks for one without a default."""
    entry = yaml.safe_load(intake_yaml(DEFINITION))["sources"]["beam"]
    assert entry["args"].keys() == {"catalog", *entry["parameters"]}
    assert {name: f"{{{{ {name} }}}}" for name in entry["parameters"]}.items() <= (
        entry["args"].items()
    )
    source = opened(tmp_path, intake_yaml(DEFINITION)).beam(granule="ATL03_x", beam="gt3r")
    assert (source.granule, source.beam, source.access) == ("ATL03_x", "gt3r", "auto")
    assert Path(source.catalog) == tmp_path
