"""One simulated beam: everything its datasets hold, photons in blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from earthdata_standin.layout import SURFACES
from earthdata_standin.photons import photon_values
from earthdata_standin.product import Product
from earthdata_standin.segments import (
    Segments,
    photon_counts,
    segment_values,
)
from earthdata_standin.tracks import BEAM_OFFSETS, Floats

BLOCK: Final = 250_000
"""About how many photons are made at a time."""

_FIRST_FLIP = datetime(2018, 12, 28, 18, tzinfo=UTC)
_BETWEEN_FLIPS = timedelta(days=252)
_FIFTY_SHOTS = 5e-3
_FINDING_TIME = 0.04572


def sc_orient(time: datetime) -> int:
    """Orientation of the spacecraft: 0 backward, 1 forward; it turns about every 252 days."""
    return 1 - int((time - _FIRST_FLIP) // _BETWEEN_FLIPS + 1) % 2


class SimulatedBeam:
    """A beam of a granule; the same for the same arguments."""

    def __init__(
        self,
        product: Product,
        name: str,
        segments: Segments,
        per_segment: float,
        *,
        seed: int,
        empty: bool = False,
        scenery: bool = False,
    ) -> None:
        """``per_segment`` photons on average in a strong beam; a weak one has a quarter."""
        self.name = name
        self._scenery = scenery
        self.orientation = sc_orient(product.flown.start)
        place = list(BEAM_OFFSETS).index(name)
        self.spot = 6 - place if self.orientation == 1 else place + 1
        self.strong = self.spot % 2 == 1
        self._segments = segments
        # A release or revision later the photons are the same.
        self._seed = [seed, zlib.crc32(product.id[:29].encode()), place]
        self._counts = photon_counts(
            segments,
            per_segment if self.strong else per_segment / 4,
            np.random.default_rng([*self._seed, 0]),
            empty=empty,
        )
        self._times = {
            "bckgrd_atlas": _steps(segments, _FIFTY_SHOTS),
            "signal_find_output": _steps(segments, _FINDING_TIME),
        }

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes of the beam's group."""
        return {
            "atlas_beam_type": "strong" if self.strong else "weak",
            "atlas_pce": f"pce{(self.spot + 1) // 2}",
            "atlas_spot_number": str(self.spot),
            "atmosphere_profile": f"profile_{self.name[2]}",
            "groundtrack_id": self.name,
            "sc_orientation": ("Backward", "Forward")[self.orientation],
        }

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Surface types met: those for which signal was looked for."""
        met = np.flatnonzero(self._segments.surface.any(axis=0))
        return tuple(SURFACES[number] for number in met)

    def rows(self, group: str) -> int:
        """Rows of the datasets of a group below the beam's."""
        if group == "heights":
            return int(self._counts.sum())
        times = self._times.get(group.partition("/")[0])
        return self._segments.id.size if times is None else times.size

    def other_values(self) -> dict[str, NDArray[Any]]:
        """All datasets but the photons', by their path below the beam's group."""
        rng = np.random.default_rng([*self._seed, 1])
        return (
            segment_values(self._segments, self._counts, BEAM_OFFSETS[self.name], rng)
            | self._background(rng)
            | self._signal_finding(rng)
        )

    def photon_blocks(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Datasets of the group ``heights`` by name, some segments after the other."""
        ends = np.cumsum(self._counts)
        blocks = int(self.rows("heights") // BLOCK) + 1
        cuts = np.searchsorted(ends, np.linspace(0, ends[-1], blocks + 1)[1:-1]) + 1
        edges = [0, *cuts.tolist(), self._counts.size]
        for number, (first, last) in enumerate(pairwise(edges)):
            block = slice(first, last)
            yield photon_values(
                self._segments.part(block),
                self._counts[block],
                BEAM_OFFSETS[self.name],
                np.random.default_rng([*self._seed, 2, number]),
                strong=self.strong,
                scenery=self._scenery,
            )

    def _background(self, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        time = self._times["bckgrd_atlas"]
        counts = rng.poisson(30.0 if self.strong else 8.0, time.size)
        values = {
            "bckgrd_counts": counts + 5,
            "bckgrd_counts_reduced": counts,
            "bckgrd_hist_top": np.full(time.size, 2_500.0),
            "bckgrd_int_height": np.full(time.size, 5_006.5),
            "bckgrd_int_height_reduced": np.full(time.size, 5_005.5),
            "bckgrd_rate": counts / (50 * 2 * 5_005.5 / 299_792_458.0),
            "delta_time": time,
            "pce_mframe_cnt": (time / 0.02).astype(np.int64),
            "tlm_height_band1": np.full(time.size, 500.0),
            "tlm_height_band2": np.zeros(time.size),
            "tlm_top_band1": np.full(time.size, 900.0),
            "tlm_top_band2": np.zeros(time.size),
        }
        return {f"bckgrd_atlas/{name}": value for name, value in values.items()}

    def _signal_finding(self, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        time = self._times["signal_find_output"]
        found: dict[str, NDArray[Any]] = {}
        for surface in self.surfaces:
            mean = rng.gamma(20.0, 0.03, time.size)
            values = {
                "bckgrd_mean": mean,
                "bckgrd_sigma": np.sqrt(mean),
                "delta_time": time,
                "t_pc_delta": np.full(time.size, _FINDING_TIME),
                "z_pc_delta": np.full(time.size, 1.6),
            }
            found |= {f"signal_find_output/{surface}/{name}": v for name, v in values.items()}
        return found


def _steps(segments: Segments, seconds: float) -> Floats:
    """Times, each ``seconds`` after the other, wherever there are segments."""
    ticks = np.unique((segments.start // seconds).astype(np.int64))
    width = int(segments.duration // seconds) + 1
    return np.unique((ticks[:, None] + np.arange(width)).ravel()) * seconds
