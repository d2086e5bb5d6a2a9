"""Passes as CF's contiguous ragged array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule

import catalog_builder as cb
from catalog_builder.beams.read.delta_time import to_seconds
from catalog_builder.errors import BeamError
from catalog_builder.photons.tables.ragged_dataset import ragged_dataset
from tests.photons.conftest import ask
from tests.photons.made_passes import made_block, made_pass

VARIABLES = ["h_ph", "signal_conf_ph"]


def test_photons_stand_pass_after_pass() -> None:
    blocks = [made_block(count, count) for count in (5, 7, 4)]
    kept = [{path: values.copy() for path, values in block.items()} for block in blocks]
    passes = [
        made_pass("gt1l", blocks[0], blocks[1]),
        made_pass("gt1r"),
        made_pass("gt3r", blocks[2], cycle=4),
    ]
    found = ragged_dataset(passes, ask(variables=VARIABLES), {"product": "ATL03"})
    assert dict(found.sizes) == {"photon": 16, "track_pass": 2, "surface_type": 5}
    assert found.beam.values.tolist() == ["gt1l", "gt3r"]
    assert found.photon_count.values.tolist() == [12, 4]
    assert found.photon_count.sample_dimension == "photon"
    assert found.track_pass_index.values.tolist() == [0] * 12 + [1] * 4
    assert found.cycle.values.tolist() == [3] * 12 + [4] * 4
    assert found.pass_cycle.values.tolist() == [3, 4]
    for name in ("lat_ph", "lon_ph", "h_ph", "signal_conf_ph"):
        stored = np.concatenate([block[f"heights/{name}"] for block in kept])
        assert found[name].dtype == stored.dtype
        assert (found[name].values == stored).all()
    seconds = np.concatenate([block["heights/delta_time"] for block in kept])
    assert (to_seconds(found.delta_time.values) == seconds).all()
    assert (found.start.values == found.delta_time.values[[0, 12]]).all()
    assert found.attrs == {"product": "ATL03"}
    assert all(not one.blocks for one in passes)  # let go of


@pytest.mark.filterwarnings("ignore:.*references:catalog_builder.errors.ReferencesWarning")
@pytest.mark.parametrize("values", [np.zeros((95, 2), "f4"), np.array([b"x"] * 95)])
def test_passes_that_cannot_be_one_array_are_named(tmp_path: Path, values: Any) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam(), gt2r=SmallBeam())
    with h5py.File(path, "r+") as file:
        del file["gt2r/heights/h_ph"]
        file["gt2r/heights/h_ph"] = values
    item = {
        "id": path.stem,
        "properties": {},
        "links": [],
        "assets": {"data": {"href": str(path)}},
    }
    asked: dict[str, Any] = {"area": [-180, -90, 180, 90], "variables": ["h_ph"]}
    said = r"heights/h_ph is not the same thing in all passes: .* gt1l has .* gt2r has"
    with pytest.raises(BeamError, match=said):
        cb.open_photons([item], **asked)
    with pytest.raises(BeamError, match=said):
        cb.open_photons([item], **asked, chunks=30)
    with pytest.raises(BeamError, match=said):
        cb.write_photons(cb.plan_photons([item], **asked), tmp_path / "x.parquet")


def test_no_instance_dimension_beside_a_sample_dimension() -> None:
    """CF: an index variable's ``instance_dimension`` would make the array an indexed one."""
    found = ragged_dataset([made_pass("gt1l", made_block(3))], ask(), {})
    assert not [n for n, v in found.variables.items() if "instance_dimension" in v.attrs]


@pytest.mark.parametrize("passes", [0, 2])
def test_no_photons_have_the_same_variables(passes: int) -> None:
    some = [made_pass("gt1l", made_block(3))]
    full = ragged_dataset(some, ask(variables=VARIABLES), {})
    none = ragged_dataset([made_pass("gt1l")] * passes, ask(variables=VARIABLES), {})
    assert dict(none.sizes) == {"photon": 0, "track_pass": 0, "surface_type": 5}
    assert set(none.variables) == set(full.variables)
    assert {n: v.dims for n, v in none.variables.items()} == {
        n: v.dims for n, v in full.variables.items()
    }
