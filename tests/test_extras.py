"""A missing extra is named; any other error passes."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from catalog_builder.beams.lazy import photons_per_task
from catalog_builder.errors import MissingExtraError
from catalog_builder.extras import Extra, needing


def test_the_error_names_the_extra_and_what_is_missing() -> None:
    with (
        pytest.raises(MissingExtraError) as caught,
        needing("las", "Writing LAS"),
    ):
        importlib.import_module("there_is_no_such_module")
    assert str(caught.value) == (
        "Writing LAS needs the extra 'las' (there_is_no_such_module is missing): "
        "pip install 'icesat2-catalog-builder[las]'."
    )


def test_an_error_that_names_another_extra_passes() -> None:
    with (
        pytest.raises(MissingExtraError, match="A map needs the extra 'geo'"),
        needing("plot", "A plot"),
        needing("geo", "A map"),
    ):
        raise ImportError
    with pytest.raises(ValueError, match="another"), needing("plot", "A plot"):
        raise ValueError("another")


def test_the_extras_are_those_of_the_project() -> None:
    with (Path(__file__).parent.parent / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    assert {*extras} == {*get_args(Extra), "all"}
    assert extras["all"] == [f"icesat2-catalog-builder[{','.join(sorted(get_args(Extra)))}]"]


def test_without_dask_nothing_opens_lazily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    assert photons_per_task(None) is None
    with pytest.raises(MissingExtraError, match=r"icesat2-catalog-builder\[dask\]"):
        photons_per_task("auto")
