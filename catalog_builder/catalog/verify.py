"""Checks a published catalog, in a folder or behind a URL, as one who did not build it.

Walks all links from the root, so that what a reader of the catalog can reach is what is checked;
then holds the index, and in a folder the files there are, against what was reached.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from catalog_builder.atl03 import Beam, GranuleName
from catalog_builder.catalog.address import Address
from catalog_builder.catalog.extent import cover
from catalog_builder.catalog.item_index import ItemIndex
from catalog_builder.catalog.item_references import references_of
from catalog_builder.catalog.layout import (
    CARD,
    CATALOG,
    INDEX,
    REPORT,
    ROOT_FILES,
    item_path,
    published_files,
    reference_files,
    references_path,
)
from catalog_builder.catalog.published_folder import ASIDE
from catalog_builder.catalog.stac_schemas import StacSchemas
from catalog_builder.errors import CatalogError, NotATL03Error
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.progress import Reporter

MOST_PROBLEMS: Final = 200
"""Problems kept; of those beyond it only the number."""

_DRIVERS: Final = {"beam": "atl03_beam", "granules": "atl03_granules"}
_BOX_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a check found."""

    address: str
    """Folder or URL of the catalog."""
    pages: int
    """Catalogs and collections that were read."""
    items: int
    """Items that the pages link to."""
    items_read: int
    """Items that were read and checked: all, or a sample."""
    index_rows: int
    problems: tuple[str, ...]
    """What is wrong, a sentence each, the first 200."""
    problem_count: int
    """How many there are in all."""
    notes: tuple[str, ...]
    """What was not checked, and what is worth knowing."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem_count == 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def verify(
    dir_or_url: str | Path,
    *,
    sample: int | None = None,
    schemas: str | Path | None = None,
    fetch_schemas: bool = False,
    progress: Reporter | None = None,
) -> VerifyReport:
    """Check a published catalog; what is wrong is in the report, not raised.

    ``sample`` is about how many items to read, evenly spread; all unless given. ``schemas`` is a
    folder of STAC extension schemas (default: that of ``ATL03_SCHEMAS``); others are left out, or
    fetched with ``fetch_schemas``. Raises :class:`~catalog_builder.errors.CatalogNotFoundError`
    where there is no catalog at all.
    """
    address = Address.parse(dir_or_url)
    address.read(CATALOG)
    folder = None if schemas is None else Path(schemas)
    check = _Check(address, StacSchemas(folder, fetch=fetch_schemas), sample, progress)
    check.index()
    check.walk()
    check.rest()
    return check.report()


class _Check:
    """One check of one catalog, step by step."""

    def __init__(
        self,
        address: Address,
        schemas: StacSchemas,
        sample: int | None,
        progress: Reporter | None,
    ) -> None:
        self._address = address
        self._schemas = schemas
        self._sample = sample
        self._progress = progress
        self._rows: dict[str, bytes | None] = {}
        """Ids in the index; with each that is to be checked, a digest of its row."""
        self._pages: set[str] = set()
        self._items: set[str] = set()
        self._references: dict[str, frozenset[Beam]] = {}
        """Beams whose references an item names, by path, of the items that were read."""
        self._items_read = 0
        self._problems: list[str] = []
        self._problem_count = 0
        self._notes: list[str] = []

    def report(self) -> VerifyReport:
        return VerifyReport(
            address=self._address.folder,
            pages=len(self._pages),
            items=len(self._items),
            items_read=self._items_read,
            index_rows=len(self._rows),
            problems=tuple(self._problems),
            problem_count=self._problem_count,
            notes=tuple(self._notes),
        )

    def index(self) -> None:
        """Read the index: all ids, and the rows of the items that will be checked."""
        index = ItemIndex.open(self._address)
        try:
            ids = index.ids
            self._rows = dict.fromkeys(ids)
            if len(self._rows) < len(ids):
                self._problem(INDEX, f"has {len(ids) - len(self._rows)} ids twice")
            if self._sample is not None and self._sample < len(ids):
                step = -(-len(ids) // max(self._sample, 1))
                index = index.search(ids=sorted(ids)[::step])
            self._rows.update((item["id"], _digest(item)) for item in index.dictionaries())
        except CatalogError as error:
            self._problem(INDEX, str(error))

    def walk(self) -> None:
        """Read all pages from the root on, and the items they link to."""
        pages: list[tuple[str, str | None, str | None]] = [(CATALOG, None, None)]
        while pages:
            path, parent, collection = pages.pop()
            if path in self._pages:
                self._problem(path, "is linked to twice")
                continue
            page = self._read(path, named_by=parent)
            if page is None:
                continue
            self._pages.add(path)
            if page.get("type") == "Collection":
                collection = path
            self._check_links(path, page, {"root": CATALOG, "parent": parent})
            for link in page.get("links", []):
                if link.get("rel") == "child":
                    pages.append((self._target(path, link), path, collection))
                elif link.get("rel") == "item":
                    self._check_item(self._target(path, link), path, collection)

    def rest(self) -> None:
        """Hold the index, the files and the card against what was reached."""
        linked = {_stem(path) for path in self._items}
        self._list_problems(
            INDEX, "has rows of granules that no page links to", self._rows.keys() - linked
        )
        root = self._address.path
        if root is not None:
            reached = {*self._pages, *self._items, *ROOT_FILES}
            orphans = set(published_files(root)) - reached
            self._list_problems("The folder", "holds files that no page links to", orphans)
            self._check_reference_files(root)
            if (root / ASIDE).is_dir():
                self._notes.append(
                    "A build is writing to this folder, or one died: then the next completes it."
                )
        self._check_card()
        self._check_build_report()
        if self._schemas.skipped:
            self._notes.append(
                "Not validated, for the schemas are not at hand (--schemas DIR, or "
                f"--fetch-schemas): {', '.join(sorted(self._schemas.skipped))}"
            )
        if self._items_read < len(self._items):
            self._notes.append(f"{self._items_read} of {len(self._items)} items were read.")

    def _check_item(self, path: str, page: str, collection: str | None) -> None:
        if path in self._items:
            self._problem(page, f"links to {path}, which was linked to before")
            return
        self._items.add(path)
        known = _stem(path) in self._rows
        if not known:
            self._problem(INDEX, f"lacks {_stem(path)}")
        expected = self._rows.get(_stem(path))
        if known and expected is None:
            return  # not in the sample
        item = self._read(path, named_by=page)
        if item is None:
            return
        self._items_read += 1
        if self._progress is not None:
            total = len(self._rows)
            self._progress(Progress(stage="verifying", done=self._items_read, total=total))
        self._check_links(path, item, {"root": CATALOG, "parent": page, "collection": collection})
        for problem in _item_problems(path, item):
            self._problem(path, problem)
        if expected is not None and expected != _digest(item):
            self._problem(path, f"differs from its row in {INDEX}")
        self._check_references(path, item)

    def _check_references(self, path: str, item: Mapping[str, Any]) -> None:
        """Check that the reference sets an item names are there, and lie where they are to."""
        try:
            found = references_of(item, path)
            name = GranuleName.parse(item["id"])
            places = {beam: references_path(item["collection"], name, beam) for beam in found}
        except (KeyError, TypeError, NotATL03Error) as error:
            self._problem(path, f"has no usable assets: {error!r}")
            return
        self._references[path] = frozenset(found)
        for beam, (file, size) in found.items():
            if file != places[beam]:
                self._problem(path, f"has references of {beam} at {file}, not {places[beam]}")
                continue
            try:
                there = self._address.size(file)
            except CatalogError as error:
                self._problem(path, f"has references of {beam} that lead to nothing: {error}")
                continue
            if None not in (size, there) and size != there:
                self._problem(path, f"says that {file} has {size} bytes, but there it has {there}")

    def _check_reference_files(self, root: Path) -> None:
        """Find reference sets that no item names; of items that were not read none is known."""
        unread = self._items - self._references.keys()
        orphans = {
            path
            for path, item, beam in reference_files(root)
            if item not in unread and beam not in self._references.get(item, ())
        }
        self._list_problems("The folder", "holds references that no item names", orphans)

    def _check_links(
        self, path: str, document: Mapping[str, Any], expected: Mapping[str, str | None]
    ) -> None:
        """Check the links upwards, each of which there is to be once."""
        links = document.get("links", [])
        for rel, wanted in expected.items():
            found = [self._target(path, link) for link in links if link.get("rel") == rel]
            if wanted is not None and found != [wanted]:
                self._problem(path, f"has {rel} links to {found}, not to {wanted}")

    def _check_card(self) -> None:
        import yaml

        try:
            card = yaml.safe_load(self._address.read(CARD))
            drivers = {name: entry["driver"] for name, entry in card["sources"].items()}
        except CatalogError as error:
            self._problem(CARD, str(error))
        except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            self._problem(CARD, f"is no intake catalog: {error!r}")
        else:
            if drivers != _DRIVERS:
                self._problem(CARD, f"has the entries {drivers}, not {_DRIVERS}")

    def _check_build_report(self) -> None:
        report = self._read(REPORT, named_by=None)
        if report is not None and report.get("items") != len(self._items):
            self._problem(
                REPORT, f"says {report.get('items')} items; the pages link to {len(self._items)}"
            )

    def _read(self, path: str, *, named_by: str | None) -> dict[str, Any] | None:
        """A JSON file, valid as STAC where it is to be; None where it cannot be read."""
        try:
            document = orjson.loads(self._address.read(path))
        except CatalogError as error:
            self._problem(
                named_by or path, f"leads to nothing: {error}" if named_by else str(error)
            )
            return None
        except orjson.JSONDecodeError as error:
            self._problem(path, f"is not JSON: {error}")
            return None
        if not isinstance(document, dict):
            self._problem(path, "is no JSON object")
            return None
        if path != REPORT:
            for problem in self._schemas.problems(_thinned(document)):
                self._problem(path, problem)
        return document

    def _target(self, path: str, link: Mapping[str, Any]) -> str:
        """Where a link leads, relative to the catalog's folder."""
        href = str(link.get("href", ""))
        if "://" in href or href.startswith("/"):
            return href.removeprefix(f"{self._address.folder}/")
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), href))

    def _problem(self, path: str, problem: str) -> None:
        self._problem_count += 1
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(f"{path} {problem.rstrip('.')}.")

    def _list_problems(self, where: str, what: str, which: Collection[str]) -> None:
        if which:
            first = ", ".join(sorted(which)[:5])
            more = f" and {len(which) - 5} more" if len(which) > 5 else ""
            self._problem(where, f"{what}: {first}{more}")


