"""A record as CMR answers it, for tests to take and to spoil."""

from __future__ import annotations

import copy
from typing import Any

NAME = "ATL03_20181020151834_03360106_007_01"
BUCKET = "nsidc-cumulus-prod-protected/ATLAS/ATL03/007/2018/10/20"
DATA = f"https://data.nsidc.earthdatacloud.nasa.gov/{BUCKET}/{NAME}.h5"

RECORD: dict[str, Any] = {
    "meta": {
        "concept-id": "G3476682272-NSIDC_CPRD",
        "provider-id": "NSIDC_CPRD",
        "revision-id": 2,
        "revision-date": "2025-08-11T03:25:00.000Z",
    },
    "umm": {
        "GranuleUR": f"{NAME}.h5_dpyQXxz6",
        "TemporalExtent": {
            "RangeDateTime": {
                "BeginningDateTime": "2018-10-20T15:18:28.575Z",
                "EndingDateTime": "2018-10-20T15:27:02.118Z",
            }
        },
        "SpatialExtent": {
            "HorizontalSpatialDomain": {
                "Geometry": {
                    "GPolygons": [
                        {
                            "Boundary": {
                                "Points": [
                                    {"Longitude": lon, "Latitude": lat}
                                    for lon, lat in (
                                        (-177.10933, 59.54395),
                                        (-177.33541, 59.54842),
                                        (-179.95821, 41.16521),
                                        (177.95908, 26.99497),
                                        (178.08787, 26.98659),
                                        (-179.80756, 41.14659),
                                        (-177.10933, 59.54395),
                                    )
                                ]
                            }
                        }
                    ]
                }
            }
        },
        "DataGranule": {
            "ProductionDateTime": "2025-04-01T00:00:00.000Z",
            "ArchiveAndDistributionInformation": [
                {
                    "Name": f"{NAME}.h5",
                    "SizeInBytes": 2066439775,
                    "Size": 2066,
                    "SizeUnit": "MB",
                    "Checksum": {
                        "Algorithm": "MD5",
                        "Value": "cdb8ba3cff9617e88b3da89b5c84dc25",
                    },
                }
            ],
        },
        "RelatedUrls": [
            {
                "URL": "s3://nsidc-cumulus-prod-public/ATLAS/ATL03/side.h5",
                "Type": "GET DATA VIA DIRECT ACCESS",
            },
            {"URL": f"s3://{BUCKET}/{NAME}.h5", "Type": "GET DATA VIA DIRECT ACCESS"},
            {"URL": "https://opendap.earthdata.nasa.gov/x.h5", "Type": "USE SERVICE API"},
            {"URL": DATA, "Type": "GET DATA"},
            {"URL": DATA.replace(".h5", ".iso.xml"), "Type": "VIEW RELATED INFORMATION"},
            {"URL": "https://n5eil01u.ecs.nsidc.org/1.jpg", "Type": "GET RELATED VISUALIZATION"},
            {"URL": "https://n5eil01u.ecs.nsidc.org/2.jpg", "Type": "GET RELATED VISUALIZATION"},
        ],
        "OrbitCalculatedSpatialDomains": [{"OrbitNumber": 537}],
    },
}


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """The record with one value changed."""
    record = copy.deepcopy(RECORD)
    place: Any = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return record


def without(*path: Any) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    place: Any = record
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return record
