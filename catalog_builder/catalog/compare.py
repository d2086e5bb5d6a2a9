"""Cloud against on-premises: what each collection has that the other has not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.cmr_query import GranuleQuery
from catalog_builder.catalog.granule import parse_umm
from catalog_builder.errors import NotATL03Error, RecordError
from catalog_builder.progress import Progress
from catalog_builder.window import flat_boxes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from catalog_builder.catalog.cmr import CmrClient
    from catalog_builder.catalog.collection import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.progress import Reporter
    from catalog_builder.window import Box

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
    """Two collections of the same release, over the same box and time."""

    cloud: Side
    on_premises: Side
    both: int
    """Granules that both have, in whichever revision."""
    only_cloud: tuple[str, ...]
    """Ids of granules that only the cloud has, sorted."""
    only_on_premises: tuple[str, ...]
    """Ids of granules that are only on premises, sorted."""
    other_revision: tuple[tuple[str, str], ...]
    """Granules that both have but in different revisions: ids in the cloud and on premises."""


def compare(
    definition: Definition,
    client: CmrClient,
    *,
    version: str | None = None,
    progress: Reporter | None = None,
) -> Comparison:
    """List the definition's granules at both providers and compare their file names.

    ``version`` compares another release than the definition's: the newest is often in the cloud
    alone. A granule counts as in the box where its footprint of either side meets it. Only names
    are kept, not records. Raises :class:`~catalog_builder.errors.CmrError`, also where one of the
    collections does not exist.
    """
    if version is not None:
        definition = replace(definition, version=version)
    cloud_collection, premises_collection = (
        client.collection(definition.short_name, definition.version, provider)
        for provider in (definition.provider, definition.on_premises_provider)
    )
    cloud = _Names.read(definition, cloud_collection, client, "cloud", progress)
    premises = _Names.read(definition, premises_collection, client, "on premises", progress)
    inside = cloud.inside | premises.inside
    both = cloud.revisions.keys() & premises.revisions.keys() & inside
    return Comparison(
        cloud=cloud.side(cloud_collection, inside),
        on_premises=premises.side(premises_collection, inside),
        both=len(both),
        only_cloud=cloud.ids((cloud.revisions.keys() & inside) - both),
        only_on_premises=premises.ids((premises.revisions.keys() & inside) - both),
        other_revision=tuple(
            (cloud.id(key), premises.id(key))
            for key in sorted(both)
            if cloud.revisions[key] != premises.revisions[key]
        ),
    )


class _Names:
    """Names that a listing holds: of each granule the key, its id without the revision."""

    def __init__(self) -> None:
        self.revisions: dict[str, int] = {}
        """Highest revision of each granule."""
        self.inside: set[str] = set()
        """Those whose footprint meets the box."""
        self.listed = 0
        self.unusable: list[tuple[str, str]] = []

    @classmethod
    def read(
        cls,
        definition: Definition,
        collection: Collection,
        client: CmrClient,
        where: str,
        progress: Reporter | None,
    ) -> _Names:
        def report(step: Progress) -> None:
            if progress is not None:
                progress(replace(step, stage=f"{step.stage}, {where}"))

        names = cls()
        meets = _box_test(definition.bounding_box)
        listing = client.granules(
            GranuleQuery.of(definition, collection.concept_id), progress=report
        )
        for record in listing:
            try:
                name = granule_name(record)
                inside = meets(record)
            except RecordError as error:
                names.unusable.append((_granule_ur(record), str(error)))
                continue
            key = _key(name)
            names.revisions[key] = max(name.revision, names.revisions.get(key, 0))
            if inside:
                names.inside.add(key)
        names.listed = listing.read
        return names

    def id(self, key: str) -> str:
        return f"{key}_{self.revisions[key]:02d}"

    def ids(self, keys: set[str]) -> tuple[str, ...]:
        return tuple(self.id(key) for key in sorted(keys))

    def side(self, collection: Collection, inside: set[str]) -> Side:
        return Side(
            collection=collection.concept_id,
            provider=collection.provider,
            version=collection.version,
            listed=self.listed,
            granules=len(self.revisions.keys() & inside),
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


def _key(name: GranuleName) -> str:
    return name.id[: -len("_01")]


def _granule_ur(record: Mapping[str, Any]) -> str:
    try:
        return str(record["umm"]["GranuleUR"])
    except (KeyError, TypeError):
        return "a record without GranuleUR"


def _box_test(box: Box | None) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a record's footprint meets the box; footprints are not read where there is none."""
    if box is None:
        return lambda _: True
    import shapely

    area = shapely.union_all([shapely.box(*flat) for flat in flat_boxes(box)])
    shapely.prepare(area)

    def meets(record: Mapping[str, Any]) -> bool:
        return bool(area.intersects(shapely.geometry.shape(parse_umm(record).footprint.geometry)))

    return meets
