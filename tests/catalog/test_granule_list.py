"""A list of granules; tests/catalog/test_granule_search has those that a search gives."""

from __future__ import annotations

import sys

import pytest

from catalog_builder.catalog.granule_list import GranuleList
from catalog_builder.errors import MissingExtraError


def test_none(monkeypatch: pytest.MonkeyPatch) -> None:
    none = GranuleList(documents=(), listed=3)
    assert (len(none), none.ids, repr(none), list(none)) == (0, [], "<0 granules>", [])
    with pytest.raises(IndexError):
        none[0]
    monkeypatch.setitem(sys.modules, "geopandas", None)
    with pytest.raises(MissingExtraError, match=r"\[geo\]"):
        none.to_geodataframe()
