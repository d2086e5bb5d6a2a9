"""Areas that a search names, across ±180 too."""

from __future__ import annotations

from earthdata_standin import EarthdataStandin
from tests.earthdata_standin.standin_clients import (
    granules,
    ids,
)


def test_areas_that_cross_180(cloud: EarthdataStandin) -> None:
    cloud.faults.loose_search = False
    fiji = granules(cloud, bounding_box="177,-19,-178.5,-16")
    assert fiji
    polygon = "177,-19,-178.5,-19,-178.5,-16,177,-16,177,-19"
    assert ids(granules(cloud, polygon=polygon)) == ids(fiji)
    assert set(ids(granules(cloud, point="179.9,-17.5"))) <= set(ids(fiji))
    assert set(ids(fiji)) <= set(ids(granules(cloud, circle="179.25,-17.5,400000")))
    both = {"bounding_box[]": ["177,-19,-178.5,-16", "-136,58,-133,59"]}
    assert granules(cloud, **both) == []
    either = granules(cloud, **both, **{"options[bounding_box][or]": "true"})
    assert len(either) > len(fiji)
