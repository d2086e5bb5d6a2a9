"""Checks a published catalog, in a folder or behind a URL, as one who did not build it.

Walks all links from the root, so that what a reader of the catalog can reach is what is checked;
then holds the index, and in a folder the files there are, against what was reached.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.atl03 import ID_CYCLE, ID_DATE, Beam, GranuleName, iso_date
from catalog_builder.catalog.build.publish import ASIDE, PublishedFolder
from catalog_builder.catalog.index.catalog_location import Address
from catalog_builder.catalog.index.lookup import is_granule_id
from catalog_builder.catalog.index.reader import IndexFile
from catalog_builder.catalog.stac.beam_assets import references_of
from catalog_builder.catalog.stac.layout import (
    CARD,
    CATALOG,
    COLLECTION,
    INDEX,
    REPORT,
    ROOT_FILES,
    path_of,
    published_files,
    reference_files,
    references_path,
)
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.item_checks import check_items, compare_items, read_items
from catalog_builder.errors import CatalogError, NotATL03Error
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.progress import Reporter

_BATCH: Final = 1000
"""Items read at a time that no row is for."""

MOST_PROBLEMS: Final = 200
"""Problems kept; of those beyond it only the number."""

_DRIVERS: Final = {"beam": "atl03_beam", "granules": "atl03_granules"}

_VALIDATED: Final = 2_000
"""Items that are held against the schemas, spread evenly: a schema takes milliseconds."""


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
    """Items that were read and checked, and compared with the index: all, or a sample."""
    validated: int
    """Items among them that were held against the STAC schemas: all, or some 2,000."""
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
    check.items()
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
        self._index: IndexFile | None = None
        self._rows: set[str] = set()
        """Ids in the index."""
        self._half = frozenset[str]()
        """Ids of granules that were being published or indexed by who died."""
        self._pages: set[str] = set()
        self._items: set[str] = set()
        self._references: dict[str, frozenset[Beam]] = {}
        """Beams whose references an item names, by path, of those items read that name any."""
        self._items_read = self._validated = 0
        self._problems: list[str] = []
        self._problem_count = 0
        self._notes: list[str] = []

    def report(self) -> VerifyReport:
        return VerifyReport(
            address=self._address.folder,
            pages=len(self._pages),
            items=len(self._items),
            items_read=self._items_read,
            validated=self._validated,
            index_rows=len(self._rows),
            problems=tuple(self._problems),
            problem_count=self._problem_count,
            notes=tuple(self._notes),
        )

    def index(self) -> None:
        """Read all ids in the index."""
        if self._address.path is not None:
            half = PublishedFolder(self._address.path).half_published()
            if half is not None:
                self._half = half
                self._notes.append(
                    "Whoever published or indexed here is at it still, or died: then the next "
                    f"one does the rest. Meanwhile files of {len(half)} granules may not agree."
                )
        index = IndexFile(self._address)
        try:
            count = 0
            for group in range(index.groups):
                ids = index.read([group], ["id"])["id"].to_pylist()
                self._rows.update(ids)
                count += len(ids)
            if len(self._rows) < count:
                self._problem(INDEX, f"has {count - len(self._rows)} ids twice")
            self._index = index
        except CatalogError as error:
            self._problem(INDEX, str(error))

    def walk(self) -> None:
        """Read all pages from the root on, and the items they link to."""
        pages: list[tuple[str, str | None]] = [(CATALOG, None)]
        while pages:
            path, parent = pages.pop()
            if path in self._pages:
                self._problem(path, "is linked to twice")
                continue
            page = self._read(path, named_by=parent)
            if page is None:
                continue
            self._pages.add(path)
            self._check_links(path, page, {"root": CATALOG, "parent": parent})
            for link in page.get("links", []):
                if link.get("rel") == "child":
                    pages.append((self._target(path, link), path))
                elif link.get("rel") == "item":
                    self._link_item(self._target(path, link), path)

    def items(self) -> None:
        """Read the items that pages link to, and hold them against their rows."""
        step = 1
        if self._sample is not None and self._sample < len(self._items):
            step = -(-len(self._items) // max(self._sample, 1))
        if self._index is not None:
            self._items_in_index(self._index, step)
        strangers = sorted(path for path in self._items if _stem(path) not in self._rows)
        for first in range(0, len(strangers), _BATCH):
            self._check_items(read_items(self._address, strangers[first:][:_BATCH], self._problem))

    def _items_in_index(self, index: IndexFile, step: int) -> None:
        import pyarrow as pa

        offset = 0
        for group in range(index.groups):
            try:
                keys = index.read([group], ["id", "collection"])
            except CatalogError as error:
                self._problem(INDEX, str(error))
                return
            paths = [
                (row, path_of(collection, granule))
                for row, (granule, collection) in enumerate(
                    zip(keys["id"].to_pylist(), keys["collection"].to_pylist(), strict=True)
                )
                if (offset + row) % step == 0 and is_granule_id(granule)
            ]
            offset += len(keys)
            rows = {path: row for row, path in paths if path in self._items}
            if not rows:
                continue
            items = read_items(self._address, list(rows), self._problem)
            self._check_items(items)
            agreed = [(path, item) for path, item in items if _stem(path) not in self._half]
            table = index.read([group], index.schema.names)
            compare_items(
                agreed,
                table.take(pa.array([rows[path] for path, _ in agreed], pa.int64())),
                self._problem,
            )

    def _check_items(self, items: list[tuple[str, dict[str, Any]]]) -> None:
        """Check items by themselves, and the links and reference sets that they name."""
        check_items(items, self._problem)
        every = max(1, len(self._items) // _VALIDATED)
        for path, item in items:
            if self._items_read % every == 0:
                self._validated += 1
                for problem in self._schemas.problems(_thinned(item)):
                    self._problem(path, problem)
            self._items_read += 1
            page = f"{posixpath.dirname(path)}/{CATALOG}"
            collection = f"{path.partition('/')[0]}/{COLLECTION}"
            expected = {"root": CATALOG, "parent": page, "collection": collection}
            self._check_links(path, item, expected)
            self._check_references(path, item)
        if self._progress is not None:
            total = len(self._items)
            self._progress(Progress(stage="verifying", done=self._items_read, total=total))

    def rest(self) -> None:
        """Hold the index, the files and the card against what was reached."""
        linked = {_stem(path) for path in self._items}
        if self._has_item_pages():
            self._list_problems(
                INDEX,
                "has rows of granules that no page links to",
                self._rows - linked - self._half,
            )
        root = self._address.path
        if root is not None:
            reached = {*self._pages, *self._items, *ROOT_FILES}
            orphans = {
                path
                for path in published_files(root)
                if path not in reached and not (self._half and self._is_half(path))
            }
            self._list_problems("The folder", "holds files that no page links to", orphans)
            self._check_reference_files(root)
            if (root / ASIDE).is_dir() and not self._half:
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
        if self._validated < self._items_read:
            self._notes.append(
                f"{self._validated} of {self._items_read} items were held against the schemas."
            )
        if self._items_read < len(self._items):
            self._notes.append(f"{self._items_read} of {len(self._items)} items were read.")

    def _link_item(self, path: str, page: str) -> None:
        """Take in an item that a page links to."""
        if path in self._items:
            self._problem(page, f"links to {path}, which was linked to before")
            return
        self._items.add(path)
        if _stem(path) not in self._rows and _stem(path) not in self._half:
            self._problem(INDEX, f"lacks {_stem(path)}")

    def _check_references(self, path: str, item: Mapping[str, Any]) -> None:
        """Check that the reference sets an item names are there, and lie where they are to."""
        try:
            found = references_of(item, path)
            name = GranuleName.parse(item["id"])
            places = {beam: references_path(item["collection"], name, beam) for beam in found}
        except (KeyError, TypeError, NotATL03Error) as error:
            self._problem(path, f"has no usable assets: {error!r}")
            return
        if found:
            self._references[path] = frozenset(found)
        if self._is_half(path):
            return
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
        sampled = self._items_read < len(self._items)
        orphans = {
            path
            for path, item, beam in reference_files(root)
            if beam not in self._references.get(item, ())
            and not (sampled and item not in self._references)
            and not self._is_half(item)
        }
        self._list_problems("The folder", "holds references that no item names", orphans)

    def _has_item_pages(self) -> bool:
        """Whether pages lead to items: a catalog may have them in its index alone."""
        return len(self._pages) > 2 or bool(self._items)

    def _is_half(self, path: str) -> bool:
        """Whether a file belongs to what was being published or indexed by who died."""
        stem = _stem(path)
        if path.endswith(f"/{CATALOG}"):  # of a day, or a cycle
            folder = posixpath.basename(posixpath.dirname(path))
            return any(
                folder in (iso_date(one[ID_DATE]), f"cycle-{one[ID_CYCLE]}") for one in self._half
            )
        return stem in self._half

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
        if self._half:
            return  # it comes last
        report = self._read(REPORT, named_by=None)
        if report is None:
            return
        items = len(self._items if self._has_item_pages() else self._rows)
        if report.get("items") != items:
            where = "the pages link to" if self._has_item_pages() else "the index has"
            self._problem(REPORT, f"says {report.get('items')} items; {where} {items}")

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


def _stem(path: str) -> str:
    return posixpath.basename(path).removesuffix(".json")