def _item_problems(path: str, item: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with an item by itself, beyond the schemas."""
    import shapely

    try:
        place = item_path(str(item.get("collection")), GranuleName.parse(str(item.get("id"))))
    except NotATL03Error as error:
        yield f"has an id that is no granule's: {error}"
    else:
        if place != path:
            yield f"is the item {item['id']} of {item['collection']}, whose place is {place}"
    try:
        shape = shapely.geometry.shape(item["geometry"])
        parts = [part.bounds for part in getattr(shape, "geoms", [shape])]
        box = cover(parts, all_round=0)
        same = np.allclose(box, np.asarray(item["bbox"], dtype=float), rtol=0, atol=_BOX_TOLERANCE)
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        yield f"has no usable geometry or bbox: {error!r}"
        return
    if not shape.is_valid:
        yield f"has an invalid geometry: {shapely.is_valid_reason(shape)}"
    if not same:
        yield f"has the bbox {item['bbox']}, but its geometry has {list(box)}"


def _thinned(document: dict[str, Any]) -> dict[str, Any]:
    """The document with four positions left of each ring of its geometry.

    A JSON schema takes 20 ms for a footprint's hundreds of them; shapely reads them all anyway.
    """

    def thin(value: Any) -> Any:
        if not isinstance(value, list) or not value or not isinstance(value[0], list):
            return value
        is_ring = bool(value[0]) and not isinstance(value[0][0], list)
        return [*value[:3], value[-1]] if is_ring and len(value) > 4 else list(map(thin, value))

    geometry = document.get("geometry")
    if not isinstance(geometry, dict):
        return document
    return {
        **document,
        "geometry": {**geometry, "coordinates": thin(geometry.get("coordinates"))},
    }


def _digest(item: Mapping[str, Any]) -> bytes:
    return blake2b(orjson.dumps(item, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _stem(path: str) -> str:
    return posixpath.basename(path).removesuffix(".json")
