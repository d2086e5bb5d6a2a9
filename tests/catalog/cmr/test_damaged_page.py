"""Pages of records of which one is no JSON: where each record lies, and what is left of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.cmr.damaged_page import salvage, split_records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(records=st.lists(VALUES, max_size=5), before=VALUES, indent=st.sampled_from([None, 1]))
def test_records_of_a_whole_page_are_split_as_json_has_them(
    records: list[Any], before: Any, indent: int | None
) -> None:
    body = json.dumps({"hits": 3, "before": before, "items": records}, indent=indent).encode()
    assert [json.loads(raw) for raw in split_records(body)] == records


def test_a_record_that_is_no_json_leaves_the_others() -> None:
    bad = b'{"meta": {"concept-id": "G2-X"}, "umm": {"size": NaN-, "name": "a]}\\"b"}}'
    body = b'{"hits": 3, "items": [{"n": 1},' + bad + b',{"n": 3}]}'
    assert split_records(body) == [b'{"n": 1}', bad, b'{"n": 3}']


@pytest.mark.parametrize("body", [b"", b"[]", b'{"items": 7}', b'{"items": [{}', b'{"a": [[1]]}'])
def test_a_page_without_a_list_that_ends_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="no list of items"):
        split_records(body)


def test_a_record_that_can_be_read_loosely_is_read() -> None:
    raw = b'{"meta": {"concept-id": "G1-X"}, "umm": {"GranuleUR": "a\tb", "Size": NaN}}'
    assert salvage(raw)["umm"]["GranuleUR"] == "a\tb"


def test_of_any_other_its_identity_is_kept() -> None:
    raw = (
        b'{"meta": {"concept-id": "G3476682272-NSIDC_CPRD", "revision-id": 7, '
        b'"revision-date": "2025-08-11T03:25:00.000Z"}, "umm": {"GranuleUR": "x.h5", "a": }}'
    )
    assert salvage(raw) == {
        "meta": {
            "concept-id": "G3476682272-NSIDC_CPRD",
            "revision-id": 7,
            "revision-date": "2025-08-11T03:25:00.000Z",
        },
        "umm": {"GranuleUR": "x.h5"},
    }
    assert salvage(b"\xff\xfe") == {
        "meta": {"concept-id": "", "revision-id": 0, "revision-date": ""},
        "umm": {"GranuleUR": ""},
    }
    assert salvage(b"[" * 100_000)["umm"] == {"GranuleUR": ""}
