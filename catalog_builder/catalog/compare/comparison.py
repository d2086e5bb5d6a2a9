"""Compares two listings of a definition's granules.

The granules in the cloud, as CMR lists them, are compared with those on premises or in a STAC API.
Only names are kept, so that a whole mission fits into memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.compare.cmr_names import CmrNames
from catalog_builder.catalog.compare.stac_names import StacNames
from catalog_builder.catalog.definition import Definition

if TYPE_CHECKING:
    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.compare.granule_names import Names
    from catalog_builder.catalog.compare.stac_api import StacApi
    from catalog_builder.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A collection in CMR, and the granules that CMR listed."""

    collection: str
    """Concept id."""
    provider: str
    version: str
    listed: int
    """Records that CMR listed for the definition's box and time. CMR also lists granules whose
    footprint lies beside the box."""
    granules: int
    """Granules among them that meet the box, revisions of one granule counted once."""
    unusable: tuple[tuple[str, str], ...]
    """Records without a readable name or footprint, the first 1,000: GranuleUR, and the reason."""
    left_out: int
    """Number of all such records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StacSide:
    """A collection of a STAC API, and the granules that the API listed."""

    url: str
    """Landing page of the API."""
    collection: str
    """Id of the collection."""
    releases: tuple[str, ...]
    """Releases of the granules that meet the box."""
    matched: int | None
    """Number of matching items by the API's own count; None if it gives none."""
    listed: int
    """Items that it returned for the definition's box and time; across ±180 some come twice."""
    granules: int
    """Granules among them that meet the box, revisions of one granule counted once."""
    unplaced: tuple[str, ...]
    """Ids, sorted, of granules that CMR did not list and whose geometry in the API is not usable
    as a footprint. Whether they meet the box is unknown, so no other count includes them."""
    unusable: tuple[tuple[str, str], ...]
    """Items whose name cannot be read, the first 1,000: id, and the reason."""
    left_out: int
    """Number of all such items."""


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
    """Granules that both have in the same release but in different revisions, ids in the cloud
    and on premises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StacComparison:
    """CMR's listing of the cloud and a STAC API's, over the same box and time."""

    cloud: Side
    stac: StacSide
    both: int
    """Granules that both have, in whichever release and revision."""
    only_cloud: tuple[str, ...]
    """Ids of granules that only CMR's listing has, sorted."""
    only_stac: tuple[str, ...]
    """Ids of granules that only the STAC API has, sorted."""
    other_revision: tuple[tuple[str, str], ...]
    """Granules that both have in the same release but in different revisions, ids in the cloud
    and in the STAC API."""


def compare(
    definition: Definition | str | os.PathLike[str],
    client: CmrClient | None = None,
    *,
    only: str | None = None,
    progress: Reporter | None = None,
) -> Comparison:
    """List the definition's granules at both providers and compare their file names.

    ``definition`` is one, or the path of its file or folder; ``client`` is by default one of the
    CMR that ``CMR_URL`` names, NASA's unless set. ``only`` names the collection that is compared,
    ``ATL08``, where the definition has several.
    On premises, the definition's release is compared, or the newest one if that release is not
    there: a granule keeps its start, track, cycle and region in all releases. It counts as in the
    box if its footprint on either side meets the box. Raises
    :class:`~catalog_builder.errors.CmrError`, also if one of the collections does not exist.
    """
    if client is None:
        with CmrClient() as own:
            return compare(definition, own, only=only, progress=progress)
    if not isinstance(definition, Definition):
        definition = Definition.load(os.fspath(definition))
    definition = definition.only(only)
    product, provider = definition.short_name, definition.on_premises_provider
    in_cloud = client.collection(product, definition.version, definition.provider)
    releases = {each.version for each in client.collections(short_name=product, provider=provider)}
    release = definition.version
    if release not in releases:
        release = max(releases, default=release)
    on_premises = client.collection(product, release, provider)
    cloud, premises = CmrNames(), CmrNames()
    cloud.read(definition, client, in_cloud.concept_id, where="cloud", progress=progress)
    premises.read(
        definition, client, on_premises.concept_id, where="on premises", progress=progress
    )
    difference = differ(cloud.names(), premises.names())
    return Comparison(
        cloud=_side(in_cloud, cloud, difference.here),
        on_premises=_side(on_premises, premises, difference.there),
        both=difference.both,
        only_cloud=difference.only_here,
        only_on_premises=difference.only_there,
        other_revision=difference.other_revision,
    )


