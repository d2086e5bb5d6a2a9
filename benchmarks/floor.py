"""What no opener can do without: bytes that must come, and the inflating of them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.granules import BEAM, WINDOW, Chunk, Granule, chunks, heights_names
from benchmarks.reader import FOUR, HEIGHTS
from benchmarks.server import LATENCY, LINK
from benchmarks.task import Task

COORDINATES = (
    *(f"{HEIGHTS}/{name}" for name in ("lat_ph", "lon_ph", "delta_time", "dist_ph_along")),
    *(f"geolocation/{name}" for name in ("segment_dist_x", "segment_ph_cnt", "ph_index_beg")),
)
"""What a Dataset of ours needs beside what is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Of one task."""

    bytes: int
    """Stored bytes of the chunks that hold what is wanted."""
    inflate: float
    """Seconds of one core to inflate them with libdeflate."""
    cores: int

    @property
    def wall(self) -> float:
        """Seconds: one latency, the bytes over the link, and inflating with all cores."""
        return LATENCY + self.bytes / LINK + self.inflate / self.cores


def floor_of(granule: Granule, task: Task, *, dataset: bool) -> Floor:
    """The floor of a task; with ``dataset`` that of our Dataset, which has coordinates too."""
    paths = {
        "a": list(FOUR),
        "b": [f"{HEIGHTS}/{name}" for name in heights_names(granule)],
        "c": list(FOUR),
        "d": [],
        "e": list(FOUR),
        "f": list(FOUR),
        "g": list(FOUR),
        "h": [f"{HEIGHTS}/{name}" for name in heights_names(granule)],
        "i": list(FOUR),
    }[task]
    if dataset and paths:
        paths = list(dict.fromkeys([*paths, *COORDINATES]))
    wanted = [
        chunk
        for path, listed in chunks(granule, paths).items()
        for chunk in (_in_window(granule, path, listed) if task in "cfi" else listed)
    ]
    cores = len(os.sched_getaffinity(0))
    size = sum(chunk.size for chunk in wanted)
    return Floor(bytes=size, inflate=inflate_time(granule, wanted), cores=cores)


def _in_window(granule: Granule, path: str, listed: list[Chunk]) -> list[Chunk]:
    """The chunks with rows of the window."""
    import h5py

    _, south, _, north = WINDOW
    with h5py.File(granule.path) as file:
        beam = file[BEAM]
        if path.startswith(HEIGHTS):
            lat = beam["heights/lat_ph"][:]
            inside = (lat >= south) & (lat <= north)
        else:
            lat, count = (beam[f"geolocation/{n}"][:] for n in _SEGMENT_PLACE)
            inside = (lat >= south) & (lat <= north) & (count > 0)
        rows = beam[path].chunks[0]
    first, *_, last = np.flatnonzero(inside)
    return [chunk for chunk in listed if chunk.first + rows > first and chunk.first <= last]


_SEGMENT_PLACE = ("reference_photon_lat", "segment_ph_cnt")


def inflate_time(granule: Granule, wanted: list[Chunk]) -> float:
    """Seconds of processor time of one thread, the best of three."""
    from deflate import zlib_decompress

    with granule.path.open("rb") as file:
        stored = [os.pread(file.fileno(), chunk.size, chunk.offset) for chunk in wanted]
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        for raw, chunk in zip(stored, wanted, strict=True):
            zlib_decompress(raw, chunk.inflated)
        best = min(best, time.thread_time() - began)
    return best
