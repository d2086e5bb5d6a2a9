"""How a pass is read by its references, without reading it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import h5py
import pytest

from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.errors import ConditionError, VariableNotFoundError
from catalog_builder.opening.resolve import resolve
from catalog_builder.photons.planning import pass_plan
from catalog_builder.photons.planning.pass_plan import plan_pass, row_bytes
from tests.photons.conftest import SmallPasses, ask

CHUNK = 16
PLACE = (20, 10.11, 21, 10.12)


@pytest.fixture(scope="module")
def beam(small: SmallPasses) -> PlannedBeam:
    granule = resolve(small.indexed)
    known = granule.load_all(["gt1l"])
    assert known is not None
    return PlannedBeam(links=granule.links, access="auto", references=known.beams["gt1l"])


def photons_of(plan: pass_plan.PassPlan) -> list[int]:
    return [number for block in plan.blocks for number in block.photons.numbers().tolist()]


def test_whole_chunks_near_the_area_are_read(beam: PlannedBeam) -> None:
    assert photons_of(plan_pass(beam, ask())) == list(range(100))
    near = photons_of(plan_pass(beam, ask(PLACE)))
    assert {37, 38, 40} <= set(near) < set(range(100))
    assert near == [n for n in range(100) if n // CHUNK in {number // CHUNK for number in near}]
    nothing = plan_pass(beam, ask((-5, 10.11, -4, 10.12)))
    assert (nothing.blocks, nothing.photons, nothing.requests, nothing.bytes) == ((), 0, 0, 0)


def test_requests_hold_every_chunk_of_what_is_read(small: SmallPasses, beam: PlannedBeam) -> None:
    plan = plan_pass(beam, ask(PLACE))
    (block,) = plan.blocks
    ranges = [(one.start, one.stop) for one in block.plan.requests]
    with h5py.File(small.path) as file:
        for name in ("lat_ph", "lon_ph", "delta_time", "h_ph"):
            chunk = file[f"gt1l/heights/{name}"].id.get_chunk_info_by_coord((2 * CHUNK,))
            begin, end = chunk.byte_offset, chunk.byte_offset + chunk.size
            assert any(start <= begin and end <= stop for start, stop in ranges), name
    assert plan.bytes == sum(stop - start for start, stop in ranges)
    assert plan.requests == len(ranges)


def test_blocks_are_of_bounded_bytes(beam: PlannedBeam, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = plan_pass(beam, ask())
    a_photon = row_bytes(ask(), whole.variables)
    assert a_photon == 3 * 8 + 4
    monkeypatch.setattr(pass_plan, "BLOCK_BYTES", 2 * CHUNK * a_photon)
    parts = plan_pass(beam, ask())
    assert [block.photons.rows for block in parts.blocks] == [32, 32, 32, 4]
    assert max(block.bytes for block in parts.blocks) == 2 * CHUNK * a_photon
    assert photons_of(parts) == photons_of(whole)


def test_a_plan_is_small(beam: PlannedBeam) -> None:
    plan = plan_pass(beam, ask())
    assert len(pickle.dumps(plan)) < len(pickle.dumps(replace(plan, beam=beam)))
    assert all(not len(one.offsets) for one in plan.beam.references.datasets.values())
    # The names of heights are known still: those of a result depend on them.
    assert set(plan.beam.photon_names()) == set(beam.photon_names())


def test_segments_are_read_only_where_they_are_needed(beam: PlannedBeam) -> None:
    def read(**asked: Any) -> set[str]:
        return {path for block in plan_pass(beam, ask(**asked)).blocks for path in block.wanted}

    assert not {path for path in read() if path.startswith("geolocation/")}
    assert "geolocation/segment_dist_x" in read(variables=["x_atc"])
    lazy = plan_pass(beam, ask(variables=["x_atc"]), lazily=True)
    assert [block.photons.rows for block in lazy.counting] == [100]
    assert {path for block in lazy.counting for path in block.wanted} == {
        f"heights/{name}" for name in ("lat_ph", "lon_ph", "delta_time")
    }


def _with_rows_of_segments(beam: PlannedBeam) -> PlannedBeam:
    """As if ``h_ph`` had a row a segment."""
    known = beam.references.datasets
    wrong = replace(known["geolocation/segment_dist_x"], path="heights/h_ph")
    datasets = {**known, "heights/h_ph": wrong}
    return replace(beam, references=replace(beam.references, datasets=datasets))


def test_what_cannot_be_read_is_said_before_it_is(beam: PlannedBeam) -> None:
    with pytest.raises(VariableNotFoundError, match="40 rows, not one for each of 100"):
        plan_pass(_with_rows_of_segments(beam), ask())
    with pytest.raises(ConditionError, match="surface type"):
        plan_pass(beam, ask(where={"signal_conf_ph": 3}))
