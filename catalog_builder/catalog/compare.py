"""Cloud against on-premises: what each collection has that the other has not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.cmr_query import GranuleQuery
from catalog_builder.catalog.granule import parse_umm
from catalog_builder.errors import NotATL03Error, RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog_builder.catalog.cmr import CmrClient
    from catalog_builder.catalog.collection import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.progress import Progress, Reporter

_DATA_LINKS = ("GET DATA", "GET DATA VIA DIRECT ACCESS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two collections, and what CMR listed of it."""

    collection: str
    """Concept id."""
    provider: str
    version: str
    listed: int
    """Records that CMR listed for the definition's box and time. CMR's search is loose: some
    may lie outside the box."""
    granules: int
    """Granules among them that meet the box, revisions of one granule counted once."""
    unusable: tuple[tuple[str, str], ...]
    """Records whose name or place cannot be read: GranuleUR, and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two collections over the same box and time."""

    cloud: Side
    on_premises: Side
    both: int
    """Granules that both have, in whichever release and revision."""
    only_cloud: tuple[str, ...]
    """Ids of granules that only the cloud has, sorted."""
    only_on_premises: tuple[str, ...]
    """Ids of granules that are only on premises, sorted."""
    other_revision: tuple[tuple[str, str], ...]
    """Granules that both have but in different revisions, ids in the cloud and on premises; none
    where the releases differ, for then all do."""


def compare(
    definition: Definition, client: CmrClient, *, progress: Reporter | None = None
) -> Comparison:
    """List the definition's granules at both providers and compare their file names.

    On premises the definition's release is taken where there is one, else the newest there is: a
    granule keeps its start, track, cycle and region from release to release. It counts as in the
    box where its footprint of either side meets it. Only names are kept, not records. Raises
    :class:`~catalog_builder.errors.CmrError`, also where one of the collections does not exist.
    """
    product, here = definition.short_name, definition.on_premises_provider
    cloud = _Names(client.collection(product, definition.version, definition.provider))
    releases = {one.version for one in client.collections(short_name=product, provider=here)}
    release = definition.version
    if release not in releases:
        release = max(releases, default=release)
    premises = _Names(client.collection(product, release, here))
    cloud.read(definition, client, "cloud", progress)
    premises.read(definition, client, "on premises", progress)
    inside = cloud.inside | premises.inside
    both = cloud.ids.keys() & premises.ids.keys() & inside
    return Comparison(
        cloud=cloud.side(inside),
        on_premises=premises.side(inside),
        both=len(both),
        only_cloud=tuple(sorted(cloud.ids[key] for key in cloud.ids.keys() & inside - both)),
        only_on_premises=tuple(
            sorted(premises.ids[key] for key in premises.ids.keys() & inside - both)
        ),
        other_revision=tuple(
            (cloud.ids[key], premises.ids[key])
            for key in sorted(both)
            if release == definition.version and cloud.ids[key] != premises.ids[key]
        ),
    )


class _Names:
    """Names of a collection's granules, by what stays the same between releases."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.ids: dict[str, str] = {}
        """Id of each granule, in its highest revision."""
        self.inside: set[str] = set()
        """Those whose footprint meets the box."""
        self.listed = 0
        self.unusable: list[tuple[str, str]] = []

    def read(
        self, definition: Definition, client: CmrClient, where: str, progress: Reporter | None
    ) -> None:
        def report(step: Progress) -> None:
            if progress is not None:
                progress(replace(step, stage=f"{step.stage}, {where}"))

        box = definition.bounding_box
        query = GranuleQuery.of(definition, self.collection.concept_id)
        listing = client.granules(query, progress=report)
        for record in listing:
            try:
                name = granule_name(record)
                inside = box is None or parse_umm(record).footprint.meets(box)
            except RecordError as error:
                self.unusable.append((_granule_ur(record), str(error)))
                continue
            key = name.id[: -len("_007_01")]
            self.ids[key] = max(name.id, self.ids.get(key, ""))
            if inside:
                self.inside.add(key)
        self.listed = listing.read

    def side(self, inside: set[str]) -> Side:
        return Side(
            collection=self.collection.concept_id,
            provider=self.collection.provider,
            version=self.collection.version,
            listed=self.listed,
            granules=len(self.ids.keys() & inside),
            unusable=tuple(self.unusable),
        )


def granule_name(record: Mapping[str, Any]) -> GranuleName:
    """Name of a record's granule, from its link to the data; any provider's record will do.

    On-premises records have no other place for it. Raises
    :class:`~catalog_builder.errors.RecordError`.
    """
    try:
        urls = [
            link["URL"]
            for kind in _DATA_LINKS
            for link in record["umm"]["RelatedUrls"]
            if link.get("Type") == kind and link["URL"].endswith(".h5")
        ]
        return GranuleName.parse(urls[0])
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise RecordError("The record has no link to its data (.h5).") from error
    except NotATL03Error as error:
        raise RecordError(str(error)) from error


def _granule_ur(record: Mapping[str, Any]) -> str:
    try:
        return str(record["umm"]["GranuleUR"])
    except (KeyError, TypeError):
        return "a record without GranuleUR"
