"""The areas whose photons are read, and what must come of them by a plain local file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.floor import inflate_time
from benchmarks.granules import Chunk, Granule, Layout, chunks
from catalog_builder.products.atl03 import BEAMS

Columns = dict[str, NDArray[Any]]

CONFIDENCE: Final = "heights/signal_conf_ph"
PHOTONS: Final = ("heights/lon_ph", "heights/lat_ph", "heights/delta_time", "heights/h_ph")
"""What every way returns."""
SURFACE: Final = "ocean"
LEAST: Final = 3
"""The confidence of a photon that stays, where it is tested; the granules lie over the sea."""

_OCEAN: Final = 1
_LATITUDE: Final = 69.5
_CONFIDENT: Final = " confident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area about the middle of the track."""

    name: str
    polygon: shapely.Polygon

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        west, south, east, north = self.polygon.bounds
        return west, south, east, north

    @property
    def is_box(self) -> bool:
        """Whether its polygon is its box."""
        return not self.name.startswith("coast")

    @property
    def confident(self) -> bool:
        """Whether only photons of some confidence stay."""
        return self.name.endswith(_CONFIDENT)

    @property
    def read(self) -> tuple[str, ...]:
        """The datasets that are needed."""
        return (*PHOTONS, CONFIDENCE) if self.confident else PHOTONS

    @property
    def given(self) -> Any:
        """As a user of ours gives it: a box, or a polygon."""
        return self.box if self.is_box else self.polygon

    def holds(self, lon: NDArray[Any], lat: NDArray[Any]) -> NDArray[np.bool_]:
        """Which photons lie in it, as a script of one's own tests them."""
        west, south, east, north = self.box
        inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        if not self.is_box:
            shapely.prepare(self.polygon)
            inside[inside] = shapely.intersects_xy(self.polygon, lon[inside], lat[inside])
        return np.asarray(inside)


@cache
def area_of(name: str, layout: Layout) -> Area:
    """The area of a name, about the middle of the track.

    ``0.02``, ``0.2``, ``2``: a box of so many degrees of longitude, half as many of latitude;
    ``coast``: a ragged polygon of 6,000 vertices with an island cut out. ``0.2 confident``,
    ``coast confident``: only photons that the sea surface sent back, by ``signal_conf_ph``.
    """
    import h5py

    with h5py.File(Granule(layout=layout).path) as file:
        segments = file["gt2l/geolocation"]
        lat = segments["reference_photon_lat"][:]
        near = int(np.argmin(np.abs(lat - _LATITUDE)))
        lon = float(segments["reference_photon_lon"][near])
    if not name.startswith("coast"):
        width = float(name.removesuffix(_CONFIDENT))
        box = shapely.box(
            *(lon - width / 2, _LATITUDE - width / 4, lon + width / 2, _LATITUDE + width / 4)
        )
        return Area(name=name, polygon=box)
    turn = np.linspace(0.0, 2.0 * np.pi, 6000, endpoint=False)
    ragged = 1.0 + 0.15 * np.sin(7 * turn) + 0.05 * np.sin(61 * turn) + 0.02 * np.sin(577 * turn)
    ring = np.stack([lon + ragged * np.cos(turn), _LATITUDE + ragged / 4 * np.sin(turn)], axis=1)
    island = shapely.box(lon - 0.1, _LATITUDE - 0.05, lon + 0.1, _LATITUDE + 0.05)
    return Area(name=name, polygon=shapely.Polygon(ring, [list(island.exterior.coords)]))


def keep(area: Area, columns: Mapping[str, NDArray[Any]]) -> Columns:
    """The photons of the area, and of the confidence that it has."""
    stay = area.holds(columns["heights/lon_ph"], columns["heights/lat_ph"])
    if area.confident:
        stay &= columns[CONFIDENCE][:, _OCEAN] >= LEAST
    return {path: columns[path][stay] for path in PHOTONS}


def join(parts: list[Columns]) -> Columns:
    """Parts of photons one after the other."""
    return {
        path: np.concatenate([part[path] for part in parts] or [np.empty(0)]) for path in PHOTONS
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Of one granule."""

    columns: Columns
    bytes: int
    """Stored bytes of the chunks that hold a photon of the area."""
    inflate: float
    """Seconds of one core to inflate them."""

    def floor(self, granules: int, gets: float, latency: float, link: float) -> float:
        """Seconds that reading so many granules takes at least.

        Requests over 32 connections and bytes over the link, or inflating on all cores, whichever
        is longer.
        """
        network = gets * latency / 32 + granules * self.bytes / link
        return max(network, granules * self.inflate / len(os.sched_getaffinity(0)))


def truth_of(name: str, layout: Layout) -> Truth:
    """By h5py from the local file, all photons of all beams tested."""
    import h5py

    granule, area = Granule(layout=layout), area_of(name, layout)
    parts, size, inflate = [], 0, 0.0
    with h5py.File(granule.path) as file:
        for beam in BEAMS:
            columns = {path: file[f"{beam}/{path}"][:] for path in area.read}
            inside = area.holds(columns["heights/lon_ph"], columns["heights/lat_ph"])
            parts.append(keep(area, columns))
            wanted = [
                chunk
                for path, listed in chunks(granule, area.read, beam).items()
                for chunk in _with_photons(listed, inside, file[f"{beam}/{path}"].chunks[0])
            ]
            size += sum(chunk.size for chunk in wanted)
            inflate += inflate_time(granule, wanted)
    return Truth(columns=join(parts), bytes=size, inflate=inflate)


def _with_photons(listed: list[Chunk], inside: NDArray[np.bool_], rows: int) -> list[Chunk]:
    return [chunk for chunk in listed if inside[chunk.first : chunk.first + rows].any()]
