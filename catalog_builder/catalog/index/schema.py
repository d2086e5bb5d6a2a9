"""The columns of the item index: the same for all items.

They are those that stac-geoparquet gives an item with every optional field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS, ORIENTATION
from catalog_builder.catalog.stac.layout import (
    LAYOUT,
    LAYOUT_KEY,
    REFERENCES,
    optional_assets,
    require_known_layout,
)
from catalog_builder.catalog.stac.sibling_links import PROPERTIES
from catalog_builder.products.atl03 import BEAMS

if TYPE_CHECKING:
    import pyarrow as pa

KEYS: Final = (
    "icesat2:region",
    "start_datetime",
    "end_datetime",
    "id",
    "sat:relative_orbit",
    "sat:orbit_cycle",
    "sat:orbit_state",
    "icesat2:revision",
    "cmr:concept_id",
    "cmr:revision_id",
    "updated",
    "bbox",
)
"""Columns that a search or a rebuild reads: they come first, side by side, so that one request
fetches them."""

SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
"""Fields of the columns ``bbox`` and ``covering``."""

COVERING: Final = "covering"
"""The column of planar boxes (:mod:`~catalog_builder.catalog.index.covering`)."""

_WGS84: Final = {
    "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
    "type": "GeographicCRS",
    "name": "WGS 84",
    "datum": {
        "type": "GeodeticReferenceFrame",
        "name": "World Geodetic System 1984",
        "ellipsoid": {
            "name": "WGS 84",
            "semi_major_axis": 6378137,
            "inverse_flattening": 298.257223563,
        },
    },
    "coordinate_system": {
        "subtype": "ellipsoidal",
        "axis": [
            {
                "name": f"Geodetic {name}",
                "abbreviation": name[:3].capitalize(),
                "direction": direction,
                "unit": "degree",
            }
            for name, direction in (("latitude", "north"), ("longitude", "east"))
        ],
    },
    "id": {"authority": "EPSG", "code": 4326},
}
"""WGS 84 as PROJJSON. GeoParquet has longitude before latitude, whatever the axis order here."""

FILE_METADATA: Final = {
    "geo": json.dumps(
        {
            "version": "1.1.0",
            "primary_column": "geometry",
            "columns": {
                "geometry": {
                    "encoding": "WKB",
                    "geometry_types": [],
                    "crs": _WGS84,
                    "edges": "planar",
                    "covering": {"bbox": {side: [COVERING, side] for side in SIDES}},
                }
            },
        }
    ),
    LAYOUT_KEY: str(LAYOUT),
}
"""Metadata of the file: those of GeoParquet (https://geoparquet.org/releases/v1.1.0/), and the
layout of the catalog."""

_GEOARROW: Final = {
    "ARROW:extension:name": "geoarrow.wkb",
    "ARROW:extension:metadata": json.dumps({"crs": "EPSG:4326", "crs_type": "authority_code"}),
}


@cache
def item_schema(
    *, beams: bool, extra: frozenset[str] = frozenset(), siblings: bool = False
) -> pa.Schema:
    """The columns: those of a search first, then the others and all nested fields by name.

    ``beams``: with the columns that only items of indexed granules have. ``extra``: also with
    these assets (:func:`~catalog_builder.catalog.stac.layout.optional_assets`). ``siblings``: with
    the columns of items that name siblings. Unused columns are left out, since each makes the
    footer longer.
    """
    import pyarrow as pa

    text, whole, time = pa.string(), pa.int64(), pa.timestamp("us", "UTC")
    texts = pa.list_(text)
    file = {"href": text, "title": text, "type": text, "roles": texts}
    granule = {**file, "file:size": whole, "file:checksum": text, "auth:refs": texts}
    assets = {
        "data": _object({**granule, "storage:refs": texts}),
        "https": _object(granule),
        "metadata": _object(file),
        "thumbnail": _object(file),
    }
    columns: dict[str, pa.DataType] = {
        "type": text,
        "stac_version": text,
        "stac_extensions": texts,
        "id": text,
        "geometry": pa.binary(),
        "bbox": pa.struct([(side, pa.float64()) for side in SIDES]),
        # Links have titles if another tool has added them.
        "links": pa.list_(_object(dict.fromkeys(("href", "rel", "title", "type"), text))),
        "collection": text,
        "title": text,
        "datetime": time,
        "start_datetime": time,
        "end_datetime": time,
        "updated": time,
        "platform": text,
        "instruments": texts,
        "sat:relative_orbit": whole,
        "sat:orbit_cycle": whole,
        "sat:orbit_state": text,
        "sat:absolute_orbit": whole,
        "icesat2:region": whole,
        "icesat2:release": text,
        "icesat2:revision": whole,
        "cmr:concept_id": text,
        "cmr:revision_id": whole,
        "processing:datetime": text,
        "storage:schemes": _object(
            {
                "aws": _object(
                    dict.fromkeys(("type", "platform", "bucket", "region"), text)
                    | {"requester_pays": pa.bool_()}
                )
            }
        ),
        "auth:schemes": _object(
            {
                "earthdata": _object(dict.fromkeys(("type", "scheme", "description"), text)),
                "s3credentials": _object(
                    dict.fromkeys(("type", "description", "credentials_endpoint"), text)
                ),
            }
        ),
    }
    if beams:
        track = pa.list_(pa.list_(pa.float64()))
        frame = _object(dict.fromkeys(("offset", "length", "crc32"), whole))
        facts = {"strength": text, "spot": whole, "photons": whole, "track": track}
        facts |= {REFERENCES: frame}
        columns[BEAM_FACTS] = _object(dict.fromkeys(BEAMS, _object(facts)))
        columns[ORIENTATION] = whole
        references = _object({**file, "file:size": whole})
        assets |= dict.fromkeys((REFERENCES, *extra), references)
    if siblings:
        columns |= dict.fromkeys(PROPERTIES, text)
    columns["assets"] = _object(assets)
    names = [*KEYS, *sorted(columns.keys() - set(KEYS))]
    schema = pa.schema([(name, columns[name]) for name in names])
    index = schema.get_field_index("geometry")
    return schema.set(index, schema.field(index).with_metadata(_GEOARROW))


def extra_assets(schema: pa.Schema) -> frozenset[str]:
    """The assets of a schema that few catalogs have."""
    import pyarrow as pa

    assets = schema.field("assets").type
    names = {field.name for field in assets} if pa.types.is_struct(assets) else set()
    return optional_assets(names)


def has_siblings(schema: pa.Schema) -> bool:
    """Whether a schema has columns for siblings."""
    return any(name in schema.names for name in PROPERTIES)


def require_known_index(metadata: Mapping[bytes, bytes] | None, href: str) -> None:
    """Raise CatalogLayoutError if the metadata of an index name a newer layout than this one."""
    found = (metadata or {}).get(LAYOUT_KEY.encode(), b"1")
    require_known_layout(found.decode("ascii", "replace"), href)


def _object(fields: dict[str, pa.DataType]) -> pa.DataType:
    """A structure with its fields in the order of their names."""
    import pyarrow as pa

    return pa.struct(sorted(fields.items(), key=lambda field: field[0]))


_EACH_ITS_OWN: Final = re.compile(
    r"id|title|geometry|cmr:concept_id|processing:datetime|icesat2:atl\d+|"
    r"assets\..*\.(href|file:checksum)"
)
"""Paths in Parquet of text columns that differ from item to item."""


class Leaf(NamedTuple):
    """A column of a Parquet file."""

    path: str
    """Parquet's path of the column, with the structures around it: ``assets.data.href``."""
    in_common: bool
    """Whether it is text that is the same in most items, so that a dictionary makes it small."""


def leaves(fields: Iterable[pa.Field], above: str = "") -> Iterator[Leaf]:
    """The columns that Parquet stores for these fields, in its order."""
    import pyarrow as pa

    for field in fields:
        path, kind = above + field.name, field.type
        while pa.types.is_list(kind):
            path, kind = f"{path}.list.element", kind.value_type
        if pa.types.is_struct(kind):
            yield from leaves(kind, f"{path}.")
        else:
            yield Leaf(path, pa.types.is_string(kind) and not _EACH_ITS_OWN.fullmatch(path))
