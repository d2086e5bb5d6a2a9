"""UMM-G granule records as NASA writes them, for the cloud and for the on-premises archive.

The oddities are those of real records: rings left whole across ±180, some of them clockwise,
names that are not the file's, sizes in several units, links that are not the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from earthdata_standin.collection_records import (
    CLOUD,
    CONCEPT_IDS,
    DATA_URL,
    ON_PREMISES,
    entry_title,
)
from earthdata_standin.file_sizes import FileFacts, SizeForm, repeatable_number, size_fields
from earthdata_standin.product import PUBLIC_BUCKET, Product
from earthdata_standin.rings import ring
from earthdata_standin.tracks import Pass

_SPECIFICATION = {
    "URL": "https://cdn.earthdata.nasa.gov/umm/granule/v1.6.6",
    "Name": "UMM-G",
    "Version": "1.6.6",
}
_PRODUCED = {
    ("006", CLOUD): datetime(2023, 4, 12, 7, 30),
    ("007", CLOUD): datetime(2025, 5, 20, 18, 5),
    ("006", ON_PREMISES): datetime(2023, 4, 12, 7, 30),
}
_SURFACES = ("inlandwater", "landice", "land", "ocean", "seaice")
_MAPS = (
    *("background", "dac", "neutat_delay_total", "neutat_ht", "podppd_flag", "ref_azimuth"),
    *("ref_elev", "solar_azimuth", "solar_elevation", "tide_earth", "tide_equilibrium"),
    *("tide_load", "tide_ocean", "tide_oc_pole", "tide_pole"),
)
_BROWSE_IMAGES = (
    *("default.default1", "default.default2"),
    *(
        f"gt{pair}r.{image}"
        for pair in (1, 2, 3)
        for image in ("groundtrack", *(f"photons_{surface}" for surface in _SURFACES))
    ),
    *(f"h5.images.{image}" for image in _MAPS),
)
"""The 35 images of a real on-premises record."""


def cloud_record(
    product: Product,
    *,
    serial: int,
    rng: np.random.Generator,
    data_url: str = DATA_URL,
    suffix: str = "",
    clockwise: bool = False,
    direct_access: bool = True,
    record_revision: int = 1,
    size_form: SizeForm = "NA",
    facts: FileFacts | None = None,
) -> dict[str, Any]:
    """A granule in the cloud as ``{"meta", "umm"}``, with a polygon and S3 links.

    ``serial`` makes its concept id; ``suffix`` follows ``.h5`` in the GranuleUR, as in 7 % of the
    real ones. Without ``facts`` the record gives a size only in the unit ``NA``, or none, and
    never a checksum.
    """
    name = f"{product.id}.h5"
    provider = CLOUD
    ur = name + suffix
    links = [
        {
            "URL": f"{data_url}/{product.key}",
            "Type": "GET DATA",
            "Description": f"Download {name}",
        },
        {
            "URL": f"s3://{product.key}",
            "Type": "GET DATA VIA DIRECT ACCESS",
            "Description": "This link provides direct download access via S3 to the granule",
        },
        {
            "URL": f"{data_url}/{product.metadata_key}",
            "Type": "VIEW RELATED INFORMATION",
            "Description": f"Download {product.id}.iso.xml",
        },
        {
            "URL": f"s3://{product.metadata_key}",
            "Type": "GET DATA VIA DIRECT ACCESS",
            "Description": "This link provides direct download access via S3 to the granule",
        },
        {
            "URL": f"{data_url}/s3credentials",
            "Type": "VIEW RELATED INFORMATION",
            "Description": "api endpoint to retrieve temporary credentials valid for same-region "
            "direct s3 access",
        },
        {
            "URL": "https://opendap.earthdata.nasa.gov/collections/"
            f"{CONCEPT_IDS[product.release, provider]}/granules/{ur}",
            "Type": "USE SERVICE API",
            "Subtype": "OPENDAP DATA",
            "Description": "OPeNDAP request URL",
        },
    ]
    links[3:3] = [
        {
            "URL": f"{data_url}/{PUBLIC_BUCKET}/{product.folder}/{product.id}_BRW.{image}.jpg",
            "Type": "GET RELATED VISUALIZATION",
            "Description": f"Download {product.id}_BRW.{image}.jpg",
            "MimeType": "image/jpeg",
        }
        for image in _BROWSE_IMAGES[:2]
    ]
    if not direct_access:
        links = [link for link in links if not link["URL"].startswith(f"s3://{product.key}")]
    umm = {
        "MetadataSpecification": _SPECIFICATION,
        "GranuleUR": ur,
        "CollectionReference": {"ShortName": "ATL03", "Version": product.release},
        "TemporalExtent": _times(product.flown),
        "SpatialExtent": {
            "HorizontalSpatialDomain": {
                "Geometry": {
                    "GPolygons": [
                        {
                            "Boundary": {
                                "Points": [
                                    {"Longitude": lon, "Latitude": lat}
                                    for lon, lat in ring(product.flown, rng, clockwise=clockwise)
                                ]
                            }
                        }
                    ]
                }
            }
        },
        "ProviderDates": [{"Date": _produced(product, provider, days=1), "Type": "Insert"}],
        "DataGranule": {
            "DayNightFlag": "Unspecified",
            "ProductionDateTime": _produced(product, provider),
            "ArchiveAndDistributionInformation": [
                {"Name": name, "Format": "HDF5", **size_fields(product.id, size_form, facts)}
            ],
        },
        "RelatedUrls": links,
    }
    return {"meta": _meta(product, provider, ur, serial, record_revision), "umm": umm}


def on_premises_record(
    product: Product, *, serial: int, images: int = 35, record_revision: int = 1
) -> dict[str, Any]:
    """A granule of the on-premises archive: no polygon but an orbit, no S3 link.

    Its GranuleUR names neither the file nor its time but ``serial``; ``images`` browse images,
    at most 35.
    """
    provider = ON_PREMISES
    ur = f"SC:ATL03.{product.release}:{200_000_000 + serial}"
    flown = product.flown
    start, end = flown.latitudes
    archive = "https://n5eil01u.ecs.nsidc.org"
    browse = f"{archive}/DP0/BRWS/Browse.001/{_PRODUCED[product.release, provider]:%Y.%m.%d}"
    data = f"{archive}/DP5/ATLAS/ATL03.{product.release}/{flown.start:%Y.%m.%d}"
    umm = {
        "MetadataSpecification": _SPECIFICATION,
        "GranuleUR": ur,
        "CollectionReference": {"EntryTitle": entry_title(product.release)},
        "TemporalExtent": _times(flown),
        "OrbitCalculatedSpatialDomains": [
            {
                "OrbitNumber": flown.orbit,
                "EquatorCrossingLongitude": flown.node_longitude,
                "EquatorCrossingDateTime": _stamp(flown.node_time),
            }
        ],
        "SpatialExtent": {
            "HorizontalSpatialDomain": {
                "Orbit": {
                    "AscendingCrossing": flown.node_longitude,
                    "StartLatitude": start,
                    "StartDirection": flown.directions[0],
                    "EndLatitude": end,
                    "EndDirection": flown.directions[1],
                }
            }
        },
        "ProviderDates": [
            {"Date": _produced(product, provider, days=1), "Type": "Insert"},
            {"Date": _produced(product, provider, days=2), "Type": "Update"},
        ],
        "DataGranule": {
            "DayNightFlag": "Unspecified",
            "Identifiers": [
                {"Identifier": f"{product.id}.h5", "IdentifierType": "ProducerGranuleId"}
            ],
            "ProductionDateTime": _produced(product, provider),
            "ArchiveAndDistributionInformation": [
                {"Name": "Not provided", **size_fields(product.id, "NA", None)}
            ],
        },
        "RelatedUrls": [
            {
                "URL": f"{data}/{product.id}.h5",
                "Type": "GET DATA",
                "MimeType": "application/x-hdfeos",
            },
            *(
                {
                    "URL": f"{browse}/{product.id}_BRW.{image}.jpg",
                    "Type": "GET RELATED VISUALIZATION",
                    "MimeType": "image/jpeg",
                }
                for image in _BROWSE_IMAGES[:images]
            ),
            {
                "URL": f"{data}/{product.id}.iso.xml",
                "Type": "VIEW RELATED INFORMATION",
                "MimeType": "text/xml",
            },
        ],
    }
    meta = _meta(product, provider, ur, serial, record_revision)
    return {"meta": meta | {"format": "application/iso:smap+xml"}, "umm": umm}


def _meta(product: Product, provider: str, ur: str, serial: int, revision: int) -> dict[str, Any]:
    return {
        "concept-type": "granule",
        "concept-id": f"G{2_700_000_000 + serial}-{provider}",
        "revision-id": revision,
        "native-id": ur,
        "collection-concept-id": CONCEPT_IDS[product.release, provider],
        "provider-id": provider,
        "format": "application/vnd.nasa.cmr.umm+json",
        "revision-date": _produced(product, provider, days=2 + revision),
    }


def _times(flown: Pass) -> Mapping[str, Any]:
    return {
        "RangeDateTime": {
            "BeginningDateTime": _stamp(flown.start),
            "EndingDateTime": _stamp(flown.end),
        }
    }


def _produced(product: Product, provider: str, *, days: int = 0) -> str:
    """A time in the weeks when the release was made, or soon after the pass."""
    spread = repeatable_number(product.id, "produced") % (20 * 86_400_000)
    first = max(_PRODUCED[product.release, provider], product.flown.end.replace(tzinfo=None))
    revised = timedelta(days=120 * (product.revision - 1) + days)
    return _stamp(first + timedelta(milliseconds=spread) + revised)


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
