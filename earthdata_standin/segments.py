"""Simulated geolocation segments: where the ground below a granule is, every 20 m.

One set of segments is shared by all beams of a granule; what a beam sees of it (counts,
positions, corrections) comes from :func:`segment_values`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earthdata_standin.layout import SURFACES
from earthdata_standin.tracks import PERIOD, SEGMENTS, Floats, Pass, distance

EPOCH = datetime(2018, 1, 1, tzinfo=UTC)
"""Zero of ``delta_time``; no leap second has been inserted since."""

Ints = NDArray[np.int64]

_STEP = 360.0 / SEGMENTS
_SPARSE = 40
"""Photons of a strong beam in a segment: as over dark ground or water."""

_OF_PHOTONS = (
    *("bounce_time_offset", "full_sat_fract", "near_sat_fract", "neutat_delay_derivative"),
    *("neutat_delay_total", "neutat_ht", "range_bias_corr", "ref_azimuth", "ref_elev"),
    *("sigma_across", "sigma_along", "sigma_h", "sigma_lat", "sigma_lon"),
)
"""What only a photon can tell: fill values where a segment has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Segments of a granule, in the order of flight; all arrays have one entry a segment."""

    flown: Pass
    id: Ints
    """From 1 at the ascending node; gaps where nothing was recorded."""
    start: Floats
    """``delta_time`` at which each begins, seconds."""
    duration: float
    """Seconds that each lasts."""
    dist_x: Floats
    """Metres along the track from the ascending node."""
    length: Floats
    """Metres."""
    surface: NDArray[np.int8]
    """Which surface types there are, shape (segments, 5), 0 or 1."""

    @property
    def u(self) -> Floats:
        """Argument of latitude, degrees, at which each begins."""
        return (self.id - 1).astype(np.float64) * _STEP

    def part(self, block: slice) -> Segments:
        """Some of them."""
        return replace(
            self,
            id=self.id[block],
            start=self.start[block],
            dist_x=self.dist_x[block],
            length=self.length[block],
            surface=self.surface[block],
        )

    def edges(self, left: float) -> tuple[Floats, Floats, Floats, Floats]:
        """Longitude and latitude, degrees, at start and end, ``left`` metres off the track.

        The longitude at the end is not wrapped against that at the start.
        """
        lon, lat = self.flown.position(self.u, np.array(left))
        to_lon, to_lat = self.flown.position(self.u + _STEP, np.array(left))
        return lon, lat, lon + (to_lon - lon + 180.0) % 360.0 - 180.0, to_lat


def choose_segments(flown: Pass, photons: int, focus: float) -> tuple[Segments, float]:
    """The segments of a granule, and how many photons a strong beam has in each, on average.

    A small granule records only where it starts, about ``focus`` (degrees of flight) and where it
    ends, so that it spans its region as a full one does, and photons still lie as close.
    """
    first = int(np.ceil(flown.u_range[0] / _STEP)) + 1
    last = int(np.floor(flown.u_range[1] / _STEP))
    total = last - first + 1
    per_segment = max(float(_SPARSE), photons / total)
    wanted = min(total, max(20, round(photons / per_segment)))
    side = wanted // 10
    inner = wanted - 2 * side
    middle = np.clip(round(focus / _STEP) - inner // 2, first + side, last + 1 - side - inner)
    ids = np.concatenate(
        [
            np.arange(first, first + side),
            np.arange(middle, middle + inner),
            np.arange(last + 1 - side, last + 1),
        ]
    ).astype(np.int64)
    node = (flown.node_time - EPOCH).total_seconds()
    begin = (ids - 1).astype(np.float64) * _STEP
    dist_x = distance(begin)
    _, lat = flown.position(begin)
    return Segments(
        flown=flown,
        id=ids,
        start=node + begin * PERIOD / 360.0,
        duration=_STEP * PERIOD / 360.0,
        dist_x=dist_x,
        length=distance(begin + _STEP) - dist_x,
        surface=_surfaces(lat),
    ), per_segment


def photon_counts(
    segments: Segments, per_segment: float, rng: np.random.Generator, *, empty: bool = False
) -> Ints:
    """Photons of a beam in each segment; some, and the first and last ones, have none."""
    size = segments.id.size
    if empty:
        return np.zeros(size, dtype=np.int64)
    counts = rng.poisson(per_segment * rng.gamma(20.0, 1 / 20.0, size)).astype(np.int64)
    for gap in rng.integers(0, size, max(1, size // 60)):
        counts[gap : gap + int(rng.geometric(0.4))] = 0
    counts[:3] = 0
    counts[-2:] = 0
    return counts


def segment_values(
    segments: Segments, counts: Ints, left: float, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Values of the groups ``geolocation`` and ``geophys_corr``, by ``group/name``.

    Segments without photons hold fill values, and positions that mean nothing.
    """
    size = segments.id.size
    lon, lat, to_lon, to_lat = segments.edges(left)
    part = rng.uniform(0.3, 0.7, size)
    time = segments.start + part * segments.duration
    none = counts == 0
    reference_lat = lat + part * (to_lat - lat)
    reference_lon = _wrapped(lon + part * (to_lon - lon))
    reference_lat[none], reference_lon[none] = _meaningless(reference_lat, reference_lon, none)
    begin = np.concatenate([[0], np.cumsum(counts)[:-1]]) + 1

    def wave(mean: float, amplitude: float, degrees: float) -> Floats:
        phase = rng.uniform(0, 2 * np.pi)
        return mean + amplitude * np.sin(2 * np.pi * segments.u / degrees + phase)

    def noise(mean: float, spread: float) -> Floats:
        return rng.normal(mean, spread, size)

    azimuth, elevation = _sun(reference_lon, reference_lat, time)
    heading = np.arctan2((to_lon - lon) * np.cos(np.radians(lat)), to_lat - lat)
    speed = segments.length / segments.duration
    geolocation = {
        "altitude_sc": wave(497_000.0, 8_000.0, 360.0),
        "bounce_time_offset": wave(0.00166, 2e-5, 360.0),
        "delta_time": time,
        "full_sat_fract": np.clip(noise(0.02, 0.03), 0, 1),
        "knn": np.full(size, 8),
        "near_sat_fract": np.clip(noise(0.06, 0.05), 0, 1),
        "neutat_delay_derivative": wave(-0.00031, 1e-5, 40.0),
        "neutat_delay_total": wave(2.42, 0.05, 40.0),
        "neutat_ht": wave(10.0, 5.0, 2.0),
        "ph_index_beg": np.where(none, 0, begin),
        "pitch": wave(-0.2, 0.05, 360.0),
        "podppd_flag": np.zeros(size),
        "range_bias_corr": np.full(size, 4.0731564),
        "ref_azimuth": wave(0.0, 1.5, 360.0),
        "ref_elev": wave(1.565, 5e-4, 360.0),
        "reference_photon_index": np.where(none, 0, counts // 2 + 1),
        "reference_photon_lat": reference_lat,
        "reference_photon_lon": reference_lon,
        "roll": wave(-0.1, 0.05, 360.0),
        "segment_dist_x": segments.dist_x,
        "segment_id": segments.id,
        "segment_length": segments.length,
        "segment_ph_cnt": counts,
        "sigma_across": np.full(size, 5.0),
        "sigma_along": np.full(size, 5.0),
        "sigma_h": wave(0.15, 0.05, 5.0),
        "sigma_lat": np.full(size, 6.3e-5),
        "sigma_lon": 6.3e-5 / np.cos(np.radians(np.clip(lat, -88.5, 88.5))),
        "solar_azimuth": azimuth,
        "solar_elevation": elevation,
        "surf_type": segments.surface,
        "tx_pulse_energy": wave(2.7e-5, 1e-6, 3.0),
        "tx_pulse_skew_est": noise(-1e-10, 5e-11),
        "tx_pulse_width_lower": noise(1.5e-9, 5e-11),
        "tx_pulse_width_upper": noise(4e-10, 4e-11),
        "velocity_sc": np.stack(
            [speed * np.sin(heading), speed * np.cos(heading), wave(0.0, 25.0, 180.0)], axis=-1
        ),
        "yaw": wave(0.24, 0.05, 360.0),
    }
    geophysical = {
        "dac": wave(0.0, 0.1, 12.0),
        "delta_time": time,
        "dem_flag": np.where(lat > 60, 1, np.where(lat < -60, 4, 2)),
        "dem_h": geoid(segments.dist_x) + wave(0.0, 1.0, 3.0),
        "geoid": geoid(segments.dist_x),
        "geoid_free2mean": wave(-0.1, 0.15, 180.0),
        "tide_earth": wave(0.0, 0.15, 90.0),
        "tide_earth_free2mean": wave(-0.05, 0.07, 180.0),
        "tide_equilibrium": wave(0.0, 0.01, 180.0),
        "tide_load": wave(0.0, 0.01, 45.0),
        "tide_oc_pole": wave(0.0, 1e-4, 180.0),
        "tide_ocean": wave(0.0, 0.8, 30.0),
        "tide_pole": wave(0.0, 4e-3, 180.0),
    }
    for name in _OF_PHOTONS:
        geolocation[name] = np.where(none, np.finfo(np.float32).max, geolocation[name])
    return {f"geolocation/{name}": values for name, values in geolocation.items()} | {
        f"geophys_corr/{name}": values for name, values in geophysical.items()
    }


def geoid(dist_x: Floats) -> Floats:
    """Height of the simulated geoid above the ellipsoid, metres."""
    return 18.0 * np.sin(dist_x / 2.1e6) + 6.0 * np.sin(dist_x / 4.3e5 + 1.0)


def _wrapped(lon: Floats) -> Floats:
    return (lon + 180.0) % 360.0 - 180.0


def _meaningless(lat: Floats, lon: Floats, none: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Positions of segments without photons: zero, or those of the other end of the granule."""
    places = np.flatnonzero(none)
    zero = places % 2 == 0
    return np.where(zero, 0.0, lat[::-1][places]), np.where(zero, 0.0, lon[::-1][places])


def _surfaces(lat: Floats) -> NDArray[np.int8]:
    """Types by latitude: ice at both ends, between them belts of land and sea with coasts."""
    # Land at the Juneau Icefield, open sea off Fiji.
    land_or_sea = np.sin(2 * np.pi * (lat - 55.0) / 17.0)
    icy_south, icy_north = lat < -66.0, lat > 74.0
    between = ~icy_south & ~icy_north
    surface = np.zeros((lat.size, len(SURFACES)), dtype=np.int8)
    surface[:, 0] = icy_south | (between & (land_or_sea > -0.3))
    surface[:, 1] = icy_north | (between & (land_or_sea < 0.3))
    surface[:, 2] = icy_north
    surface[:, 3] = icy_south | (between & (np.abs(lat) > 57.0) & (land_or_sea > 0.5))
    surface[:, 4] = between & (land_or_sea > 0.3) & (land_or_sea < 0.5)
    return surface


def _sun(lon: Floats, lat: Floats, time: Floats) -> tuple[Floats, Floats]:
    """Azimuth and elevation of the sun, degrees; good to a degree or two."""
    days = time / 86_400.0
    declination = np.radians(-23.44 * np.cos(2 * np.pi * (days + 10.0) / 365.25))
    hour = np.radians((days % 1.0) * 360.0 - 180.0 + lon)
    phi = np.radians(lat)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(phi) * np.sin(declination) - np.sin(phi) * np.cos(declination) * np.cos(hour)
    return np.degrees(np.arctan2(east, north)) % 360.0, np.degrees(np.arcsin(up))
