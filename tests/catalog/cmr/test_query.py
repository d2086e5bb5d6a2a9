from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import (
    GRANULE_FORMAT,
    GranuleQuery,
    decimal_text,
    time_text,
    whole_seconds,
)
from catalog_builder.errors import CmrQueryError
from earthdata_standin import EarthdataStandin


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


SMALL = (0.00001, -0.0000003, 1e-7, 5e-324)


def parameter(query: GranuleQuery, name: str) -> str:
    (value,) = parse_qs(urlsplit(query.url("http://127.0.0.1/search/")).query)[name]
    return value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_without_an_exponent(number: float) -> None:
    text = decimal_text(number)
    assert float(text) == number
    assert set(text) <= set("-0123456789.")


def test_a_box_of_small_numbers_is_read_by_cmr(cloud: EarthdataStandin) -> None:
    """The stand-in has CMR's grammar of numbers, and refuses the exponents of Python."""
    query = GranuleQuery(collection_concept_id="C3326974349-NSIDC_CPRD", bounding_box=SMALL)
    assert parameter(query, "bounding_box").startswith("0.00001,-0.0000003,0.0000001,0.000")
    with CmrClient() as client:
        list(client.granules(query))
    for name, text in {
        "bounding_box": "1e-05,0,1,1",
        "point": "1e-05,0",
        "polygon": "0,0,1e-1,0,1,1,0,0",
        "circle": "0,0,1e3",
        "line": "0,0,1e0,1",
        "temporal": "2019-W02,",
        "revision_date": "20190101,",
        "updated_since": "1-01-01T00:00:00Z",
        "page_size": "1e1",
    }.items():
        answer = requests.get(
            f"{client.base}granules.umm_json",
            {"short_name": "ATL03", name: text},
            timeout=10,
        )
        assert answer.status_code == 400, name


def test_times_of_any_year_are_read_by_cmr(cloud: EarthdataStandin) -> None:
    early, late = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    query = GranuleQuery(
        collection_concept_id="C3326974349-NSIDC_CPRD",
        temporal=(early, late),
        revised=(early, None),
    )
    assert parameter(query, "temporal[]") == "0001-01-01T00:00:00Z,9999-12-31T23:59:59Z"
    assert parameter(query, "revision_date[]") == "0001-01-01T00:00:00Z,"
    with CmrClient() as client:
        assert list(client.granules(query))
        backwards = GranuleQuery(collection_concept_id="C1-X", temporal=(late, early))
        with pytest.raises(CmrQueryError):
            list(client.granules(backwards))


def test_times_have_whole_seconds() -> None:
    moment = datetime(2019, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    first, last = whole_seconds((moment, moment))
    assert (time_text(first), time_text(last)) == ("2019-01-01T00:00:00Z", "2019-01-01T00:00:01Z")
    assert time_text(None) == ""
