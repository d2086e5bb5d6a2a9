"""A plan, what it takes, and what its result says of itself."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import catalog_builder as cb
from catalog_builder.errors import AccessError, PhotonsWarning, ReferencesWarning
from catalog_builder.photons.reading.photon_reads import ReadPasses
from catalog_builder.photons.reading.planned_reading import (
    PlannedPhotons,
    attributes,
    read_planned,
    warn_of_read,
)
from tests.photons.conftest import SmallPasses

AREA = (20, 10.05, 21, 10.2)


def plan_of(*items: Any, **asked: Any) -> PlannedPhotons:
    return cb.plan_photons(items, AREA, variables=["h_ph"], **asked)


def test_a_plan_tells_what_reading_takes(small: SmallPasses) -> None:
    plan = plan_of(small.indexed)
    passes = plan.granules[0].passes
    assert (plan.passes, plan.without_references) == (2, 0)
    assert plan.requests == sum(one.requests for one in passes) > 0
    assert plan.bytes == sum(one.bytes for one in passes) > 0
    read = read_planned(plan, plan.granules, "raise", None)
    stay = sum(len(block["heights/h_ph"]) for one in read.passes for block in one.blocks)
    assert 0 < stay <= plan.photons
    of_file = plan_of(small.plain)
    assert (of_file.requests, of_file.bytes, of_file.passes) == (0, 0, 6)
    assert of_file.without_references == 1


def test_where_it_all_comes_from(small: SmallPasses) -> None:
    plan = plan_of(
        small.indexed, datetime="2019-01-01/..", beams="weak", where={"quality_ph": [0, 1]}
    )
    failed = {"ATL03_X": AccessError("No answer.")}
    found = attributes(plan, ReadPasses(passes=(), failed=failed, problems={}))
    assert found["area"] == "bbox=[20.0, 10.05, 21.0, 10.2]"
    assert found["datetime"] == "2019-01-01T00:00:00+00:00/.."
    assert found["beams"] == "weak"
    assert found["where"] == "quality_ph in [0, 1]"
    assert (found["release"], found["revisions"]) == ("006", "01")
    assert found["doi"] == "10.5067/ATLAS/ATL03.006"
    assert (found["granules_searched"], found["granules_read"]) == (1, 0)
    assert found["passes_searched"] == 1
    assert found["left_out"] == "ATL03_X No answer."
    assert cb.__version__ in found["history"]
    # Nothing is said of what was not asked for.
    none = ReadPasses(passes=(), failed={}, problems={})
    assert not {"where", "good", "catalog"} & set(attributes(plan_of(small.indexed), none))


def test_warnings_name_what_was_slow_or_is_missing(small: SmallPasses) -> None:
    plan = plan_of(small.indexed)
    none = ReadPasses(passes=(), failed={}, problems={})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_read(plan, none)
    slow = ReadPasses(passes=(), failed={}, problems={small.indexed["id"]: "They are old."})
    with pytest.warns(ReferencesWarning, match=r"1 of 1 granules.*index CATALOG.*They are old\."):
        warn_of_read(plan, slow)
    failed = ReadPasses(passes=(), failed={"ATL03_X": AccessError("No answer.")}, problems={})
    with pytest.warns(PhotonsWarning, match=r"1 of 1 granules could not.*ATL03_X: No answer\."):
        warn_of_read(plan, failed)
