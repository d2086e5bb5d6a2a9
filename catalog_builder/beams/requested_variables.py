"""Which variables of a beam are asked for, and what is read for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from catalog_builder.beams.read.beam_reader import (
    SEGMENT_TABLE,
    BeamReader,
    Variable,
    dataset_path,
    has_all,
)
from catalog_builder.beams.read.photon_search import LAT, LON, TIME
from catalog_builder.beams.read.selection import Selection
from catalog_builder.products.atl03 import DEFAULT_VARIABLES, PHOTON_GROUP, SEGMENT_GROUPS

X_ATC: Final = "x_atc"
ALONG: Final = f"{PHOTON_GROUP}/dist_ph_along"
COORDINATES: Final = (LAT, LON, TIME)
"""Paths that are read whatever is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedVariables:
    """What is asked for of a beam. Made by :meth:`parse`."""

    paths: tuple[str, ...]
    """Datasets within the beam, each once."""
    x_atc: bool
    """Whether ``x_atc`` is derived."""
    optional: bool
    """Whether what the file lacks is left out: nobody named it."""
    also: tuple[str, ...] = ()
    """Datasets that are read too, for columns that are derived from them."""

    @classmethod
    def parse(cls, names: Sequence[str] | None, also: tuple[str, ...] = ()) -> Self:
        """Read names; None for the usual variables and ``x_atc``."""
        optional = names is None
        names = (*DEFAULT_VARIABLES, X_ATC) if names is None else names
        names = [names] if isinstance(names, str) else names
        paths = dict.fromkeys(dataset_path(name) for name in names if name != X_ATC)
        return cls(paths=tuple(paths), x_atc=X_ATC in names, optional=optional, also=also)

    @property
    def by_segments(self) -> bool:
        """Whether it must be known which photons a segment holds."""
        groups = {path.rpartition("/")[0] for path in (*self.paths, *self.also)}
        return self.x_atc or not groups.isdisjoint(SEGMENT_GROUPS)

    def coordinates(self, beam: BeamReader, selection: Selection) -> list[Variable]:
        """Latitude, longitude and time of a beam; no time, if it has none and none is asked for.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError`.
        """
        timed = TIME in self.paths or selection.interval is not None or has_all(beam, [TIME])
        return [beam.variable(path) for path in COORDINATES if timed or path != TIME]

    def needed(self, beam: BeamReader) -> list[str]:
        """Paths that are read for the Dataset, coordinates included."""
        segments: list[str] = []
        if beam.has_segments is not False:
            segments += [ALONG] if self.x_atc else []
            segments += SEGMENT_TABLE if self.by_segments else []
        return [*self.paths, *self.also, *COORDINATES, *segments]
