"""Walks the pages of a catalog from its root, checks them, and collects the items they link to."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from catalog_builder.catalog.stac.layout import CATALOG, LAYOUT_KEY, require_known_layout
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    from catalog_builder.catalog.index.catalog_location import CatalogLocation
    from catalog_builder.catalog.stac.validation import StacSchemas
    from catalog_builder.catalog.verify.problems import Problems


class PageWalk:
    """The pages of one catalog."""

    def __init__(
        self, location: CatalogLocation, schemas: StacSchemas, problems: Problems
    ) -> None:
        self._location = location
        self._schemas = schemas
        self._problem = problems
        self.pages: set[str] = set()
        """Paths of the pages that were read."""
        self.items: set[str] = set()
        """Paths of the items that they link to."""

    @property
    def has_item_pages(self) -> bool:
        """True if pages link to items; a catalog may have them in the index alone."""
        return any(path.count("/") > 1 for path in self.pages) or bool(self.items)

    def walk(self) -> None:
        """Read all pages."""
        pages: list[tuple[str, str | None]] = [(CATALOG, None)]
        while pages:
            path, parent = pages.pop()
            if path in self.pages:
                self._problem(path, "is linked to twice")
                continue
            page = self.read(path, linked_by=parent)
            if page is None:
                continue
            for problem in self._schemas.problems(simplified(page)):
                self._problem(path, problem)
            require_known_layout(page.get(LAYOUT_KEY, 1), self._location.href(path))
            self.pages.add(path)
            self.check_links(path, page, {"root": CATALOG, "parent": parent})
            for link in page.get("links", []):
                if link.get("rel") == "child":
                    pages.append((self._target(path, link), path))
                elif link.get("rel") == "item":
                    self._add_item(self._target(path, link), path)

    def _add_item(self, path: str, page: str) -> None:
        if path in self.items:
            self._problem(page, f"links to {path}, which another link leads to")
        self.items.add(path)

    def read(self, path: str, *, linked_by: str | None) -> dict[str, Any] | None:
        """Read a JSON object; None, and a problem, if that is not possible."""
        try:
            document = orjson.loads(self._location.read(path))
        except CatalogError as error:
            self._problem(
                linked_by or path,
                f"has a link to a page that cannot be read: {error}" if linked_by else str(error),
            )
            return None
        except orjson.JSONDecodeError as error:
            self._problem(path, f"is not JSON: {error}")
            return None
        if not isinstance(document, dict):
            self._problem(path, "is not a JSON object")
            return None
        return document

    def check_links(
        self, path: str, document: Mapping[str, Any], expected: Mapping[str, str | None]
    ) -> None:
        """Check that a document has each expected link once; ``expected`` maps ``rel`` to path."""
        links = document.get("links", [])
        for rel, wanted in expected.items():
            found = [self._target(path, link) for link in links if link.get("rel") == rel]
            if wanted is not None and found != [wanted]:
                self._problem(path, f"has {rel} links to {found}, not to {wanted}")

    def _target(self, path: str, link: Mapping[str, Any]) -> str:
        """Path, in the catalog's folder, of the target of a link."""
        href = str(link.get("href", ""))
        if "://" in href or href.startswith("/"):
            return href.removeprefix(f"{self._location.folder}/")
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), href))


def simplified(document: dict[str, Any]) -> dict[str, Any]:
    """The document with only four positions in each ring of its geometry.

    Checking hundreds of positions against a JSON schema takes 20 ms for each item. Shapely
    checks the whole geometry.
    """

    def simplify(value: Any) -> Any:
        if not isinstance(value, list) or not value or not isinstance(value[0], list):
            return value
        is_ring = bool(value[0]) and not isinstance(value[0][0], list)
        if is_ring and len(value) > 4:
            return [*value[:3], value[-1]]
        return list(map(simplify, value))

    geometry = document.get("geometry")
    if not isinstance(geometry, dict):
        return document
    coordinates = simplify(geometry.get("coordinates"))
    return {**document, "geometry": {**geometry, "coordinates": coordinates}}
