"""All passes of a search are planned together; what cannot be planned is left to h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.read.rejected_references import reject
from catalog_builder.errors import TooManyPhotonsError
from catalog_builder.opening.resolve import resolve
from catalog_builder.photons.planning.found_granules import find_granules
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import (
    AT_ONCE,
    GranulePlan,
    free_memory,
    plan_granules,
    require_memory,
)
from tests.photons.conftest import SmallPasses, ask


def planned(items: list[Any], request: PhotonRequest | None = None) -> list[GranulePlan]:
    request = ask() if request is None else request
    found, _ = find_granules(items, request)
    steps: list[int] = []
    plans = plan_granules(found, request, steps.append)
    assert steps == [*range(1, len(found) + 1)]
    assert [plan.found for plan in plans] == found
    return plans


def renamed(item: dict[str, Any], day: int) -> dict[str, Any]:
    """The item as if its granule were of another day."""
    return {**item, "id": f"ATL03_201904{day:02d}{item['id'][14:]}"}


def test_passes_by_their_references(small: SmallPasses) -> None:
    (plan,) = planned([small.indexed])
    assert [one.beam.references.beam for one in plan.passes] == ["gt1l", "gt2r"]
    assert (plan.by_file, plan.looked_at, plan.problem) == ((), 2, None)
    (plan,) = planned([small.indexed], ask(beams="strong"))
    assert ([one.beam.references.beam for one in plan.passes], plan.looked_at) == (["gt1l"], 1)


def test_without_references_h5py_reads(small: SmallPasses) -> None:
    (plan,) = planned([small.plain])
    assert (plan.passes, len(plan.by_file), plan.problem) == ((), 6, None)


def test_references_that_are_lost_or_damaged(small: SmallPasses, tmp_path: Path) -> None:
    for place in (tmp_path / "lost.json.zst", tmp_path / "damaged.json.zst"):
        if "damaged" in place.name:
            place.write_bytes(b"no references" * 1000)
        assets = {**small.indexed["assets"], "references": {"href": str(place)}}
        (plan,) = planned([{**small.indexed, "assets": assets}])
        assert plan.by_file == ("gt1l", "gt2r")
        assert plan.problem


def test_references_of_another_granule(
    small: SmallPasses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_references, "_rejected", set())
    item = {**small.indexed, "assets": {**small.indexed["assets"]}}
    item["assets"]["data"] = {"href": str(small.path).replace("20190401", "20190402")}
    (plan,) = planned([renamed(item, 2)])
    assert plan.by_file == ("gt1l", "gt2r")
    assert "not of ATL03_20190402" in (plan.problem or "")


def test_references_that_were_wrong_before(
    small: SmallPasses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_references, "_rejected", set())
    known = resolve(small.indexed).load_all(["gt1l"])
    assert known is not None
    reject(known.beams["gt1l"])
    (plan,) = planned([small.indexed])
    assert "gt1l" in plan.by_file


def test_many_granules_keep_their_order(small: SmallPasses) -> None:
    items = [renamed(small.plain, day) for day in range(1, 31)] * 2
    items += [{**one, "id": f"{one['id'][:14]}13{one['id'][16:]}"} for one in items[:30]]
    assert len(planned(items)) == 60 > 2 * AT_ONCE


def test_what_references_do_not_cover_h5py_reads(small: SmallPasses) -> None:
    (plan,) = planned([small.indexed], ask(variables=["h_ph", "later"]))
    assert (plan.passes, plan.by_file) == ((), ("gt1l", "gt2r"))
    assert plan.problem == "The references of gt2r lack heights/later."


def test_more_than_fits_is_refused_by_the_plan(small: SmallPasses) -> None:
    plans = planned([small.indexed])
    size = 2 * 100 * (3 * 8 + 4 + 6)
    require_memory(plans, ask(), size)
    with pytest.raises(TooManyPhotonsError, match=r"200 photons of 2 passes.*smaller.*lazily"):
        require_memory(plans, ask(), size - 1)
    assert 2**20 < free_memory() < 2**50
