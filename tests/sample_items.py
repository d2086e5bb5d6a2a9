"""Items of made-up granules all over the Earth, shaped as a build writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from older_references import older_item

from catalog_builder.catalog.cmr.umm_c import Collection
from catalog_builder.catalog.footprint.raw_footprint import orbit_extent
from catalog_builder.catalog.footprint.swath import footprint
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.to_arrow import sorted_order, to_rows
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.granule import Granule
from catalog_builder.catalog.stac.item import to_item
from catalog_builder.catalog.stac.layout import path_of
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.products.granule_name import GranuleName

COLLECTION = Collection(
    concept_id="C3326974349-NSIDC_CPRD",
    short_name="ATL03",
    version="007",
    title="ATLAS/ICESat-2 L2A Global Geolocated Photon Data V007",
    provider="NSIDC_CPRD",
    revision_id=4,
    revision_date=datetime(2025, 8, 1, tzinfo=UTC),
    abstract="Heights of all photons.",
    start=datetime(2018, 10, 13, tzinfo=UTC),
    end=None,
    boxes=((-180.0, -90.0, 180.0, 90.0),),
    cloud_hosted=True,
    region="us-west-2",
    credentials_endpoint="https://data.nsidc.earthdatacloud.nasa.gov/s3credentials",
)

_LATITUDES = (0, 27, 59.5, 80, 80, 59.5, 27, 0, -27, -50, -79, -79, -50, -27, 0)
"""Where the fourteen regions begin and end."""
_FIRST = datetime(2018, 10, 14, tzinfo=UTC)
_SECONDS = 5640 / 14


def make_granule(number: int, *, revision: int = 1, **changes: Any) -> Granule:
    """The ``number``-th granule since the mission began; every optional field comes and goes."""
    revolution, part = divmod(number, 14)
    start = (_FIRST + timedelta(seconds=round(number * _SECONDS))).replace(microsecond=0)
    name = GranuleName(
        start=start,
        rgt=revolution % 1387 + 1,
        cycle=revolution // 1387 + 1,
        region=part + 1,
        release="007",
        revision=revision,
    )
    south, north = _LATITUDES[part], _LATITUDES[part + 1]
    key = f"nsidc-cumulus-prod-protected/ATLAS/ATL03/007/{start:%Y/%m/%d}/{name.id}.h5"
    fields: dict[str, Any] = {
        "name": name,
        "concept_id": f"G{1000 + number}-NSIDC_CPRD",
        "provider": "NSIDC_CPRD",
        "revision_id": revision,
        "revision_date": datetime(2025, 5, 1, tzinfo=UTC),
        "start": start + timedelta(milliseconds=575),
        "end": start + timedelta(seconds=_SECONDS, milliseconds=118),
        "footprint": footprint(
            orbit_extent(
                ascending_crossing=(100 - revolution * 23.6) % 360 - 180,
                start_latitude=south,
                start_direction="A" if part < 4 or part > 10 else "D",
                end_latitude=north,
                end_direction="A" if part < 3 or part > 9 else "D",
            )
        ),
        "s3_href": f"s3://{key}",
        "https_href": f"https://data.nsidc.earthdatacloud.nasa.gov/{key}",
        "metadata_href": None if number % 3 else f"https://example.org/{name.id}.iso.xml",
        "thumbnail_href": None if number % 5 else f"https://example.org/{name.id}.png",
        "size": None if number % 4 == 1 else 2**31 + number,
        "checksum": None if number % 4 else "d50110" + f"{number:032x}",
        "absolute_orbit": None if number % 2 else revolution + 300,
        "produced": None if number % 7 == 0 else datetime(2025, 4, 1, tzinfo=UTC),
    }
    return Granule(**(fields | changes))


def make_item(number: int, **changes: Any) -> dict[str, Any]:
    """The item of :func:`make_granule`, with the links of a published one."""
    item = to_item(make_granule(number, **changes), COLLECTION)
    item["links"] = [
        {"rel": "root", "href": "../../../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "./catalog.json", "type": "application/json", "title": "A day"},
    ]
    return item


def make_indexed_item(number: int) -> dict[str, Any]:
    """That item once its beams were indexed: some have no photons, and some facts come and go."""
    item = make_item(number)
    beams = [beam for place, beam in enumerate(BEAMS) if (number + place) % 4]
    facts: dict[Any, dict[str, Any]] = {
        beam: {"strength": "strong", "photons": number * 1000 + place}
        for place, beam in enumerate(beams)
    }
    if number % 3:
        for place, beam in enumerate(beams):
            facts[beam]["spot"] = place + 1
            facts[beam]["track"] = [[place + 0.5, 60.0], [place + 0.25, 27.0]]
    for place, beam in enumerate(beams[: number % 7]):
        facts[beam]["references"] = {"offset": 99 * place, "length": 99, "crc32": 2**32 - place}
    add_references(
        item,
        path_of(item["collection"], item["id"]),
        size=5000 + number,
        beams=facts,
        orientation=None if number % 5 == 0 else number % 2,
    )
    return older_item(item, dict.fromkeys(beams, 700)) if number % 11 == 4 else item


def make_table(items: Iterable[dict[str, Any]]) -> pa.Table:
    """Items as sorted rows of an index."""
    schema = item_schema(beams=False)
    table = pa.Table.from_batches([to_rows(list(items), schema)])
    return table.take(sorted_order(table)).combine_chunks()
