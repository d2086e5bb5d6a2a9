"""Refuses a build after which a collection would hold less than half of its granules."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import filterfalse
from typing import TYPE_CHECKING

from catalog_builder.catalog.build.published_rows import count_collections
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.errors import CatalogError
from catalog_builder.products.quick_looks import is_quick_look

if TYPE_CHECKING:
    from catalog_builder.catalog.build.catalog_writer import NewCatalog
    from catalog_builder.safe_folder import SafeFolder


def require_enough(
    new: NewCatalog, files: SafeFolder, title: str, collections: Iterable[str], *, full: bool
) -> None:
    """Raise CatalogError if the catalog would lose most of its granules: probably an error.

    ``files`` is the published folder, ``title`` that of the catalog, and ``collections`` are the
    ids of its collections, each of which counts for itself, but for quick looks, which leave as
    their final granules come. A ``full`` build may lose any, but not all.
    """
    hits, items = new.summary.hits, new.items
    reason = new.state.most_frequent_reason()
    often = f" (most often set aside: {reason})" if reason else ""
    if not items:
        raise CatalogError(
            f"CMR lists {hits} granules for {title!r}, of which none can be "
            f"in the catalog{often}: nothing was changed. To remove the catalog, delete its "
            "folder."
        )
    before = None if full else open_table(files)
    if before is None:
        return
    held = before.metadata.num_rows
    what = "CMR lists only" if hits * 2 < held else "CMR has usable records of only"
    _require_half(held, min(hits, items), f"granules, but {what}", often)
    if len(several := [*collections]) > 1:
        counts = count_collections(before)
        for one in filterfalse(is_quick_look, several):
            what = f"granules of {one}, but CMR has usable records of only"
            _require_half(counts[one], new.items_of(one, counts[one]), what, often)


def _require_half(held: int, items: int, what: str, often: str) -> None:
    if items * 2 < held:
        raise CatalogError(
            f"The catalog holds {held} {what} {items}{often}: "
            "nothing was changed. If that is right, build with --full (full=True)."
        )
