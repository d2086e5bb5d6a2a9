"""Modules and folders that the documents name are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "catalog_builder"

DOCUMENTS = [
    "CONTRIBUTING.md",
    "docs/architecture.md",
    *sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "decisions").glob("*.md")
    ),
]

ABOVE = ("", "catalog", "beams")
"""Drawings leave out the first folder where there is no doubt: ``stac/item``."""

FIRST = {path.name.removesuffix(".py") for above in ABOVE for path in (PACKAGE / above).iterdir()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_modules_that_are_named_are_there(name: str) -> None:
    text = (ROOT / name).read_text()
    named = set(
        re.findall(r"(?<![\w/.<-])([a-z_]\w*(?:/[a-z_]\w*)+/?(?:\.py)?)(?![\w/<>*.-]|\.\w)", text)
    )
    named |= set(re.findall(r"`([a-z_]+/)`", text))
    for path in named:
        first = path.split("/")[0]
        if first not in FIRST:
            assert (ROOT / path).exists() or first in {"application", "heights"}, f"{name}: {path}"
            continue
        stem = path.removesuffix(".py").rstrip("/")
        assert any(
            (PACKAGE / above / f"{stem}.py").is_file() or (PACKAGE / above / stem).is_dir()
            for above in ABOVE
        ), f"{name}: {path}"
