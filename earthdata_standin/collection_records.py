"""UMM-C records of the three ATL03 collections, in the shape CMR gives them.

Concept ids, DOIs, buckets and titles are those of NASA's collections; the counts are the
stand-in's own.
"""

from __future__ import annotations

from typing import Any, Final

from earthdata_standin.product import PROTECTED_BUCKET, PUBLIC_BUCKET

CLOUD: Final = "NSIDC_CPRD"
ON_PREMISES: Final = "NSIDC_ECS"

CONCEPT_IDS: Final = {
    ("006", CLOUD): "C2596864127-NSIDC_CPRD",
    ("007", CLOUD): "C3326974349-NSIDC_CPRD",
    ("006", ON_PREMISES): "C2559919423-NSIDC_ECS",
}
"""By release and provider."""

DATA_URL: Final = "https://data.nsidc.earthdatacloud.nasa.gov"
"""NASA's own origin of HTTPS downloads and of the credentials endpoint."""

_RELEASED = {"006": "2023-05-08T00:00:00.000Z", "007": "2025-08-01T00:00:00.000Z"}
_ABSTRACT = (
    "This data set (ATL03) contains height above the WGS 84 ellipsoid (ITRF2014 reference frame), "
    "latitude, longitude, and time for all photons downlinked by the Advanced Topographic Laser "
    "Altimeter System (ATLAS) instrument on board the Ice, Cloud and land Elevation Satellite-2 "
    "(ICESat-2) observatory. The ATL03 product was designed to be a single source for all photon "
    "data and ancillary information needed by higher-level ATLAS/ICESat-2 products. As such, it "
    "also includes spacecraft and instrument parameters and ancillary data not explicitly "
    "required for ATL03."
)


def entry_title(release: str) -> str:
    """Title of a release: how on-premises granule records name their collection."""
    return f"ATLAS/ICESat-2 L2A Global Geolocated Photon Data V{release}"


def collection_record(
    concept_id: str, release: str, provider: str, *, granules: int, data_url: str = DATA_URL
) -> dict[str, Any]:
    """A collection as ``{"meta", "umm"}``; ``granules`` is how many CMR says it holds."""
    cloud = provider == CLOUD
    prefixes = [f"{bucket}/ATLAS/ATL03/{release}" for bucket in (PROTECTED_BUCKET, PUBLIC_BUCKET)]
    meta: dict[str, Any] = {
        "concept-type": "collection",
        "concept-id": concept_id,
        "revision-id": 31 if cloud else 58,
        "native-id": f"ATL03_V{release}" if cloud else entry_title(release),
        "provider-id": provider,
        "format": "application/vnd.nasa.cmr.umm+json" if cloud else "application/iso:smap+xml",
        "revision-date": "2025-09-18T16:02:11.402Z",
        "deleted": False,
        "granule-count": granules,
        "has-variables": cloud,
        "has-formats": False,
        "has-transforms": False,
        "has-combine": False,
        "has-spatial-subsetting": cloud,
        "has-temporal-subsetting": cloud,
    }
    if cloud:
        meta["s3-links"] = prefixes
    umm: dict[str, Any] = {
        "ShortName": "ATL03",
        "Version": release,
        "EntryTitle": entry_title(release),
        "DOI": {
            "DOI": f"10.5067/ATLAS/ATL03.{release}",
            "Authority": "https://doi.org",
        },
        "Abstract": _ABSTRACT,
        "CollectionProgress": "ACTIVE",
        "CollectionDataType": "SCIENCE_QUALITY",
        "ProcessingLevel": {"Id": "2A"},
        "CollectionCitations": [_citation(release)],
        "DataCenters": [
            {
                "Roles": ["ARCHIVER", "DISTRIBUTOR"],
                "ShortName": "NASA NSIDC DAAC",
                "LongName": "NASA National Snow and Ice Data Center Distributed Active Archive "
                "Center",
            },
            {
                "Roles": ["ORIGINATOR", "PROCESSOR"],
                "ShortName": "NASA/GSFC/EOS/ESDIS",
                "LongName": "Earth Science Data and Information System, Goddard Space Flight "
                "Center, NASA",
            },
        ],
        "TemporalExtents": [
            {
                "EndsAtPresentFlag": True,
                "RangeDateTimes": [{"BeginningDateTime": "2018-10-13T00:00:00.000Z"}],
            }
        ],
        "SpatialExtent": _spatial_extent(cloud=cloud),
        "ScienceKeywords": [
            {"Category": "EARTH SCIENCE", "Topic": topic, "Term": term}
            for topic, term in (
                ("CRYOSPHERE", "GLACIERS/ICE SHEETS"),
                ("CRYOSPHERE", "SEA ICE"),
                ("LAND SURFACE", "TOPOGRAPHY"),
                ("OCEANS", "SEA SURFACE TOPOGRAPHY"),
            )
        ],
        "LocationKeywords": [{"Category": "GEOGRAPHIC REGION", "Type": "GLOBAL"}],
        "Platforms": [
            {
                "Type": "Earth Observation Satellites",
                "ShortName": "ICESat-2",
                "LongName": "Ice, Cloud, and land Elevation Satellite-2",
                "Instruments": [
                    {
                        "ShortName": "ATLAS",
                        "LongName": "Advanced Topographic Laser Altimeter System",
                    }
                ],
            }
        ],
        "Projects": [
            {"ShortName": "ICESat-2", "LongName": "Ice, Cloud, and land Elevation Satellite-2"}
        ],
        "UseConstraints": {
            "Description": "This data set is openly shared, without restriction, in accordance "
            "with NASA's Earth Science program Data and Information Policy.",
            "LicenseURL": {
                "Linkage": "https://www.earthdata.nasa.gov/engage/open-data-services-software/"
                "data-information-policy",
                "Name": "NASA Data and Information Policy",
                "MimeType": "text/html",
            },
            "FreeAndOpenData": True,
        },
        "ArchiveAndDistributionInformation": {
            "FileDistributionInformation": [{"FormatType": "Native", "Format": "HDF5"}]
        },
        "RelatedUrls": _related_urls(release),
        "MetadataDates": [
            {"Type": "CREATE", "Date": "2022-12-01T00:00:00.000Z"},
            {"Type": "UPDATE", "Date": "2025-09-18T00:00:00.000Z"},
        ],
        "MetadataSpecification": {
            "URL": "https://cdn.earthdata.nasa.gov/umm/collection/v1.18.0",
            "Name": "UMM-C",
            "Version": "1.18.0",
        },
    }
    if cloud:
        meta["s3-links"] = prefixes
        umm["DirectDistributionInformation"] = {
            "Region": "us-west-2",
            "S3BucketAndObjectPrefixNames": prefixes,
            "S3CredentialsAPIEndpoint": f"{data_url}/s3credentials",
            "S3CredentialsAPIDocumentationURL": f"{data_url}/s3credentialsREADME",
        }
    return {"meta": meta, "umm": umm}


