"""Queries for granules and collections in CMR, written as URLs by python-cmr.

CMR's parameters: https://cmr.earthdata.nasa.gov/search/site/docs/search/api.html.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.geo.window import Box, Interval

GRANULE_FORMAT: Final = "umm_json_v1_6_6"
"""CMR's format for records in UMM-G 1.6.6; it converts records of other versions."""

MAX_PAGE: Final = 2000
"""Most records in a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleQuery:
    """Granules of one collection that meet all conditions."""

    collection_concept_id: str
    """The collection: ``C3326974349-NSIDC_CPRD``."""
    bounding_box: Box | None = None
    """West, south, east, north, degrees; west > east crosses ±180. CMR also
    matches granules whose footprint lies beside the box."""
    temporal: Interval = (None, None)
    """Granules with data in this interval."""
    revised: Interval = (None, None)
    """Granules whose record was last revised in this interval."""
    concept_ids: tuple[str, ...] = ()
    """Only these records; at most some hundred, because the URL contains them."""
    sort_key: str = "revision_date"
    """CMR's order, as in python-cmr. By ``revision_date``, a record that is new or revised while
    pages are read comes at the end, so none is missed. ``start_date`` is for display."""
    page_size: int = MAX_PAGE
    """Records in a page, 1 to 2000."""

    @classmethod
    def of(
        cls,
        definition: Definition,
        collection_concept_id: str,
        *,
        sort_key: str = "revision_date",
        page_size: int = MAX_PAGE,
    ) -> GranuleQuery:
        """All granules of a definition, in this collection."""
        return cls(
            collection_concept_id=collection_concept_id,
            bounding_box=definition.bounding_box,
            temporal=definition.temporal,
            sort_key=sort_key,
            page_size=page_size,
        )

    def url(self, base: str, *, references: bool = False) -> str:
        """The query's URL, without a page size; ``base`` is CMR's, ending in ``/search/``.

        ``references``: request only the ids and revisions of records, in XML.
        """
        from cmr import GranuleQuery as PythonCmrQuery

        query = PythonCmrQuery(mode=base).format("xml" if references else GRANULE_FORMAT)
        query.collection_concept_id(quote(self.collection_concept_id, safe=""))
        if self.bounding_box is not None:
            # python-cmr writes 1e-05, and years before 1000 without zeros: CMR reads neither.
            query.params["bounding_box"] = ",".join(map(decimal_text, self.bounding_box))
        if self.temporal != (None, None):
            query.params["temporal"] = [",".join(map(time_text, whole_seconds(self.temporal)))]
        if self.revised != (None, None):
            query.params["revision_date"] = [",".join(map(time_text, whole_seconds(self.revised)))]
        if self.concept_ids:
            # python-cmr's concept_id() would replace the collection set above.
            query.params["concept_id"] = list(self.concept_ids)
        return _url_of(query.sort_key(self.sort_key))


def collections_url(
    base: str,
    *,
    short_name: str,
    version: str | None = None,
    provider: str | None = None,
    cloud_hosted: bool | None = None,
) -> str:
    """URL of the query for collections of a product, granule counts included."""
    from cmr import CollectionQuery

    query = CollectionQuery(mode=base).format("umm_json").short_name(quote(short_name, safe=""))
    if version is not None:
        query.version(quote(version, safe=""))
    if provider is not None:
        query.provider(quote(provider, safe=""))
    if cloud_hosted is not None:
        query.cloud_hosted(cloud_hosted)
    query.params["include_granule_counts"] = True  # python-cmr has no method for it
    return _url_of(query)


def whole_seconds(interval: Interval) -> Interval:
    """The interval widened to whole seconds, for CMR and STAC APIs."""
    first, last = interval
    if last is not None and last.microsecond:
        last = last.replace(microsecond=0)
        with suppress(OverflowError):  # the last second of the year 9999
            last += timedelta(seconds=1)
    return first, last


def time_text(moment: datetime | None) -> str:
    """A time as CMR and STAC APIs read it, ``2018-10-14T00:00:00Z``; empty for an open end."""
    if moment is None:
        return ""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def decimal_text(number: float) -> str:
    """A number without an exponent, ``0.00001``, which CMR's grammar does not have."""
    return f"{Decimal(repr(float(number))):f}"


def _url_of(query: Any) -> str:
    # A private method, but the only way to the URL: python-cmr's own get() collects all pages in
    # memory, without timeout or retry (docs/decisions/private-names.md).
    return str(query._build_url())
