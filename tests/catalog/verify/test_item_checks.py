"""Items of a catalog: damage to them, and to their rows in the index, is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog.verify.damage import (
    assert_found,
    bow_tie,
    change_item,
    drop_item,
    flatten_index,
    halve_item,
    moved_item,
    no_geometry,
    wrong_box,
)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop_item, "has a link to an item that cannot be read"),
        (halve_item, "is not JSON"),
        (change_item, "differs from its row"),
        (wrong_box, "has the bbox"),
        (bow_tie, "invalid geometry"),
        (no_geometry, "no usable geometry"),
        (moved_item, "whose path is"),
        (flatten_index, "The column assets of the index is string, not struct"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, schemas: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    assert_found(words, published, schemas)
