"""Which classes are asked for."""

from __future__ import annotations

import pytest

from catalog_builder.errors import PairError
from catalog_builder.siblings.class_request import parse_classes


def test_names_lists_and_mappings_are_read() -> None:
    assert parse_classes(None) == []
    (one,) = parse_classes(" ATL08? ")
    assert (one.key, one.optional, one.granules, one.product) == ("atl08", True, None, "ATL08")
    land, sea = parse_classes(["atl08", "atl24?"])
    assert (land.optional, sea.optional) == (False, True)
    (named,) = parse_classes({"ATL24": "/a/file.h5"})
    assert (named.key, named.granules, named.optional) == ("atl24", "/a/file.h5", False)
    assert "/a/file.h5" not in repr(named)


@pytest.mark.parametrize("wrong", ["atl06", ["atl08", None], {"": 1}, ["atl08", "ATL08"]])
def test_others_are_refused(wrong: object) -> None:
    with pytest.raises(PairError):
        parse_classes(wrong)  # type: ignore[arg-type]
