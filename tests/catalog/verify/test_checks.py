from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog_builder.catalog.serve import Host
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError, CatalogNotFoundError
from tests.catalog.verify.damage import (
    assert_found,
    damage_index,
    double_index,
    drop_index,
    invalid_extension,
    invalid_item,
    short_index,
)


def test_a_catalog_is_checked_over_http_too(built: Path, schemas: Path) -> None:
    with Host(built) as host:
        report = verify(host.url, schemas=schemas)
        sampled = verify(f"{host.url}/catalog.json", schemas=schemas, sample=5)
    assert (report.problems, report.notes, report.items_read) == ((), (), 39)
    assert report.address == host.url
    assert sampled.ok
    assert sampled.items == 39
    assert 5 <= sampled.items_read <= 6
    assert "of 39 items were read" in sampled.notes[0]


def test_schemas_that_are_not_at_hand_are_named(
    built: Path, monkeypatch: pytest.MonkeyPatch, schemas: Path
) -> None:
    monkeypatch.delenv("ATL03_SCHEMAS", raising=False)
    report = verify(built)
    assert report.ok
    (note,) = report.notes
    assert "Not validated" in note
    assert "/sat/v1.2.0/schema.json" in note
    monkeypatch.setenv("ATL03_SCHEMAS", str(schemas))
    assert verify(built).notes == ()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (invalid_item, "is not valid at properties"),
        (invalid_extension, "'lost' is not one of"),
        (short_index, "items.parquet lacks ATL03_"),
        (double_index, "twice"),
        (drop_index, "There is no"),
        (damage_index, "items.parquet cannot be read"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, schemas: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    assert_found(words, published, schemas)


def test_where_there_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError):
        verify(tmp_path)
    (tmp_path / "catalog.json").write_text("{}")
    with pytest.raises(CatalogError, match="no folder"):
        verify(tmp_path, schemas=tmp_path / "nowhere")
