"""Passes made of numbers, as reading leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog_builder.beams.read.beam_reader import PHOTON, SURFACE_TYPE, Variable
from catalog_builder.photons.reading.pass_reading import PassPhotons

_KINDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "heights/lat_ph": ("f8", ()),
    "heights/lon_ph": ("f8", ()),
    "heights/delta_time": ("f8", ()),
    "heights/h_ph": ("f4", ()),
    "heights/signal_conf_ph": ("i1", (5,)),
}


def made_variable(path: str) -> Variable:
    kind, rest = _KINDS[path]
    return Variable(
        path=path,
        dims=(PHOTON, SURFACE_TYPE) if rest else (PHOTON,),
        shape=(1000, *rest),
        dtype=np.dtype(kind),
        attrs={"units": "1", "long_name": path},
        encoding={},
        fill_value=0,
    )


def made_block(photons: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Values of so many photons."""
    noise = np.random.default_rng(seed)
    return {
        "heights/lat_ph": noise.uniform(-90, 90, photons),
        "heights/lon_ph": noise.uniform(-180, 180, photons),
        "heights/delta_time": 4e7 + np.sort(noise.uniform(0, 10, photons)),
        "heights/h_ph": noise.uniform(-99, 9000, photons).astype("f4"),
        "heights/signal_conf_ph": noise.integers(-2, 5, (photons, 5)).astype("i1"),
    }


def made_pass(beam: str, *blocks: dict[str, np.ndarray], cycle: int = 3) -> PassPhotons:
    attrs: dict[str, Any] = {
        "granule": f"ATL03_20190401120000_0385{cycle:02d}02_007_01",
        "beam": beam,
        "strength": "strong" if beam.endswith("l") else "weak",
        "spot": 1,
        "rgt": 385,
        "cycle": cycle,
    }
    return PassPhotons(
        attrs=attrs,
        variables={path: made_variable(path) for path in _KINDS},
        photon_names=tuple(path.removeprefix("heights/") for path in _KINDS),
        blocks=[*blocks],
        problem=None,
    )
