"""How an index, or what a search of it finds, shows in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final, Protocol

import shapely

from catalog_builder.catalog.html_summary import html_summary, span
from catalog_builder.errors import CatalogBuilderError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_LOOKED_AT: Final = 5_000
"""Items whose times, tracks and footprints are read; of more only the first ones are."""

_FACTS: Final = ["start_datetime", "sat:relative_orbit", "sat:orbit_cycle", "geometry"]


def counted(collections: Mapping[str, int]) -> str:
    """How many items are in each of several collections, in brackets; nothing for one."""
    if len(collections) < 2:
        return ""
    return f" ({', '.join(f'{count:,} {name}' for name, count in collections.items())})"


class Searched(Protocol):
    """What is asked of an index here."""

    @property
    def folder(self) -> str:
        """Where its catalog lies."""

    @property
    def collections(self) -> dict[str, int]:
        """Number of items in each collection."""

    def __len__(self) -> int: ...

    def search(self, *, limit: int) -> Searched:
        """The first of its items."""

    def to_table(self, columns: list[str]) -> pa.Table:
        """These columns."""


def index_summary(index: Searched, conditions: str) -> str:
    """Count, times, tracks, cycles and a map; what is wrong, where the catalog cannot be read."""
    try:
        count = len(index)
        some = index.search(limit=MOST_LOOKED_AT)
        table = some.to_table(_FACTS)
        collections = counted(index.collections)
    except CatalogBuilderError as error:
        return f"<div><b>{escape(repr(index))}</b><br>{escape(str(error))}</div>"
    of_some = f" (of the first {MOST_LOOKED_AT:,})" if count > MOST_LOOKED_AT else ""

    def told(column: str, shown: Any = str) -> str | None:
        text = span(map(shown, table[column].to_pylist()))
        return None if text is None else text + of_some

    facts = (
        ("catalog", index.folder),
        ("conditions", conditions),
        ("granules", f"{count}{collections}"),
        ("time", told("start_datetime", lambda time: f"{time:%Y-%m-%d}")),
        ("tracks", told("sat:relative_orbit", int)),
        ("cycles", told("sat:orbit_cycle", int)),
    )
    shapes = shapely.from_wkb(table["geometry"].to_numpy())
    return html_summary("Granules of a catalog", facts, shapes)
