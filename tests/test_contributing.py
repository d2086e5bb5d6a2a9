"""What documents and tools for contributors name is there: versions, make targets, files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_ruff_before_a_commit_is_the_locked_one() -> None:
    hooks = {repo["repo"]: repo["rev"] for repo in read_yaml(".pre-commit-config.yaml")["repos"]}
    (locked,) = re.findall(r"(?m)^ruff==(\S+)$", (ROOT / "requirements.lock").read_text())
    assert hooks["https://github.com/astral-sh/ruff-pre-commit"] == f"v{locked}"


def test_every_python_that_is_named_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    matrix = read_yaml(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == named
    assert project["requires-python"] == f">={named[0]}"
    assert {each["python"] for each in matrix["include"]} <= set(named)


def test_the_workflow_and_the_templates_call_targets_that_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):.*## ", (ROOT / "Makefile").read_text()))
    for path in (".github/workflows/ci.yml", ".github/pull_request_template.md", ".ci/run"):
        for line in re.findall(r"(?:^|[`:] ?)\s*make ([a-z -]+)", (ROOT / path).read_text(), re.M):
            assert set(line.split()) <= targets, f"{path}: make {line}"


DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")]
)


def test_documents_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/decisions/README.md"} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_files_lead_somewhere(name: str) -> None:
    path = ROOT / name
    prose = re.sub(r"(?s)```.*?```|`[^`]*`", "", path.read_text())
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{name}: {target}"


def test_every_decision_stands_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}
    for name in listed:
        text = (folder / name).read_text()
        for heading in ("**Chosen.**", "**What it costs.**", "**What would change it.**"):
            assert heading in text, f"{name}: {heading}"
