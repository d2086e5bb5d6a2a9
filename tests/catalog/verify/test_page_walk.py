"""Pages of a catalog, walked from its root: damage to them is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog.verify.damage import (
    a_list,
    assert_found,
    drop_page,
    link_twice,
    no_stac,
    outside_link,
    wrong_parent,
)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop_page, "has a link to a page that cannot be read"),
        (wrong_parent, "has parent links to"),
        (link_twice, "is linked to twice"),
        (outside_link, "has a link to a page that cannot be read"),
        (no_stac, "is not a STAC object"),
        (a_list, "is not a JSON object"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, schemas: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    assert_found(words, published, schemas)
