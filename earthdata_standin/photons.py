"""Simulated photons: a surface seen through noise, shot by shot.

Made for some segments at a time, so that a beam of tens of millions of photons takes no more
memory than one of those blocks.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from earthdata_standin.scenery import above_surface
from earthdata_standin.segments import Ints, Segments, geoid
from earthdata_standin.tracks import Floats

SHOT: Final = 1e-4
"""Seconds from one laser shot to the next."""

_NOT_CONSIDERED, _POSSIBLE_TEP = -1, -2
_SIGNAL_SHARE = 0.8
_LEAN = 1e-5


def photon_values(
    segments: Segments,
    counts: Ints,
    left: float,
    rng: np.random.Generator,
    *,
    strong: bool,
    scenery: bool = False,
) -> dict[str, NDArray[Any]]:
    """Values of the group ``heights`` for the photons of some segments, by name.

    ``counts`` photons in each segment of a beam ``left`` metres off the track; with ``scenery``
    those of :mod:`~earthdata_standin.scenery`.
    """
    of = np.repeat(np.arange(counts.size), counts)
    size = of.size
    start = segments.start
    # Each photon belongs to a shot fired within its segment; they are stored in that order.
    first = np.ceil(start / SHOT).astype(np.int64)
    after = np.ceil((start + segments.duration) / SHOT).astype(np.int64)
    shot = np.sort(rng.integers(first[of], after[of]))
    part = (shot * SHOT - start[of]) / segments.duration
    surface = segments.surface[of]
    length = segments.length[of]
    signal = rng.random(size) < _SIGNAL_SHARE
    x = segments.dist_x[of] + part * length
    ground = surface_height(x, left, surface)
    lon, lat, to_lon, to_lat = (edge[of] for edge in segments.edges(left))
    window = np.where(surface[:, 0] == 1, 250.0, 40.0)
    height = np.where(
        signal,
        ground
        + (above_surface(x, left, lat, surface, rng) if scenery else _scatter(surface, rng)),
        ground + rng.uniform(-1.0, 1.0, size) * window,
    )
    near = np.abs(height - ground)
    # The beam is not quite vertical: photons of one shot lie a hair apart along the track.
    part = np.clip(part + (height - ground) * _LEAN / length, 0.0, np.nextafter(1.0, 0.0))
    return {
        "delta_time": shot * SHOT,
        "dist_ph_across": left + rng.normal(0.0, 0.3, size),
        "dist_ph_along": part * length,
        "h_ph": height,
        "lat_ph": lat + part * (to_lat - lat),
        "lon_ph": (lon + part * (to_lon - lon) + 180.0) % 360.0 - 180.0,
        "pce_mframe_cnt": shot // 200 % 2**32,
        "ph_id_channel": rng.integers(1, 61, size) + (0 if strong else 60),
        "ph_id_count": 1 + np.minimum(rng.geometric(0.8, size) - 1, 3),
        "ph_id_pulse": shot % 200 + 1,
        "quality_ph": np.where(rng.random(size) < 0.01, rng.integers(1, 3, size), 0),
        "signal_class_ph": np.where(signal, np.where(near < 0.5, 5, 4), near < 10.0),
        "signal_conf_ph": _confidence(surface, signal, near, rng),
        "weight_ph": np.where(near < 5.0, 250.0 - 20.0 * near, rng.uniform(0, 60, size)),
    }


def surface_height(x: Floats, left: float, surface: NDArray[np.int8]) -> Floats:
    """Height of the ground or water, metres, at ``x`` metres along and ``left`` of the track.

    ``surface`` of shape (points, 5): hills on land, a high gentle dome on land ice, waves at sea.
    """
    hills = (
        260.0 * np.sin(x / 9_000.0 + left / 15_000.0)
        + 70.0 * np.sin(x / 1_700.0 + left / 4_000.0 + 2.0)
        + 9.0 * np.sin(x / 310.0 + left / 900.0)
        + 320.0
    )
    dome = (
        1_200.0
        + 300.0 * np.sin(x / 90_000.0)
        + 30.0 * np.sin(x / 1_900.0 + left / 4_000.0)
        + 2.0 * np.sin(x / 500.0 + left / 700.0)
    )
    waves = 0.7 * np.sin(x / 24.0 + left / 60.0)
    relief = np.where(surface[:, 3] == 1, dome, np.where(surface[:, 0] == 1, hills, waves))
    return geoid(x) + relief


def _scatter(surface: NDArray[np.int8], rng: np.random.Generator) -> Floats:
    """Signal photons about the surface, metres: narrow, and on land some from trees above."""
    size = surface.shape[0]
    trees = (surface[:, 0] == 1) & (surface[:, 3] == 0) & (rng.random(size) < 0.2)
    return np.where(trees, rng.uniform(2.0, 18.0, size), rng.normal(0.0, 0.2, size))


def _confidence(
    surface: NDArray[np.int8],
    signal: NDArray[np.bool_],
    near: Floats,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """``signal_conf_ph``, shape (photons, 5): by how far from the surface a photon lies."""
    found = rng.choice(np.array([4, 3, 2], dtype=np.int8), signal.size, p=[0.88, 0.08, 0.04])
    noise = np.where(near < 10.0, 1, 0)
    graded = np.where(signal, found, noise).astype(np.int8)[:, None]
    confidence = np.where(surface == 1, graded, np.int8(_NOT_CONSIDERED))
    confidence[~signal & (rng.random(signal.size) < 2e-3)] = _POSSIBLE_TEP
    return confidence
