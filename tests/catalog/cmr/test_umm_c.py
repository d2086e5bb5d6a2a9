from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog_builder.catalog.cmr.umm_c import parse_collection
from catalog_builder.errors import RecordError

ATL03: dict[str, Any] = {
    "meta": {
        "concept-id": "C3326974349-NSIDC_CPRD",
        "provider-id": "NSIDC_CPRD",
        "revision-id": 12,
        "revision-date": "2025-09-01T10:20:30.456Z",
        "granule-count": 412_345,
    },
    "umm": {
        "ShortName": "ATL03",
        "Version": "007",
        "EntryTitle": "ATLAS/ICESat-2 L2A Global Geolocated Photon Data V007",
        "Abstract": "Height of photons.\n  Latitude, longitude.",
        "DOI": {"DOI": "10.5067/ATLAS/ATL03.007", "Authority": "https://doi.org/"},
        "CollectionCitations": [
            {
                "Creator": "Neumann, T. A., A. Brenner, D. Hancock, et al.",
                "Title": "ATLAS/ICESat-2 L2A Global Geolocated Photon Data",
                "Version": "007",
                "ReleaseDate": "2025-03-01T00:00:00.000Z",
                "ReleasePlace": "Boulder, Colorado USA",
                "Publisher": "NASA National Snow and Ice Data Center DAAC",
            }
        ],
        "UseConstraints": {
            "LicenseURL": {"Linkage": "https://www.earthdata.nasa.gov/data-use-policy"}
        },
        "TemporalExtents": [
            {
                "EndsAtPresentFlag": True,
                "RangeDateTimes": [{"BeginningDateTime": "2018-10-13T00:00:00.000Z"}],
            }
        ],
        "SpatialExtent": {
            "HorizontalSpatialDomain": {
                "Geometry": {
                    "BoundingRectangles": [
                        {
                            "WestBoundingCoordinate": -180.0,
                            "NorthBoundingCoordinate": 90.0,
                            "EastBoundingCoordinate": 180.0,
                            "SouthBoundingCoordinate": -90.0,
                        }
                    ]
                }
            }
        },
        "DirectDistributionInformation": {
            "Region": "us-west-2",
            "S3BucketAndObjectPrefixNames": [
                "nsidc-cumulus-prod-protected/ATLAS/ATL03/007",
                "s3://nsidc-cumulus-prod-public/ATLAS/ATL03/007/",
            ],
            "S3CredentialsAPIEndpoint": "https://data.nsidc.earthdatacloud.nasa.gov/s3credentials",
        },
        "DataCenters": [
            {
                "ShortName": "NASA NSIDC DAAC",
                "LongName": "National Snow and Ice Data Center",
                "Roles": ["ARCHIVER", "DISTRIBUTOR"],
                "ContactInformation": {
                    "RelatedUrls": [{"Type": "HOME PAGE", "URL": "https://nsidc.org/daac"}]
                },
            }
        ],
        "RelatedUrls": [
            {"Type": "GET DATA", "URL": "https://search.earthdata.nasa.gov/search"},
            {
                "Type": "DATA SET LANDING PAGE",
                "URL": "https://doi.org/10.5067/ATLAS/ATL03.007",
                "Description": "Documentation",
            },
        ],
        "ScienceKeywords": [
            {"Category": "EARTH SCIENCE", "Topic": "CRYOSPHERE", "Term": "GLACIERS/ICE SHEETS"},
            {
                "Category": "EARTH SCIENCE",
                "Topic": "CRYOSPHERE",
                "Term": "SEA ICE",
                "VariableLevel1": "SEA ICE ELEVATION",
            },
            {"Category": "EARTH SCIENCE", "Topic": "SOLID EARTH", "Term": "GLACIERS/ICE SHEETS"},
        ],
        "ProcessingLevel": {"Id": "2A"},
        "Platforms": [{"ShortName": "ICESat-2", "Instruments": [{"ShortName": "ATLAS"}]}],
    },
}


def changed(**umm: Any) -> dict[str, Any]:
    record = copy.deepcopy(ATL03)
    record["umm"].update(umm)
    return record


