"""What the stand-in CMR refuses, in the words of NASA's."""

from __future__ import annotations

from typing import Any

import pytest

from earthdata_standin import EarthdataStandin
from tests.earthdata_standin.standin_clients import (
    get,
)

REFUSALS: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("granules", {"provider": "X", "foo": 1}, {}, "Parameter [foo] was not recognized."),
    (
        "granules",
        {"provider": "X", "cloud_hosted": "true"},
        {},
        "Parameter [cloud_hosted] was not recognized.",
    ),
    ("granules", {}, {}, "The CMR does not allow querying across granules in all collections."),
    ("granules", {"provider": "X", "page_size": 2001}, {}, "page_size must be a number between"),
    ("granules", {"provider": "X", "page_size": "x"}, {}, "page_size must be a number between"),
    ("granules", {"provider": "X", "page_num": 0}, {}, "page_num must be a number greater than"),
    (
        "granules",
        {"provider": "X", "page_num": 1001, "page_size": 1000},
        {},
        "The paging depth (page_num * page_size) of [1001000] exceeds the limit of 1000000.",
    ),
    (
        "granules",
        {"provider": "X", "page_num": 2},
        {"CMR-Search-After": "[0]"},
        "page_num is not allowed with search-after",
    ),
    (
        "granules",
        {"provider": "X", "offset": 2},
        {"CMR-Search-After": "[0]"},
        "offset is not allowed with search-after",
    ),
    (
        "granules",
        {"provider": "X"},
        {"CMR-Search-After": "12345"},
        "search-after header value is invalid, must be in the form of a JSON array.",
    ),
    (
        "granules",
        {"provider": "NSIDC_CPRD"},
        {"CMR-Search-After": '[0, "xxx"]'},
        "search_after has 2 value(s) but sort has 3.",
    ),
    (
        "granules",
        {"provider": "NSIDC_CPRD"},
        {"CMR-Search-After": '[0, "xxx", "y"]'},
        "search_after has a value of another type",
    ),
    ("granules", {"provider": "X", "sort_key": "colour"}, {}, "The sort key [colour] is not"),
    (
        "granules",
        {"provider": "X", "bounding_box": "1,2,3"},
        {},
        "[1,2,3] is not a valid URL encoded bounding_box",
    ),
    *(
        (
            "granules",
            {"provider": "X", "bounding_box": f"{west},5,1,6"},
            {},
            f"[{west},5,1,6] is not a valid URL encoded bounding_box",
        )
        for west in ("1e-05", "1E1", ".5", "5.", " 5", "0x1", "nan", "inf", "1_0", "٣", "")
    ),
    (
        "granules",
        {"provider": "X", "polygon": "0,0,1e0,0,1,1,0,0"},
        {},
        "[0,0,1e0,0,1,1,0,0] is not a valid URL encoded polygon",
    ),
    (
        "granules",
        {"provider": "X", "point": "1e1,5"},
        {},
        "[1e1,5] is not a valid URL encoded point",
    ),
    ("granules", {"provider": "X", "bounding_box": "0,5,1,4"}, {}, "was less than the south"),
    ("granules", {"provider": "X", "bounding_box": "0,5,200,6"}, {}, "longitude [200] must be"),
    (
        "granules",
        {"provider": "X", "polygon": "0,0,0,1,1,1,1,0,0,0"},
        {},
        "listed in the wrong order",
    ),
    ("granules", {"provider": "X", "polygon": "0,0,1,0,1,1,0,1"}, {}, "was not closed"),
    ("granules", {"provider": "X", "circle": "0,0,1"}, {}, "Circle radius must be between"),
    (
        "granules",
        {"provider": "X", "temporal": "yesterday,"},
        {},
        "temporal start datetime is invalid: [yesterday] is not a valid datetime.",
    ),
    *(
        (
            "granules",
            {"provider": "X", "temporal": f",{end}"},
            {},
            f"temporal end datetime is invalid: [{end}] is not a valid datetime.",
        )
        for end in (
            *("20210409", "2021-W02", "2021-099", "2021", "2021-04", "2021-02-30"),
            *("2021-04-09T00", "2021-04-09T00:00Z", "2021-04-09 00:00:00", "2021-13-12T12:00:00"),
            *("2021-04-09T00:00:00+0100", "2021-04-09T00:00:00z", "20210409T000000Z"),
        )
    ),
    (
        "granules",
        {"provider": "X", "revision_date": "1,2,3"},
        {},
        "Too many commas in revision-date 1,2,3",
    ),
    (
        "granules",
        {"provider": "X", "revision_date": "2021-1-1,"},
        {},
        "revision-date start datetime is invalid: [2021-1-1]",
    ),
    (
        "granules",
        {"provider": "X", "keyword": "photon"},
        {},
        "Parameter [keyword] was not recognized.",
    ),
    (
        "granules",
        {"provider": "X", "temporal": "2019-01-01T00:00:00Z,2018-01-01T00:00:00Z"},
        {},
        "must be before end_date",
    ),
    (
        "collections",
        {"cloud_hosted": "yes"},
        {},
        "Parameter cloud_hosted must take value of true or false but was [yes]",
    ),
]


@pytest.mark.parametrize(
    ("concept", "conditions", "headers", "message"),
    REFUSALS,
    ids=[f"{number}-{row[3][:30]}" for number, row in enumerate(REFUSALS)],
)
def test_a_wrong_query_is_refused_in_words(
    cloud: EarthdataStandin,
    concept: str,
    conditions: dict[str, Any],
    headers: dict[str, str],
    message: str,
) -> None:
    answer = get(cloud, f"{concept}.umm_json", params=conditions, headers=headers)
    assert answer.status_code == 400
    assert any(message in error for error in answer.json()["errors"]), answer.json()


def test_an_unknown_format_is_refused(cloud: EarthdataStandin) -> None:
    assert get(cloud, "granules.echo10").status_code == 400
    assert get(cloud, "nonsense.umm_json").status_code == 404