def compare_with_stac(
    definition: Definition,
    client: CmrClient,
    api: StacApi,
    *,
    collection: str | None = None,
    progress: Reporter | None = None,
) -> StacComparison:
    """List the granules of a definition's one collection in CMR's cloud and in a STAC API.

    ``collection`` is the id of the API's collection; by default the one named after the
    definition's product and release. A granule counts as in the box if its footprint in CMR meets
    the box or, if only the STAC API has the granule, its geometry there. Raises
    :class:`~catalog_builder.errors.CmrError` and :class:`~catalog_builder.errors.StacApiError`.
    """
    definition = definition.only()
    chosen = api.collection(definition.short_name, definition.version, wanted=collection)
    in_cloud = client.collection(definition.short_name, definition.version, definition.provider)
    cloud, stac = CmrNames(), StacNames()
    cloud.read(definition, client, in_cloud.concept_id, where="cloud", progress=progress)
    known = cloud.names()
    stac.read(definition, api, chosen, known=known, progress=progress)
    listed = stac.names()
    difference = differ(known, listed)
    unlisted = ~np.isin(listed.keys, known.keys, assume_unique=True)
    return StacComparison(
        cloud=_side(in_cloud, cloud, difference.here),
        stac=StacSide(
            url=api.url,
            collection=chosen,
            releases=difference.there_releases,
            matched=stac.matched,
            listed=stac.listed,
            granules=difference.there,
            unplaced=listed.ids(listed.unplaced & unlisted),
            unusable=tuple(stac.unusable),
            left_out=stac.left_out,
        ),
        both=difference.both,
        only_cloud=difference.only_here,
        only_stac=difference.only_there,
        other_revision=difference.other_revision,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The difference of two listings, for the granules in the box by at least one of them."""

    here: int
    """Number of granules in the first listing."""
    there: int
    """Number of granules in the second listing."""
    both: int
    only_here: tuple[str, ...]
    """Ids, sorted."""
    only_there: tuple[str, ...]
    """Ids, sorted."""
    other_revision: tuple[tuple[str, str], ...]
    """Pairs of ids, here and there, of the same release but different revisions."""
    there_releases: tuple[str, ...]
    """Releases of the granules in the second listing."""


def differ(here: Names, there: Names) -> Difference:
    """Compare two listings by start, track, cycle and region, which no release changes."""
    _, in_here, in_there = np.intersect1d(
        here.keys, there.keys, assume_unique=True, return_indices=True
    )
    inside = here.inside[in_here] | there.inside[in_there]
    here_inside, there_inside = here.inside.copy(), there.inside.copy()
    here_inside[in_here] = there_inside[in_there] = inside
    only_here, only_there = here_inside.copy(), there_inside.copy()
    only_here[in_here] = only_there[in_there] = False
    first, second = here.editions[in_here], there.editions[in_there]
    same_release = first.astype("S3") == second.astype("S3")
    revised = inside & same_release & (first != second)
    pairs = here.ids(in_here[revised]), there.ids(in_there[revised])
    return Difference(
        here=int(here_inside.sum()),
        there=int(there_inside.sum()),
        both=int(inside.sum()),
        only_here=here.ids(only_here),
        only_there=there.ids(only_there),
        other_revision=tuple(zip(*pairs, strict=True)),
        there_releases=there.releases(there_inside),
    )


def _side(collection: Collection, names: CmrNames, granules: int) -> Side:
    return Side(
        collection=collection.concept_id,
        provider=collection.provider,
        version=collection.version,
        listed=names.listed,
        granules=granules,
        unusable=tuple(names.unusable),
        left_out=names.left_out,
    )