def test_atl03() -> None:
    collection = parse_collection(ATL03)
    assert collection.id == "ATL03_007"
    assert collection.concept_id == "C3326974349-NSIDC_CPRD"
    assert collection.revision_date == datetime(2025, 9, 1, 10, 20, 30, 456000, tzinfo=UTC)
    assert collection.abstract == "Height of photons. Latitude, longitude."
    assert (collection.start, collection.end) == (datetime(2018, 10, 13, tzinfo=UTC), None)
    assert collection.boxes == ((-180.0, -90.0, 180.0, 90.0),)
    assert collection.cloud_hosted
    assert collection.prefixes == (
        "nsidc-cumulus-prod-protected/ATLAS/ATL03/007",
        "nsidc-cumulus-prod-public/ATLAS/ATL03/007",
    )
    assert collection.doi == "10.5067/ATLAS/ATL03.007"
    assert collection.citation == (
        "Neumann, T. A., A. Brenner, D. Hancock, et al. (2025). "
        "ATLAS/ICESat-2 L2A Global Geolocated Photon Data, Version 7 [Data Set]. "
        "Boulder, Colorado USA. NASA National Snow and Ice Data Center DAAC. "
        "https://doi.org/10.5067/ATLAS/ATL03.007"
    )
    assert collection.license_url == "https://www.earthdata.nasa.gov/data-use-policy"
    assert collection.landing_page == "https://doi.org/10.5067/ATLAS/ATL03.007"
    assert collection.data_centers[0].roles == ("ARCHIVER", "DISTRIBUTOR")
    assert collection.data_centers[0].url == "https://nsidc.org/daac"
    assert collection.keywords == ("GLACIERS/ICE SHEETS", "SEA ICE ELEVATION")
    assert collection.platforms == ("ICESat-2",)
    assert collection.instruments == ("ATLAS",)
    assert collection.granule_count == 412_345


def test_a_real_cloud_collection(real_data: Path) -> None:
    body = json.loads((real_data / "cmr" / "pocloud_collection_example.umm.json").read_text())
    collection = parse_collection(body["items"][0])
    assert collection.concept_id == "C2758162622-POCLOUD"
    assert collection.cloud_hosted
    assert collection.region == "us-west-2"
    assert collection.granule_count == 1698
    assert collection.end is None
    assert collection.doi == "10.5067/SWOT-RIVERSP-1.1"
    assert collection.landing_page == "https://doi.org/10.5067/SWOT-RIVERSP-1.1"
    assert collection.citation == (
        "Surface Water Ocean Topography (SWOT) (2023). "
        "SWOT Level 2 River Single-Pass Vector Data Product, Version 1.1 [Data Set]. "
        "Jet Propulsion Laboratory. JPL NASA. https://doi.org/10.5067/SWOT-RIVERSP-1.1"
    )
    assert "USER'S GUIDE" in " ".join(link.kind for link in collection.links)
    assert [center.name for center in collection.data_centers][1] == "NASA/JPL/PODAAC"
    assert collection.keywords[0] == "STAGE HEIGHT"


def test_on_premises_has_no_direct_distribution() -> None:
    record = changed()
    del record["umm"]["DirectDistributionInformation"]
    collection = parse_collection(record)
    assert not collection.cloud_hosted
    assert collection.prefixes == ()
    assert collection.credentials_endpoint is None


def test_the_least_a_record_holds() -> None:
    record = changed()
    keep = ("ShortName", "Version", "EntryTitle", "Abstract", "TemporalExtents")
    record["umm"] = {key: record["umm"][key] for key in keep}
    collection = parse_collection(record)
    assert collection.boxes == ((-180.0, -90.0, 180.0, 90.0),)
    assert collection.citation is collection.doi is collection.landing_page is None


@pytest.mark.parametrize(
    "doi", ["https://doi.org/10.5067/X", "doi:10.5067/X", "http://dx.doi.org/10.5067/X"]
)
def test_a_doi_is_bare(doi: str) -> None:
    assert parse_collection(changed(DOI={"DOI": doi})).doi == "10.5067/X"


def test_a_doi_that_the_record_calls_missing() -> None:
    record = changed(DOI={"MissingReason": "Unknown", "Explanation": "old"})
    assert parse_collection(record).doi is None


def test_extents_are_taken_together() -> None:
    spans = [
        {"RangeDateTimes": [{"BeginningDateTime": "2019-01-01T00:00:00Z",
                             "EndingDateTime": "2019-02-01T00:00:00Z"}]},
        {"SingleDateTimes": ["2018-05-05T00:00:00Z"]},
    ]  # fmt: skip
    collection = parse_collection(changed(TemporalExtents=spans))
    assert collection.start == datetime(2018, 5, 5, tzinfo=UTC)
    assert collection.end == datetime(2019, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("key", ["ShortName", "Version", "EntryTitle", "TemporalExtents"])
def test_what_is_missing_is_named(key: str) -> None:
    record = changed()
    del record["umm"][key]
    with pytest.raises(RecordError, match=f"C3326974349-NSIDC_CPRD lacks '{key}"):
        parse_collection(record)


@pytest.mark.parametrize(
    "record",
    [{}, {"meta": {}, "umm": {}}, {"meta": None, "umm": None}, changed(TemporalExtents=[]),
     changed(Abstract=None), changed(RelatedUrls=[{"Type": "X"}]), changed(TemporalExtents=["x"])],
)  # fmt: skip
def test_what_cannot_be_read_is_a_record_error(record: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        parse_collection(record)
