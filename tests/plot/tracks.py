"""Beams along a stretch of orbit, to be plotted."""

from __future__ import annotations

import io

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.image import imread

from catalog_builder.geo.orbit import from_orbit


def track(start: float, stop: float, *, photons: int = 5000, node: float = 0.0) -> xr.Dataset:
    """A beam over a stretch of orbit, from and to an argument of latitude in degrees."""
    u = np.linspace(start, stop, photons)
    lon, lat = from_orbit(u, 0.0, node)
    chance = np.random.default_rng(7)
    confidence = np.full((photons, 5), -1, dtype=np.int8)
    confidence[:, 3] = chance.integers(0, 5, photons)
    height = (100 + 20 * np.sin(9 * u) + chance.normal(0, 1, photons)).astype(np.float32)
    height[3] = np.float32(3.4028235e38)
    height[4] = np.nan
    times = np.datetime64("2019-06-11T04:12:33", "ns") + np.arange(photons)
    return xr.Dataset(
        {
            "h_ph": ("photon", height),
            "signal_conf_ph": (("photon", "surface_type"), confidence),
        },
        coords={
            "lat_ph": ("photon", lat),
            "lon_ph": ("photon", (lon + 180) % 360 - 180),
            "delta_time": ("photon", times),
            "x_atc": ("photon", 111.2e3 * u),
        },
        attrs={
            "granule": "ATL03_20190611041233_11380310_006_01",
            "beam": "gt2r",
            "strength": "strong",
            "rgt": 1138,
            "cycle": 3,
            "region": 10,
        },
    )


def picture(figure: Figure) -> np.ndarray:
    png = io.BytesIO()
    figure.savefig(png)
    png.seek(0)
    return np.asarray(imread(png))
