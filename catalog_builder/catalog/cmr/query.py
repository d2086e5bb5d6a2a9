"""Queries of CMR in the product's terms, written as URLs by python-cmr.

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
"""The version of UMM-G that records are read in: CMR translates others into it."""

MAX_PAGE: Final = 2000
"""Records in a page at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleQuery:
    """Which granules of one collection; conditions add up."""

    collection_concept_id: str
    """The collection: ``C3326974349-NSIDC_CPRD``."""
    bounding_box: Box | None = None
    """West, south, east, north, degrees; west > east crosses ±180. CMR answers loosely."""
    temporal: Interval = (None, None)
    """Granules with data in this interval."""
    revised: Interval = (None, None)
    """Granules whose record was last revised in this interval."""
    concept_ids: tuple[str, ...] = ()
    """Only these records; some hundred at most, for they stand in the URL."""
    name: str | None = None
    """File name, ``*`` and ``?`` standing for any characters: ``ATL03_*_02370102_*``."""
    sort_key: str = "revision_date"
    """CMR's order, python-cmr's ``sort_key``. By ``revision_date`` a record that is new or revised
    while the listing runs comes at its end: nothing is missed. ``start_date`` is for people."""
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
        """All granules that a definition asks for, in this collection."""
        return cls(
            collection_concept_id=collection_concept_id,
            bounding_box=definition.bounding_box,
            temporal=definition.temporal,
            sort_key=sort_key,
            page_size=page_size,
        )

    def url(self, base: str, *, references: bool = False) -> str:
        """The query's URL; ``base`` is CMR's, ending in ``/search/``. No page size in it.

        ``references``: for CMR's short answer, in XML, that only names the records.
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
            # python-cmr's concept_id() would ask for collections too, and drop the one above.
            query.params["concept_id"] = list(self.concept_ids)
        if self.name is not None:
            query.readable_granule_name(quote(self.name, safe="*?"))
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
    """The interval widened to whole seconds: CMR and STAC APIs are queried without fractions."""
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
    # The only private name of python-cmr in use: its get() keeps all pages, without timeout or
    # retry (docs/decisions/private-names.md).
    return str(query._build_url())
