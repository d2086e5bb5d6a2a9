"""Answers of CMR, taken apart."""

from __future__ import annotations

import pytest

from catalog_builder.catalog.cmr.response import read_listing


@pytest.mark.parametrize(
    "body",
    [
        b"<results><references></references></results>\n",
        b'<results><references><reference a="1"><id>G1-P</id><revision-id>1</revision-id>'
        b"</reference></references></results>",
    ],
)
def test_a_whole_listing_is_kept(body: bytes) -> None:
    assert read_listing(body) == body


@pytest.mark.parametrize(
    "body",
    [
        b"<results><references><reference><id>G1-P</id><revision-id>1</revision-id></reference>",
        b"<results><references><reference><id>G1-P</id></reference></references></results>",
        b"<html>busy</html",
        b"",
    ],
)
def test_a_listing_that_is_not_whole_is_fetched_again(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"records with|element|syntax|token|closed"):
        read_listing(body)
