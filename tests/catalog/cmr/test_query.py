from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from catalog_builder.catalog.cmr.query import GRANULE_FORMAT, GranuleQuery


def test_python_cmr_still_writes_the_url_as_expected() -> None:
    """``_build_url`` is private to python-cmr: a version that changes it is seen here."""
    query = GranuleQuery(
        collection_concept_id="C3326974349-NSIDC_CPRD",
        bounding_box=(-50.0, 69.0, -48.0, 70.0),
        temporal=(datetime(2018, 10, 14, tzinfo=UTC), datetime(2018, 10, 15, tzinfo=UTC)),
    )
    url = urlsplit(query.url("http://127.0.0.1/search/"))
    assert url.path == f"/search/granules.{GRANULE_FORMAT}"
    asked = {key.removesuffix("[]"): values for key, values in parse_qs(url.query).items()}
    assert asked == {
        "collection_concept_id": ["C3326974349-NSIDC_CPRD"],
        "bounding_box": ["-50.0,69.0,-48.0,70.0"],
        "temporal": ["2018-10-14T00:00:00Z,2018-10-15T00:00:00Z"],
        "sort_key": ["revision_date"],
    }
