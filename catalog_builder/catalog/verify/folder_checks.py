"""Checks the files of a local catalog: finds those that nothing links to, and interrupted work."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    ROOT_FILES,
    published_files,
    reference_files,
)
from catalog_builder.errors import FolderError
from catalog_builder.products.granule_name import day_of, is_granule_id

if TYPE_CHECKING:
    from pathlib import Path

    from catalog_builder.catalog.verify.problems import Problems

_FOLDER = "The folder"


class FolderChecks:
    """The checks of one local folder; for a catalog behind a URL they do nothing."""

    def __init__(self, root: Path | None, problems: Problems, note: Callable[[str], None]) -> None:
        """``root`` is None for a catalog behind a URL; ``note`` is called with notes."""
        self._folder = None if root is None else PublishedFolder(root)
        self._problems = problems
        self._note = note
        self.inconsistent = self._inconsistent()
        """Ids of granules whose files may not agree, because a build or indexing run is
        changing them, or crashed."""

    def _inconsistent(self) -> frozenset[str]:
        if self._folder is None:
            return frozenset()
        try:
            found = self._folder.inconsistent_granules()
        except FolderError as error:
            self._problems(_FOLDER, f"cannot be built into: {error}")
            return frozenset()
        if found is None:
            return frozenset()
        self._note(
            "A build or an indexing run is writing to this folder, or crashed; then the next one "
            f"completes it. Until then, files of {len(found)} granules may not agree."
        )
        return found

    def is_inconsistent(self, path: str) -> bool:
        """True if an item or page belongs to a granule whose files may not agree."""
        if not self.inconsistent:
            return False
        if path.endswith(f"/{CATALOG}"):  # of a day, or a cycle
            name = posixpath.basename(posixpath.dirname(path)).replace("-", "")
            days = map(day_of, filter(is_granule_id, self.inconsistent))
            return any(
                name in (date.replace("-", ""), f"cycle{cycle:02d}") for cycle, date in days
            )
        return posixpath.basename(path).removesuffix(".json") in self.inconsistent

    def check(
        self,
        reached: Collection[str],
        references: Mapping[str, Collection[str]],
        *,
        sampled: bool,
    ) -> None:
        """Find files that nothing links to.

        ``reached`` are the paths of pages and items, and ``references`` the asset keys of the
        reference files that each item names, by the item's path; ``sampled``: only some of the
        items were read.
        """
        if self._folder is None:
            return
        crashed = False
        try:
            self._check_files({*reached, *ROOT_FILES})
            self._check_references(references, sampled=sampled)
            crashed = self._folder.files.has_folder(STAGING)
        except FolderError as error:
            self._problems(_FOLDER, f"contains something that no build creates: {error}")
        if crashed and not self.inconsistent:
            self._note(
                "A build is writing to this folder, or crashed; then the next build completes it."
            )

    def _check_files(self, reached: Collection[str]) -> None:
        assert self._folder is not None
        orphans = {
            path
            for path in published_files(self._folder.files)
            if path not in reached and not self.is_inconsistent(path)
        }
        self._problems.list_names(_FOLDER, "holds files that no page links to", orphans)

    def _check_references(
        self, references: Mapping[str, Collection[str]], *, sampled: bool
    ) -> None:
        assert self._folder is not None
        orphans = {
            path
            for path, item, key in reference_files(self._folder.files)
            if key not in references.get(item, ())
            and not (sampled and item not in references)
            and not self.is_inconsistent(item)
        }
        self._problems.list_names(_FOLDER, "holds references that no item names", orphans)
