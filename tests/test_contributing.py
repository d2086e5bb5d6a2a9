"""What the habits of contributing name: tools, versions of Python, make targets that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

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
