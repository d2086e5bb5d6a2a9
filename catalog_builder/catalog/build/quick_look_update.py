"""Leaves out quick looks of which a build has the final granule, in another collection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from catalog_builder.catalog.build.published_rows import read_published_passes
from catalog_builder.products.quick_looks import are_replaced, is_quick_look, replaced_quick_looks

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.published_rows import PublishedRow
    from catalog_builder.catalog.build.state import BuildState
    from catalog_builder.catalog.definition import Definition


def drop_quick_looks(
    collections: Iterable[Definition],
    state: BuildState,
    old: pq.ParquetFile | None,
    removed: set[str],
) -> set[str]:
    """Set aside the quick looks that a final granule replaces, once rows have been settled.

    ``collections`` are those of the catalog, ``old`` is the published index, for an update, and
    ``removed`` are the ids of its granules that are removed. Returns the ids of its quick looks
    that go. Raises :class:`~catalog_builder.errors.CatalogError` for a damaged index.
    """
    gone: set[str] = set()
    if not are_replaced(one.short_name for one in collections):
        return gone
    staged = {row.id: row for row in state.each() if is_quick_look(row.id)}
    published: dict[str, PublishedRow] = {}
    if old is not None:
        touched = removed.union(row.id for row in state.each())
        published = {row.id: row for row in read_published_passes(old, touched)}
    replaced = replaced_quick_looks(chain((row.id for row in state.each()), published))
    for granule, final in replaced.items():
        reason = f"{final} is the final granule of this quick look."
        if granule in staged:
            state.drop(staged[granule], reason=reason)
        else:
            state.add_set_aside(f"{granule}.h5", published[granule].concept, reason)
        if old is not None and (granule in published or state.published.has(granule)):
            gone.add(granule)
    return gone
