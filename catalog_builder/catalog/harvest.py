"""From CMR's records to the item files of a catalog: which are taken, which not and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from catalog_builder.catalog.build_report import SetAside
from catalog_builder.catalog.cmr_query import GranuleQuery
from catalog_builder.catalog.granule import Granule, parse_umm
from catalog_builder.catalog.item_references import carry_over
from catalog_builder.catalog.layout import is_item, item_path
from catalog_builder.catalog.stac import to_item
from catalog_builder.catalog.stac_pages import item_links
from catalog_builder.errors import CatalogError, CmrUnavailableError, RecordError

if TYPE_CHECKING:
    from catalog_builder.atl03 import GranuleName
    from catalog_builder.catalog.cmr import CmrClient
    from catalog_builder.catalog.collection import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.catalog.published_folder import PublishedFolder
    from catalog_builder.progress import Reporter

_Chosen = tuple[datetime, int, str, str]
"""Revision date, revision, concept id and GranuleUR of the record that an item is made from."""


class Harvest:
    """Reads what CMR lists for a definition and puts the items into the folder."""

    def __init__(
        self,
        definition: Definition,
        collection: Collection,
        folder: PublishedFolder,
        *,
        full: bool,
        dry_run: bool,
    ) -> None:
        self.hits = 0
        """Records that CMR said there are."""
        self.records = 0
        """Records that CMR gave."""
        self.outside = 0
        """Granules whose footprint does not meet the definition's box."""
        self.names: dict[str, GranuleName] = {}
        """Names of the granules taken, by id."""
        self._definition = definition
        self._collection = collection
        self._folder = folder
        self._full = full
        self._dry_run = dry_run
        self._before = sum(map(is_item, folder.files))
        self._chosen: dict[str, _Chosen] = {}
        self._set_aside: list[SetAside] = []

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Records that cannot be used, in an order that does not depend on CMR's."""
        return tuple(sorted(self._set_aside, key=lambda one: (one.granule_ur, one.concept_id)))

    def read(self, cmr: CmrClient, progress: Reporter | None) -> None:
        """Read all records. Raises CatalogError where too few are left of what is published."""
        box = self._definition.bounding_box
        query = GranuleQuery.of(self._definition, self._collection.concept_id)
        listing = cmr.granules(query, progress=progress)
        for record in listing:
            if listing.read == 1:
                self._require_enough(listing.hits or 0, "CMR lists")
            try:
                granule = parse_umm(record)
                self._require_wanted(granule)
            except RecordError as error:
                self._put_aside(record, str(error))
                continue
            if box is None or granule.footprint.meets(box):
                self._take(granule, record)
            else:
                self.outside += 1
        self.hits, self.records = listing.hits or 0, listing.read
        if self.records < self.hits:
            raise CmrUnavailableError(
                f"CMR lists {self.hits} granules but gave only {self.records}: "
                "nothing was changed; start again later."
            )
        if not self.names:
            raise CatalogError(
                f"CMR lists {self.hits} granules for {self._definition.title!r}, of which none "
                f"can be in the catalog{self._most_often}: nothing was changed. "
                "To have no catalog, remove its folder."
            )
        self._require_enough(len(self.names), "of CMR's records can be used only")

    @property
    def _most_often(self) -> str:
        """Why most of those records are set aside that are, in brackets."""
        reasons = Counter(one.reason for one in self._set_aside).most_common(1)
        return f" (most often set aside: {reasons[0][0]})" if reasons else ""

    def _require_wanted(self, granule: Granule) -> None:
        if granule.s3_href is None:
            raise RecordError("It has no direct-access (S3) link to a .h5 file.")
        if granule.name.release != self._definition.version:
            raise RecordError(
                f"Its file is {granule.id}.h5, release {granule.name.release}, "
                f"not {self._definition.version}."
            )
        if granule.provider != self._definition.provider:
            raise RecordError(
                f"Its provider is {granule.provider}, not {self._definition.provider}."
            )

    def _take(self, granule: Granule, record: Mapping[str, Any]) -> None:
        """Put the granule's item into the folder unless a later record of it was there."""
        new = (
            granule.revision_date,
            granule.revision_id,
            granule.concept_id,
            _granule_ur(record),
        )
        old = self._chosen.get(granule.id)
        if old is not None:
            kept, left = max(old, new), min(old, new)
            if kept[2] != left[2]:  # else it was revised while the listing ran
                reason = f"{kept[2]} is a later record of the same granule, {granule.id}."
                self._set_aside.append(
                    SetAside(granule_ur=left[3], concept_id=left[2], reason=reason)
                )
            if kept == old:
                return
        self._chosen[granule.id] = new
        self.names[granule.id] = granule.name
        item = to_item(granule, self._collection)
        item["links"] = item_links()
        path = item_path(self._collection.id, granule.name)
        self._folder.keep_references(path, carry_over(self._folder, path, item))
        self._folder.put(path, orjson.dumps(item), dry=self._dry_run)

    def _put_aside(self, record: Mapping[str, Any], reason: str) -> None:
        meta = record.get("meta") if isinstance(record, Mapping) else None
        concept_id = meta.get("concept-id") if isinstance(meta, Mapping) else None
        self._set_aside.append(
            SetAside(
                granule_ur=_granule_ur(record), concept_id=str(concept_id or "?"), reason=reason
            )
        )

    def _require_enough(self, count: int, what: str) -> None:
        """A fault at CMR, or here, should not empty a catalog that people use."""
        if self._before and count * 2 < self._before and not self._full:
            raise CatalogError(
                f"The catalog holds {self._before} granules, but {what} {count}"
                f"{self._most_often}: nothing was changed. If that is right, build with --full "
                "(full=True)."
            )


def _granule_ur(record: Mapping[str, Any]) -> str:
    umm = record.get("umm") if isinstance(record, Mapping) else None
    return str(umm.get("GranuleUR") or "?") if isinstance(umm, Mapping) else "?"
