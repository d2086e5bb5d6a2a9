"""The photons of a beam as they are drawn: distances, heights, and what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.errors import EmptyBeamError, VariableNotFoundError

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

_WIDE_GAP: Final = 5.0
"""Kilometres without a photon that may get a panel of its own on either side."""

_HIGHEST: Final = 1e5
"""Metres; values beyond are fill values."""

_CLASSES: Final = (
    ("noise or buffer", -9, 1, "#c3c9d1"),
    ("low", 2, 2, "#9ac3e6"),
    ("medium", 3, 3, "#4a8fcb"),
    ("high", 4, 4, "#0d3f78"),
)
"""Signal confidence: label, lowest and highest value, colour."""

_ATL08_CLASSES: Final = (
    ("not listed", -9, -1, "#dfe3e8"),
    ("noise", 0, 0, "#c3c9d1"),
    ("ground", 1, 1, "#0072b2"),
    ("canopy", 2, 2, "#009e73"),
    ("top of canopy", 3, 3, "#cc79a7"),
)
"""Classes of ATL08, in colours of Okabe and Ito, which colour-blind readers tell apart."""

_ATL08: Final = "class_atl08"
_GROUND: Final = 1
_SIGNAL: Final = 3
"""Confidence of a signal photon: medium or high."""

_UNCLASSED: Final = ("photon", -9, 9, "#4a8fcb")

HEIGHT_NAMES: Final = {
    "h_ph": "Photon height above WGS 84 (m)",
    "h_geoid": "Photon height above the geoid (m)",
    "h_geoid_mean_tide": "Photon height above the mean-tide geoid (m)",
    "h_sea_surface": "Photon height above the sea surface (m)",
    "h_above_dem": "Photon height above the DEM (m)",
}
"""What heights are called on an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamPhotons:
    """Photons with a height and a distance along the track, in the order of flight."""

    distance: Floats
    """Kilometres from the first photon."""
    height: Floats
    """Metres."""
    kind: NDArray[np.int8] | None
    """The highest signal confidence, or the class of ATL08."""
    by_class: bool
    name: str
    """What the height is called on the axis."""

    @property
    def kinds(self) -> tuple[tuple[str, int, int, str], ...]:
        """Label, lowest and highest value, and colour of what is told apart."""
        if self.kind is None:
            return (_UNCLASSED,)
        return _ATL08_CLASSES if self.by_class else _CLASSES

    @property
    def signal(self) -> NDArray[np.bool_]:
        """Which photons show the surface; all where that is not known."""
        if self.kind is None:
            return np.ones(len(self.height), dtype=bool)
        found: NDArray[np.bool_] = self.kind == _GROUND if self.by_class else self.kind >= _SIGNAL
        return found

    def part(self, keep: slice) -> BeamPhotons:
        """Some of them."""
        return replace(
            self,
            distance=self.distance[keep],
            height=self.height[keep],
            kind=None if self.kind is None else self.kind[keep],
        )


def read_photons(dataset: xr.Dataset, of: str) -> BeamPhotons:
    """The photons of a beam with the height ``of``; errors are those of ``plot_beam``."""
    if missing := [name for name in (of, "x_atc") if name not in dataset.variables]:
        raise VariableNotFoundError(
            f"A plot needs {' and '.join(missing)}; this Dataset has "
            f"{', '.join(map(str, dataset.variables))}."
        )
    height = np.asarray(dataset[of].values, dtype=np.float64)
    distance = np.asarray(dataset["x_atc"].values, dtype=np.float64)
    sound = np.flatnonzero((np.abs(height) < _HIGHEST) & np.isfinite(distance))
    if len(sound) == 0:
        raise EmptyBeamError("There is nothing to plot: no photon of this Dataset has a height.")
    kind = None
    if by_class := _ATL08 in dataset:
        kind = dataset[_ATL08].values[sound]
    elif "signal_conf_ph" in dataset:
        kind = dataset["signal_conf_ph"].values.max(axis=-1)[sound]
    return BeamPhotons(
        distance=(distance[sound] - distance[sound].min()) / 1000.0,
        height=height[sound],
        kind=kind,
        by_class=by_class,
        name=HEIGHT_NAMES.get(of, f"{of} (m)"),
    )


def in_parts(profile: BeamPhotons) -> list[BeamPhotons]:
    """Split at gaps longer than all of the track that has photons, at most three."""
    gaps = np.diff(profile.distance)
    wide = np.flatnonzero(gaps > _WIDE_GAP)
    longest = np.sort(wide[np.argsort(gaps[wide])[-3:]])
    covered = np.ptp(profile.distance) - gaps[longest].sum()
    cuts = [int(gap) + 1 for gap in longest if gaps[gap] > covered]
    edges = [0, *cuts, len(profile.distance)]
    return [profile.part(slice(a, b)) for a, b in pairwise(edges)]


def shown_range(profile: BeamPhotons) -> tuple[float, float]:
    """Heights to show: those of the signal with a margin, without far noise."""
    shown = profile.height
    if profile.kind is not None:
        signal = profile.height[profile.kind >= (_GROUND if profile.by_class else 2)]
        shown = signal if len(signal) >= 20 else shown
    low, high = np.percentile(shown, [0.5, 99.5])
    room = max(0.25 * (high - low), 5.0)
    return float(low - room), float(high + room)
