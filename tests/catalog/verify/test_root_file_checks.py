"""The files beside the root catalog: damage to them is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog_builder.catalog.verify.checks import verify
from tests.catalog.verify.damage import (
    assert_found,
    damage_page,
    damage_yaml,
    drop_yaml,
    other_drivers,
    wrong_report,
)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop_yaml, "There is no"),
        (damage_yaml, "is not an intake catalog"),
        (other_drivers, "has the entries"),
        (damage_page, "browsers refuse its script"),
        (wrong_report, "states 3 items"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, schemas: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    assert_found(words, published, schemas)


def test_a_catalog_of_an_older_version_needs_no_page(published: Path, schemas: Path) -> None:
    (published / "index.html").unlink()
    assert verify(published, schemas=schemas).ok
