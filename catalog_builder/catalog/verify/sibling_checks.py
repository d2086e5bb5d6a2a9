"""Checks that items name the siblings that the catalog holds, and that quick looks have left."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from catalog_builder.catalog.stac.layout import INDEX, path_of
from catalog_builder.catalog.stac.sibling_links import paired, sibling_links, siblings_of
from catalog_builder.products.granule_name import collection_of, is_granule_id
from catalog_builder.products.quick_looks import replaced_quick_looks

if TYPE_CHECKING:
    from catalog_builder.catalog.verify.problems import Problems


class SiblingChecks:
    """The siblings of one catalog, by the ids in its index."""

    def __init__(self, problem: Problems) -> None:
        self._problem = problem
        self._expected: Mapping[str, tuple[str, ...]] = {}

    def expect(self, granules: Collection[str]) -> None:
        """Take the ids of all granules of the catalog."""
        known = [one for one in granules if is_granule_id(one)]
        if len(set(map(collection_of, known))) > 1:  # else there are none
            self._expected = dict(paired(known))
        for granule, final in replaced_quick_looks(known).items():
            self._problem(INDEX, f"has the quick look {granule} beside its final granule {final}")

    def check(self, path: str, item: Mapping[str, Any]) -> None:
        """Compare the properties and links of the item at a path with what the catalog holds."""
        expected = self._expected.get(str(item.get("id")), ())
        try:
            named, links = siblings_of(item), sibling_links(item)
        except (AttributeError, LookupError, TypeError) as error:
            self._problem(path, f"has no usable properties or links: {error!r}")
            return
        if named != expected:
            self._problem(path, f"names the siblings {_list(named)}, not {_list(expected)}")
        wanted = [path_of(collection_of(one), one) for one in named]
        here = posixpath.dirname(path)
        found = [posixpath.normpath(posixpath.join(here, link)) for link in links]
        if found != wanted:
            self._problem(path, f"links to the siblings {_list(found)}, not to {_list(wanted)}")


def _list(names: Collection[str]) -> str:
    return ", ".join(names) or "none"
