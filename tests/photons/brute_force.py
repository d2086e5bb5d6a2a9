"""The photons of an area by plain h5py: every photon of every beam is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import shapely

BEAMS = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")

OF_SEGMENTS = (
    "geophys_corr/geoid",
    "geolocation/podppd_flag",
    "geolocation/segment_id",
    "geolocation/solar_elevation",
)
"""Variables of segments that are compared."""


@dataclass(frozen=True, kw_only=True)
class RandomArea:
    """An area on a map that goes on beyond ±180, about a meridian."""

    given: Any
    """What ``open_photons`` is handed."""
    shape: shapely.Geometry
    middle: float
    """Longitude of the meridian."""

    def holds(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        here = (lon - self.middle + 180.0) % 360.0 - 180.0 + self.middle
        west, south, east, north = self.shape.bounds
        found: np.ndarray = (here >= west) & (here <= east) & (lat >= south) & (lat <= north)
        found[found] = shapely.covers(self.shape, shapely.points(here[found], lat[found]))
        return found


def random_area(noise: np.random.Generator, lon: float, lat: float, holes: bool) -> RandomArea:
    """About a place: a box, or a star of up to three polygons with holes."""
    size = 10.0 ** noise.uniform(-3.0, 0.3)
    wide = min(size / max(np.cos(np.radians(lat)), 0.05), 60.0)
    if not holes:
        west, east = lon - wide * noise.uniform(0.1, 1), lon + wide * noise.uniform(0.1, 1)
        south, north = lat - size * noise.uniform(0.1, 1), lat + size * noise.uniform(0.1, 1)
        south, north = max(south, -90.0), min(north, 90.0)
        given = [(west + 180) % 360 - 180, south, (east + 180) % 360 - 180, north]
        middle = (west + east) / 2
        # As the numbers that are handed over: the box's own edges count.
        flat = [(x - middle + 180.0) % 360.0 - 180.0 + middle for x in (given[0], given[2])]
        return RandomArea(
            given=given, shape=shapely.box(flat[0], south, flat[1], north), middle=middle
        )
    polygons = []
    for number in range(int(noise.integers(1, 4))):
        turn = np.sort(noise.uniform(0, 2 * np.pi, 9))
        if np.diff(turn, append=turn[0] + 2 * np.pi).max() > 3:
            turn = np.linspace(0, 2 * np.pi, 10)[:-1]
        reach = noise.uniform(0.4, 1.0, 9)
        at = lon + number * 2.5 * wide, lat
        x, y = at[0] + wide * reach * np.cos(turn), at[1] + size * reach * np.sin(turn)
        hole = noise.uniform(0.05, 0.1)
        inner = np.column_stack(
            (at[0] + wide * hole * np.cos(turn), at[1] + size * hole * np.sin(turn))
        )
        shape = shapely.Polygon(np.column_stack((x, np.clip(y, -89.9, 89.9))), [inner])
        if shape.is_valid and shape.area > 0:
            polygons.append(shape)
    whole = shapely.MultiPolygon(polygons) if polygons else shapely.box(*_about(lon, lat))
    return RandomArea(given=whole, shape=whole, middle=lon)


def _about(lon: float, lat: float) -> tuple[float, float, float, float]:
    return lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01


def photons_of(
    paths: Iterable[Path],
    area: RandomArea,
    beams: Iterable[str] = BEAMS,
    keep: Callable[[dict[str, np.ndarray]], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Values of the photons, granule by granule and beam by beam, by name of each variable.

    ``keep`` says which of a beam's photons are wanted, by the values of all of them.
    """
    parts: dict[str, list[np.ndarray]] = {}
    for path in sorted(paths, key=lambda one: one.name):
        for beam in beams:
            values = _of_beam(path, beam)
            if values is None:
                continue
            stay = area.holds(values["lon_ph"], values["lat_ph"])
            if keep is not None:
                stay &= keep(values)
            if not stay.any():
                continue
            for name, every in values.items():
                parts.setdefault(name, []).append(every[stay])
            parts.setdefault("granule", []).append(np.repeat(path.stem, stay.sum()))
            parts.setdefault("beam", []).append(np.repeat(beam, stay.sum()))
    return {name: np.concatenate(values) for name, values in parts.items()}


@cache
def _of_beam(path: Path, beam: str) -> dict[str, np.ndarray] | None:
    """All photons of a beam: each variable of ``heights``, and of their segments."""
    with h5py.File(path) as file:
        if f"{beam}/heights/lat_ph" not in file or not len(file[f"{beam}/heights/lat_ph"]):
            return None
        group = file[beam]
        heights, segments = group["heights"], group["geolocation"]
        found = {name: values[:] for name, values in heights.items()}
        first, count = segments["ph_index_beg"][:], segments["segment_ph_cnt"][:]
        some = np.flatnonzero((first > 0) & (count > 0))
        of_photon = np.full(len(found["lat_ph"]), -1)
        for number, start, length in zip(some, first[some] - 1, count[some], strict=True):
            of_photon[start : start + length] = number
        assert (of_photon >= 0).all()
        for name in OF_SEGMENTS:
            found[name.rpartition("/")[2]] = group[name][:][of_photon]
        found["x_atc"] = segments["segment_dist_x"][:][of_photon] + found["dist_ph_along"]
        found["orientation"] = np.repeat(file["orbit_info/sc_orient"][0], len(of_photon))
    return found
