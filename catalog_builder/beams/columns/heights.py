"""Heights of photons above something else than the ellipsoid, from the beam's own corrections.

``h_ph`` holds the solid earth tide, ocean loading, the pole tides and the delay of the atmosphere
already; not the geoid, nor what moves the ocean. Source: ATL03 ATBD and the attributes of
``geophys_corr``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from catalog_builder.beams.columns.photon_columns import (
    DerivedColumn,
    Seconds,
    SelectedRows,
    Told,
)
from catalog_builder.beams.read.beam_reader import PHOTON, BeamReader, Variable
from catalog_builder.beams.read.row_slices import Ints
from catalog_builder.errors import HeightsError
from catalog_builder.products.atl03 import PHOTON_GROUP, Beam

Height = Literal["geoid", "geoid_mean_tide", "sea_surface", "above_dem"]

_IMPOSSIBLE: Final = 1e30
"""Metres: what is more is a fill value."""

H_PH: Final = f"{PHOTON_GROUP}/h_ph"

_TERMS: Final[Mapping[Height, tuple[str, ...]]] = {
    "geoid": ("geoid",),
    "geoid_mean_tide": ("geoid", "geoid_free2mean"),
    "sea_surface": ("geoid", "tide_ocean", "tide_equilibrium", "dac"),
    "above_dem": ("dem_h",),
}
"""What is subtracted from ``h_ph``, of ``geophys_corr``."""

_NAMES: Final[Mapping[Height, tuple[str, str]]] = {
    "geoid": ("h_geoid", "Height above the geoid EGM2008, tide-free"),
    "geoid_mean_tide": ("h_geoid_mean_tide", "Height above the geoid EGM2008, mean tide"),
    "sea_surface": (
        "h_sea_surface",
        "Height above the geoid EGM2008, tide-free, less tides and the inverted barometer",
    ),
    "above_dem": ("h_above_dem", "Height above the product's digital elevation model"),
}


def parse_heights(heights: str | Sequence[str] | None) -> tuple[Height, ...]:
    """Names of heights; raises :class:`~catalog_builder.errors.HeightsError` for another one."""
    asked = [] if heights is None else [heights] if isinstance(heights, str) else list(heights)
    known = {name: name for name in get_args(Height)}
    if wrong := [name for name in asked if name not in known]:
        raise HeightsError(f"There is no height {wrong[0]!r}: there are {', '.join(known)}.")
    return tuple(dict.fromkeys(known[name] for name in asked))


def height_paths(heights: Sequence[Height]) -> list[str]:
    """The beam's datasets that these heights take."""
    terms = dict.fromkeys(term for height in heights for term in _TERMS[height])
    return [H_PH, *(f"geophys_corr/{term}" for term in terms)] if heights else []


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightColumns:
    """Derives heights for the photons of a beam."""

    heights: tuple[Height, ...]

    @property
    def variables(self) -> Mapping[str, Variable]:
        """``h_geoid`` and the like."""
        return {_NAMES[height][0]: height_variable(height, 0) for height in self.heights}

    @property
    def paths(self) -> Sequence[str]:
        """The beam's datasets that are read for it."""
        return height_paths(self.heights)

    @property
    def told(self) -> Told:
        """Nothing: they are the beam's own."""
        return {}

    @property
    def needs_header(self) -> bool:
        """False."""
        return False

    @property
    def without_segments(self) -> str | None:
        """Terms are those of segments."""
        names = [*self.variables]
        return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} NaN"

    @contextmanager
    def opened(self, beam: BeamReader) -> Iterator[HeightColumns]:  # noqa: ARG002
        """All that they take is the beam's own."""
        yield self

    def described(self, beam: Beam | None = None) -> Mapping[str, Variable]:  # noqa: ARG002
        """All of them."""
        return self.variables

    def begin(self, near: Seconds | None) -> None:
        """Do nothing."""

    def derive(
        self, rows: SelectedRows
    ) -> tuple[Mapping[str, DerivedColumn], Mapping[str, str | int]]:
        """Float64 metres; NaN where a term is its fill value, or the photon is in no segment."""
        columns: dict[str, DerivedColumn] = {}
        photon_heights = _numbers(rows, rows.beam.variable(H_PH))
        segment = None if rows.segment_of is None else rows.segment_of()
        for height in self.heights:
            values = photon_heights.copy()
            for term in _TERMS[height]:
                values -= _at_photons(rows, segment, f"geophys_corr/{term}")
            variable = height_variable(height, rows.photons.rows)
            columns[variable.path] = DerivedColumn(variable=variable, values=values)
        return columns, {}


def height_variable(height: Height, rows: int) -> Variable:
    """What such a column is, of so many photons."""
    name, meaning = _NAMES[height]
    return Variable(
        path=name,
        dims=(PHOTON,),
        shape=(rows,),
        dtype=np.dtype(np.float64),
        attrs=height_attributes(height, meaning),
        encoding={},
        fill_value=np.float64(np.nan),
    )


def height_attributes(height: Height, meaning: str) -> dict[str, str]:
    """Attributes of such a variable."""
    terms = " - ".join(f"geophys_corr/{term}" for term in _TERMS[height])
    above_geoid = {"standard_name": "height_above_geopotential_datum"}
    return {
        "units": "meters",
        "long_name": meaning,
        **(above_geoid if height in ("geoid", "geoid_mean_tide") else {}),
        "derived_from": f"{H_PH} - {terms}, of the photon's segment, not interpolated",
    }


def _at_photons(
    rows: SelectedRows, segment: Ints | None, path: str
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A term at each photon; NaN where it is not known."""
    variable = rows.beam.variable(path)
    stored = _numbers(rows, variable)
    if segment is None:
        return np.full(rows.photons.rows, np.nan)
    values = np.append(stored, np.nan)
    # Where the file does not tell its fill value, HDF5 has one of its own, 0 by default.
    if "_FillValue" in variable.attrs:
        values[:-1][stored == float(np.ravel(variable.fill_value)[0])] = np.nan
    values[np.abs(values) > _IMPOSSIBLE] = np.nan
    return values[segment]


def _numbers(
    rows: SelectedRows, variable: Variable
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Values of a dataset; raises HeightsError where it has no number a row."""
    if len(variable.shape) != 1 or variable.dtype.kind not in "iuf":
        raise HeightsError(
            f"{variable.path} has no number a row ({variable.dtype}, shape {variable.shape}): "
            "heights cannot be derived from it; open the beam without heights=."
        )
    return rows.read(variable).astype(np.float64)
