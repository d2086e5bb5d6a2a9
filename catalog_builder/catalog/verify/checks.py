"""Verifies a published catalog, in a folder or behind a URL: the public function :func:`verify`.

It follows all links from the root, so that it checks what a reader can reach. Then it compares the
items with the index, and in a local folder with all files.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.reader import IndexFile
from catalog_builder.catalog.index.snapshot import Snapshot
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    COLLECTION,
    INDEX,
    path_of,
)
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.folder_checks import FolderChecks
from catalog_builder.catalog.verify.item_checks import check_items, compare_items, read_items
from catalog_builder.catalog.verify.page_walk import PageWalk, simplified
from catalog_builder.catalog.verify.problems import Problems, VerifyReport
from catalog_builder.catalog.verify.reference_checks import ReferenceChecks
from catalog_builder.catalog.verify.root_file_checks import (
    check_build_report,
    check_intake_catalog,
    check_web_page,
)
from catalog_builder.catalog.verify.sibling_checks import SiblingChecks
from catalog_builder.errors import CatalogError, CatalogLayoutError
from catalog_builder.products.granule_name import is_granule_id
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.progress import Reporter

_BATCH: Final = 1000
"""Items without a row in the index that are read at a time."""

_VALIDATED: Final = 2_000
"""Number of items, evenly spread, that are checked against the schemas and whose references are
read and compared with their checksums: each takes milliseconds."""


def verify(
    dir_or_url: str | Path,
    *,
    sample: int | None = None,
    schemas: str | Path | None = None,
    fetch_schemas: bool = False,
    progress: Reporter | None = None,
) -> VerifyReport:
    """Verify a published catalog. Problems are listed in the report; they are not raised.

    Parameters
    ----------
    dir_or_url
        Folder or URL of the catalog.
    sample
        About how many items to read, evenly spread; by default all.
    schemas
        Folder of STAC extension schemas; by default that of ``ATL03_SCHEMAS``. An extension whose
        schema is missing is not validated, and the report notes it.
    fetch_schemas
        Fetch missing schemas from the network.
    progress
        Called with the progress of reading items.

    Raises
    ------
    catalog_builder.errors.CatalogNotFoundError
        There is no catalog.
    catalog_builder.errors.CatalogLayoutError
        A newer version of this package wrote it.
    catalog_builder.errors.CatalogError
        The catalog, or the folder of schemas, cannot be read.

    """
    location = CatalogLocation.parse(dir_or_url)
    location.read(CATALOG)
    folder = None if schemas is None else Path(schemas)
    verification = _Verification(location, StacSchemas(folder, fetch=fetch_schemas), sample)
    return verification.run(progress)


class _Verification:
    """One verification of one catalog."""

    def __init__(
        self, location: CatalogLocation, schemas: StacSchemas, sample: int | None
    ) -> None:
        self._location = location
        self._schemas = schemas
        self._sample = sample
        self._notes: list[str] = []
        self._problem = Problems()
        self._folder = FolderChecks(location.path, self._problem, self._notes.append)
        self._walk = PageWalk(location, schemas, self._problem)
        self._index: Snapshot | None = None
        self._rows: set[str] = set()
        """Ids in the index."""
        self._references = ReferenceChecks(location, self._problem)
        self._siblings = SiblingChecks(self._problem)
        self._items_read = self._validated = 0

    def run(self, progress: Reporter | None) -> VerifyReport:
        """Do all checks."""
        self._read_index()
        self._walk.walk()
        self._check_rows_of_items()
        self._check_items(progress)
        self._check_items_of_rows()
        self._folder.check(
            {*self._walk.pages, *self._walk.items},
            self._references.named,
            sampled=self._items_read < len(self._walk.items),
        )
        check_intake_catalog(self._location, self._problem)
        check_web_page(self._location, self._problem)
        if not self._folder.inconsistent:  # the report is published last
            check_build_report(self._walk, len(self._rows), self._problem)
        self._note_gaps()
        return VerifyReport(
            address=self._location.folder,
            pages=len(self._walk.pages),
            items=len(self._walk.items),
            items_read=self._items_read,
            validated=self._validated,
            index_rows=len(self._rows),
            problems=tuple(self._problem.texts),
            problem_count=self._problem.count,
            notes=tuple(self._notes),
        )

    def _read_index(self) -> None:
        """Read all ids in the index."""
        try:
            index = IndexFile(self._location).snapshot()
            count = 0
            for group in range(index.groups):
                ids = index.read([group], ["id"])["id"].to_pylist()
                self._rows.update(ids)
                count += len(ids)
            if len(self._rows) < count:
                self._problem(INDEX, f"has {count - len(self._rows)} ids twice")
            self._index = index
            self._siblings.expect(self._rows)
        except CatalogLayoutError:
            raise
        except CatalogError as error:
            self._problem(INDEX, str(error))

    def _check_rows_of_items(self) -> None:
        """Find items without a row in the index."""
        known = self._rows | self._folder.inconsistent
        for granule in sorted({_granule(path) for path in self._walk.items} - known):
            self._problem(INDEX, f"lacks {granule}")

    def _check_items_of_rows(self) -> None:
        """Find rows without an item."""
        if self._walk.has_item_pages:
            linked = {_granule(path) for path in self._walk.items}
            self._problem.list_names(
                INDEX,
                "has rows of granules that no page links to",
                self._rows - linked - self._folder.inconsistent,
            )

    def _check_items(self, progress: Reporter | None) -> None:
        """Read the items that pages link to, check them, and compare them with their rows."""
        step = 1
        if self._sample is not None and self._sample < len(self._walk.items):
            step = -(-len(self._walk.items) // max(self._sample, 1))
        if self._index is not None:
            self._check_items_with_row(self._index, step, progress)
        others = sorted(path for path in self._walk.items if _granule(path) not in self._rows)
        for first in range(0, len(others), _BATCH):
            items = read_items(self._location, others[first:][:_BATCH], self._problem)
            self._check_each(items, progress)

    def _check_items_with_row(self, index: Snapshot, step: int, progress: Reporter | None) -> None:
        import pyarrow as pa

        offset = 0
        for group in range(index.groups):
            try:
                keys = index.read([group], ["id", "collection"])
            except CatalogError as error:
                self._problem(INDEX, str(error))
                return
            pairs = zip(keys["id"].to_pylist(), keys["collection"].to_pylist(), strict=True)
            paths = [
                (row, path_of(collection, granule))
                for row, (granule, collection) in enumerate(pairs)
                if (offset + row) % step == 0 and is_granule_id(granule)
            ]
            offset += len(keys)
            rows = {path: row for row, path in paths if path in self._walk.items}
            if not rows:
                continue
            items = read_items(self._location, list(rows), self._problem)
            self._check_each(items, progress)
            consistent = [
                (path, item)
                for path, item in items
                if _granule(path) not in self._folder.inconsistent
            ]
            table = index.read([group], index.schema.names)
            numbers = pa.array([rows[path] for path, _ in consistent], pa.int64())
            compare_items(consistent, table.take(numbers), self._problem)

    def _check_each(
        self, items: list[tuple[str, dict[str, Any]]], progress: Reporter | None
    ) -> None:
        """Check items, then their links and reference files."""
        check_items(items, self._problem)
        every = max(1, len(self._walk.items) // _VALIDATED)
        for path, item in items:
            closely = self._items_read % every == 0
            if closely:
                self._validated += 1
                for problem in self._schemas.problems(simplified(item)):
                    self._problem(path, problem)
            self._items_read += 1
            page = f"{posixpath.dirname(path)}/{CATALOG}"
            collection = f"{path.partition('/')[0]}/{COLLECTION}"
            expected = {"root": CATALOG, "parent": page, "collection": collection}
            self._walk.check_links(path, item, expected)
            if self._folder.is_inconsistent(path):
                self._references.note(path, item)
            else:
                self._siblings.check(path, item)
                self._references.check(path, item, closely=closely)
        if progress is not None:
            total = len(self._walk.items)
            progress(Progress(stage="verifying", done=self._items_read, total=total))

    def _note_gaps(self) -> None:
        """Note what was not checked."""
        if self._schemas.skipped:
            self._notes.append(
                "Not validated, because schemas are missing (--schemas DIR, or --fetch-schemas): "
                f"{', '.join(sorted(self._schemas.skipped))}"
            )
        if self._validated < self._items_read:
            self._notes.append(
                f"{self._validated} of {self._items_read} items were checked against the schemas."
            )
        if self._items_read < len(self._walk.items):
            self._notes.append(f"{self._items_read} of {len(self._walk.items)} items were read.")


def _granule(path: str) -> str:
    """Id of the granule whose item has this path."""
    return posixpath.basename(path).removesuffix(".json")
