"""What Harmony's trajectory subsetter makes of a granule: a file of some segments or variables.

It cuts by segments of 20 m: those whose reference photon lies in the area, with all their photons,
and counts ``ph_index_beg`` anew. Variables that others need stay with them. Source: the adapter
and the configuration of https://github.com/nasa/harmony-trajectory-subsetter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import shapely
from numpy.typing import NDArray

_OF_SCALES: Final = frozenset({"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"})
_BY_SEGMENT: Final = ("geolocation", "geophys_corr")
_ALWAYS: Final = tuple(
    f"geolocation/{name}"
    for name in ("delta_time", "reference_photon_lat", "reference_photon_lon", "podppd_flag")
)
_OF_PHOTONS: Final = (
    *(f"heights/{name}" for name in ("delta_time", "lat_ph", "lon_ph")),
    "geolocation/ph_index_beg",
    "geolocation/segment_ph_cnt",
)


class NoDataError(Exception):
    """Nothing of the granule is in what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for of a granule."""

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """West, south, east, north, with west <= east; none of them is everywhere."""
    shape: shapely.Geometry | None = None
    """Polygons, in place of boxes."""
    variables: frozenset[str] = frozenset()
    """Full paths, ``/gt1l/heights/h_ph``; none is all."""
    seconds: tuple[float, float] | None = None
    """First and last ``delta_time``."""

    @property
    def cuts(self) -> bool:
        """Whether segments are left out."""
        return bool(self.boxes) or self.shape is not None or self.seconds is not None

    def holds(
        self, lon: NDArray[Any], lat: NDArray[Any], seconds: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Which places and times are in it."""
        inside = np.ones(len(lon), dtype=bool)
        if self.shape is not None:
            inside = shapely.intersects_xy(self.shape, lon, lat)
        elif self.boxes:
            inside = np.zeros(len(lon), dtype=bool)
            for west, south, east, north in self.boxes:
                inside |= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        if self.seconds is not None:
            inside &= (seconds >= self.seconds[0]) & (seconds <= self.seconds[1])
        return inside


def beam_paths(path: Path) -> Iterator[str]:
    """Full paths of the datasets of all beams: the variables that a request may name."""
    with h5py.File(path) as file:
        for beam in _beams(file):
            yield from (f"/{beam}/{name}" for name in _datasets(file[beam]))


def write_subset(source: Path, target: Path, wanted: Wanted) -> None:
    """Write what is wanted of a granule; raises :class:`NoDataError` where that is nothing."""
    with h5py.File(source) as whole, h5py.File(target, "w") as part:
        _copy_attributes(whole, part)
        for name in whole:
            if name not in _beams(whole):
                _copy(whole[name], part, name)
        found = [_write_beam(whole[beam], part, beam, wanted) for beam in _beams(whole)]
        if not any(found):
            raise NoDataError("No data found that matched the subset constraints.")


def _write_beam(beam: h5py.Group, part: h5py.File, name: str, wanted: Wanted) -> bool:
    """Write one beam; False where nothing of it is wanted."""
    start = f"/{name}/"
    asked = {path.removeprefix(start) for path in wanted.variables if path.startswith(start)}
    asked = {path for path in asked if path in beam}
    if wanted.variables and not asked:
        return False
    places = beam["geolocation"]
    lon, lat, seconds = (
        places[f"{key}"][:]
        for key in ("reference_photon_lon", "reference_photon_lat", "delta_time")
    )
    segments = np.flatnonzero(wanted.holds(lon, lat, seconds))
    counts = places["segment_ph_cnt"][:]
    if not counts[segments].any():  # those without photons have no true place
        return False
    kept = set(_datasets(beam))
    if asked:
        needed = {*_ALWAYS, *(_OF_PHOTONS if any("heights/" in one for one in asked) else ())}
        kept = asked | {path for path in needed if path in beam}
    first = places["ph_index_beg"][:].astype(np.int64)
    has = segments[(counts[segments] > 0) & (first[segments] > 0)]
    photons = [np.arange(first[s] - 1, first[s] - 1 + counts[s]) for s in has]
    of_photons = np.concatenate(photons) if photons else np.empty(0, dtype=np.int64)
    group = part.create_group(name)
    _copy_attributes(beam, group)
    for path in sorted(kept):
        stored = beam[path]
        top = path.partition("/")[0]
        if top == "heights":
            values = stored[:][of_photons]
        elif top in _BY_SEGMENT:
            values = stored[:][segments]
            if path == "geolocation/ph_index_beg":
                values = _begins(counts[segments], values)
        else:
            values = stored[...] if not wanted.cuts else _between(beam, path, seconds[segments])
        _store(group, path, stored, values)
    return True


def _begins(counts: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """``ph_index_beg`` of segments with so many photons: from 1, and 0 where there are none."""
    begins = np.cumsum(counts) - counts + 1
    return np.where((counts > 0) & (like > 0), begins, 0).astype(like.dtype)


def _between(beam: h5py.Group, path: str, seconds: NDArray[Any]) -> NDArray[Any]:
    """Rows of a dataset with times of its own, from the first to the last time."""
    values: NDArray[Any] = beam[path][...]
    time = f"{path.rpartition('/')[0]}/delta_time"
    if time not in beam or len(beam[time]) != len(values):
        return values
    times = beam[time][:]
    kept: NDArray[Any] = values[(times >= seconds.min()) & (times <= seconds.max())]
    return kept


def _store(group: h5py.Group, path: str, like: h5py.Dataset, values: NDArray[Any]) -> None:
    chunks = None
    if values.ndim and values.shape[0]:
        chunks = (min(len(values), 10_000), *values.shape[1:])
    packed = {"compression": "gzip", "chunks": chunks} if chunks else {}
    made = group.create_dataset(path, data=values, fillvalue=like.fillvalue, **packed)
    _copy_attributes(like, made)


def _copy(source: h5py.Group | h5py.Dataset, parent: h5py.Group, name: str) -> None:
    """A group or dataset as it is, but no dimension scales, which lead elsewhere."""
    if isinstance(source, h5py.Dataset):
        made = parent.create_dataset(name, data=source[()], dtype=source.dtype)
    else:
        made = parent.create_group(name)
        for each in source:
            _copy(source[each], made, each)
    _copy_attributes(source, made)


def _copy_attributes(source: Any, target: Any) -> None:
    for name in source.attrs:
        if name not in _OF_SCALES:
            target.attrs[name] = source.attrs[name]


def _beams(file: h5py.File) -> Collection[str]:
    return [name for name in file if name.startswith("gt") and "geolocation" in file[name]]


def _datasets(group: h5py.Group) -> list[str]:
    paths: list[str] = []

    def note(path: str, found: Any) -> None:
        if isinstance(found, h5py.Dataset):
            paths.append(path)

    group.visititems(note)
    return paths
