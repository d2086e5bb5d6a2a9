"""Small ATL03 files for tests of what is rare: odd segments, empty beams, tracks over ±180."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

NAME = "ATL03_20190401120000_03850302_006_01.h5"
FILL = np.float32(3.4028235e38)


@dataclass
class SmallBeam:
    """Photons at every 0.7 m on a straight line; segments of 20 m hold them as counted."""

    counts: list[int] = field(default_factory=lambda: [3, 0, 28, 30, 0, 0, 29, 5])
    start: tuple[float, float] = (179.9985, -17.0)
    """Longitude and latitude of the first photon."""
    step: tuple[float, float] = (0.00005, 0.00005)
    """Degrees to the next photon; longitudes are wrapped at ±180."""
    attrs: dict[str, Any] = field(
        default_factory=lambda: {"atlas_beam_type": b"strong", "atlas_spot_number": b"1"}
    )
    index_beg: list[int] | None = None
    """In place of the right one."""
    orphans: int = 0
    """Photons after those of the last segment, in no segment."""

    def write(self, group: h5py.Group) -> None:
        group.attrs.update({name: np.bytes_(value) for name, value in self.attrs.items()})
        counts = np.array(self.counts, dtype=np.int32)
        photons = int(counts.sum()) + self.orphans
        first = np.cumsum(counts) - counts
        filled = counts > 0
        index_beg = np.where(filled, first + 1, 0) if self.index_beg is None else self.index_beg
        i = np.arange(photons)
        lon = (self.start[0] + self.step[0] * i + 180.0) % 360.0 - 180.0
        lat = self.start[1] + self.step[1] * i
        # Not a smooth line: neighbours swap places in latitude, as real photons do.
        lat = lat + np.where(i % 3 == 0, 1.4, 0.0) * self.step[1]
        time = 39441600.0 + i * 1e-4 / 3 + 1.23456789e-9 * i
        chunk = max(1, min(16, photons))
        stored = {"chunks": (chunk,), "maxshape": (None,), "compression": "gzip"}
        heights = group.create_group("heights")
        for name, values in {
            "lat_ph": lat,
            "lon_ph": lon,
            "h_ph": np.where(i % 17 == 5, FILL, np.sin(i / 9)).astype(np.float32),
            "delta_time": time,
            "dist_ph_along": ((i * 0.7) % 20).astype(np.float32),
            "quality_ph": (i % 4).astype(np.int8),
            "pce_mframe_cnt": i.astype(np.uint32),
        }.items():
            made = heights.create_dataset(name, data=values, **stored)
            made.attrs["units"] = np.bytes_(
                b"seconds since 2018-01-01" if "time" in name else b"1"
            )
            made.attrs["coordinates"] = np.bytes_(b"delta_time lat_ph lon_ph")
        conf = np.stack([(i + k) % 7 - 2 for k in range(5)], axis=1).astype(np.int8)
        stored |= {"chunks": (chunk, 5), "maxshape": (None, 5)}
        heights.create_dataset("signal_conf_ph", data=conf, **stored)
        heights["delta_time"].make_scale("delta_time")
        heights["h_ph"].dims[0].attach_scale(heights["delta_time"])

        segments = len(counts)
        at = np.where(filled, np.minimum(first + counts // 2, max(photons - 1, 0)), 0)
        geolocation = group.create_group("geolocation")
        meaningless = 0.0  # where a segment has no photon, its position means nothing
        place = {
            "reference_photon_lat": lat,
            "reference_photon_lon": lon,
            "delta_time": time,
        }
        for name, values in place.items():
            found = values[at] if photons else np.zeros(segments)
            geolocation[name] = np.where(filled, found, meaningless)
        geolocation["ph_index_beg"] = np.asarray(index_beg, dtype=np.int64)
        geolocation["segment_ph_cnt"] = counts
        geolocation["segment_dist_x"] = 1.0e7 + 20.0057 * np.arange(segments)
        geolocation["segment_id"] = np.arange(500, 500 + segments, dtype=np.int32)
        geolocation["surf_type"] = np.ones((segments, 5), np.int8)
        geolocation["velocity_sc"] = np.ones((segments, 3), np.float32)
        corrections = group.create_group("geophys_corr")
        corrections["geoid"] = np.where(filled, np.arange(segments), FILL).astype(np.float32)
        corrections["delta_time"] = geolocation["delta_time"][:]
        background = group.create_group("bckgrd_atlas")
        background["delta_time"] = 39441600.0 + np.arange(7.0)
        background["bckgrd_rate"] = np.arange(7, dtype=np.float32)
        background["bckgrd_hist_top"] = np.arange(6, dtype=np.float32)
        background["pce_mframe_cnt"] = np.arange(7)
        for surface, rows in {"land": 4, "ocean": 0}.items():
            found = group.create_group(f"signal_find_output/{surface}")
            found["delta_time"] = 39441600.0 + np.arange(float(rows))
            found["bckgrd_mean"] = np.arange(rows, dtype=np.float32)


def write_granule(
    path: Path, orientation: int | None = 1, short_name: str = "ATL03", **beams: SmallBeam
) -> Path:
    """Write ``gt1l=SmallBeam(...)``, ... into a granule."""
    with h5py.File(path, "w") as file:
        file.attrs["short_name"] = np.bytes_(short_name)
        said = file.create_group("METADATA/DatasetIdentification")
        said.attrs["fileName"] = np.bytes_(NAME)
        if orientation is not None:
            file["orbit_info/sc_orient"] = np.array([orientation], np.int8)
        for name, beam in beams.items():
            beam.write(file.create_group(name))
    return path


def write_usual_granule(folder: Path, **more: SmallBeam) -> Path:
    """``gt1l`` over ±180, ``gt1r`` empty, ``gt3r`` with photons in no segment, and ``more``."""
    return write_granule(
        folder / NAME,
        gt1l=SmallBeam(),
        gt1r=SmallBeam(counts=[0, 0, 0]),
        gt3r=SmallBeam(counts=[0, 4, 20, 0, 9], orphans=6, attrs={}),
        **more,
    )
