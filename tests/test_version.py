"""The version stands in one place, and what is made of the tree says the same."""

from __future__ import annotations

import email
import tomllib
import zipfile
from pathlib import Path

import yaml
from hatchling.builders.wheel import WheelBuilder

import catalog_builder
from catalog_builder._version import __version__

ROOT = Path(__file__).parent.parent


def test_the_wheel_and_the_package_have_the_same_version(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as files:
        (name,) = (one for one in files.namelist() if one.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(files.read(name))
        namespace: dict[str, str] = {}
        exec(files.read("catalog_builder/_version.py"), namespace)
    assert metadata["Version"] == namespace["__version__"] == __version__
    assert catalog_builder.__version__ == __version__


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == __version__


def test_the_project_table_does_not_repeat_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert project["dynamic"] == ["version"]


def test_nothing_takes_the_version_from_the_package_root() -> None:
    """That import would be a circle: the root names every module that would do it."""
    for path in (ROOT / "catalog_builder").rglob("*.py"):
        assert "from catalog_builder import __version__" not in path.read_text(), path
