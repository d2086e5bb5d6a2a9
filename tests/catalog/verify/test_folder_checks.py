"""Files of a local catalog that nothing links to, and what a writer left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.verify.checks import verify
from tests.catalog.verify.damage import assert_found, orphan


def test_an_unfinished_build_is_noted(published: Path) -> None:
    (published / STAGING).mkdir()
    assert any("the next build completes it" in note for note in verify(published).notes)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (orphan, "no page links to"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, schemas: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    assert_found(words, published, schemas)