def _citation(release: str) -> dict[str, Any]:
    return {
        "Creator": "Neumann, T. A., A. Brenner, D. Hancock, J. Robbins, A. Gibbons, J. Lee, "
        "K. Harbeck, J. Saba, S. B. Luthcke, and T. Rebold",
        "Title": f"ATLAS/ICESat-2 L2A Global Geolocated Photon Data, Version {int(release)}",
        "SeriesName": entry_title(release),
        "Version": release,
        "Publisher": "NASA National Snow and Ice Data Center Distributed Active Archive Center",
        "ReleasePlace": "Boulder, Colorado USA",
        "ReleaseDate": _RELEASED.get(release, "2022-01-01T00:00:00.000Z"),
        "OnlineResource": {"Linkage": f"https://doi.org/10.5067/ATLAS/ATL03.{release}"},
    }


def _spatial_extent(*, cloud: bool) -> dict[str, Any]:
    world = {
        "WestBoundingCoordinate": -180.0,
        "SouthBoundingCoordinate": -90.0,
        "EastBoundingCoordinate": 180.0,
        "NorthBoundingCoordinate": 90.0,
    }
    extent: dict[str, Any] = {
        "SpatialCoverageType": "HORIZONTAL",
        "HorizontalSpatialDomain": {
            "Geometry": {"CoordinateSystem": "GEODETIC", "BoundingRectangles": [world]}
        },
        "GranuleSpatialRepresentation": "GEODETIC" if cloud else "ORBIT",
    }
    if not cloud:
        extent["OrbitParameters"] = {
            "SwathWidth": 36.0,
            "SwathWidthUnit": "Kilometer",
            "OrbitPeriod": 94.29,
            "OrbitPeriodUnit": "Decimal Minute",
            "InclinationAngle": 92.0,
            "InclinationAngleUnit": "Degree",
            "NumberOfOrbits": 0.071428571,
            "StartCircularLatitude": 0.0,
            "StartCircularLatitudeUnit": "Degree",
        }
    return extent


def _related_urls(release: str) -> list[dict[str, str]]:
    version = int(release)
    return [
        {
            "URL": f"https://nsidc.org/data/atl03/versions/{version}",
            "URLContentType": "CollectionURL",
            "Type": "DATA SET LANDING PAGE",
            "Description": "Documentation and data access",
        },
        {
            "URL": "https://search.earthdata.nasa.gov/search?q=ATL03+V" + release,
            "URLContentType": "DistributionURL",
            "Type": "GET DATA",
            "Subtype": "Earthdata Search",
            "Description": "NASA's Earthdata Search",
        },
        {
            "URL": f"https://nsidc.org/sites/default/files/documents/user-guide/"
            f"atl03-v{release}-userguide.pdf",
            "URLContentType": "PublicationURL",
            "Type": "VIEW RELATED INFORMATION",
            "Subtype": "USER'S GUIDE",
            "Description": "User guide",
        },
    ]
