from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.opening.one_granule import (
    describe,
    open_beam,
    open_granule,
    open_lazy,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("granule") / NAME, gt1l=SmallBeam())


def test_everything_opens_by_path(path: Path) -> None:
    beam = open_beam(path, "gt1l", ["h_ph"], access="local")
    assert beam.attrs["source"] == str(path)
    xr.testing.assert_identical(open_lazy(path, "gt1l", ["h_ph"]).compute(), beam)
    xr.testing.assert_identical(open_granule(path, variables=["h_ph"])["gt1l"].to_dataset(), beam)
    assert describe(path).beams[0].photons == beam.sizes["photon"]
