"""What is asked for of the photons of an area, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog_builder.beams.columns.conditions import Condition, of_columns, parse_where
from catalog_builder.beams.columns.photon_columns import PhotonColumns
from catalog_builder.beams.read.beam_reader import (
    SEGMENT_TABLE,
    BeamReader,
    Variable,
    dataset_path,
)
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.requested_variables import ALONG, COORDINATES, X_ATC
from catalog_builder.beams.storage.chunk_cache import CacheOption, ChunkCache
from catalog_builder.beams.storage.links import Access
from catalog_builder.errors import BeamError, BeamNotFoundError, VariableNotFoundError
from catalog_builder.geo.area import Area
from catalog_builder.geo.area_input import read_area
from catalog_builder.geo.window import Moment, parse_interval
from catalog_builder.opening.derived_columns import DerivedRequest
from catalog_builder.photons.planning.good_photons import good_conditions
from catalog_builder.products.atl03 import (
    BEAMS,
    COUNT,
    DEFAULT_VARIABLES,
    INDEX_BEG,
    PHOTON_GROUP,
    SEGMENT_GROUPS,
    Beam,
)

if TYPE_CHECKING:
    from catalog_builder.opening.derived_columns import Classes


@dataclass(frozen=True, kw_only=True)
class PhotonRequest:
    """Which photons, and what of them. Made by :meth:`parse`.

    Its lists of paths are made once: every pass is planned by them.
    """

    area: Area
    selection: Selection
    """The area, and an interval of time."""
    beams: tuple[Beam, ...]
    strength: str | None
    """``strong`` or ``weak``: only beams of that strength, among ``beams``."""
    names: tuple[str, ...]
    """Variables as the user named them, without those of the place."""
    conditions: tuple[Condition, ...]
    release: str | None
    access: Access
    good: bool = False
    """Whether only good photons are; :meth:`of_release` adds what they meet."""
    cache: CacheOption = None
    """Where chunks are kept."""
    derived: DerivedRequest
    """Classes and heights that are added."""
    only_counted: bool = False
    """Whether nothing is read but what tells which photons stay."""

    @classmethod
    def parse(
        cls,
        area: Any,
        datetime: Moment | Sequence[Moment],
        beams: str | Sequence[str] | None,
        variables: str | Sequence[str] | None,
        where: Mapping[str, Any] | None,
        release: str | None,
        access: Access,
        *,
        good: bool = False,
        cache: CacheOption = None,
        classes: Classes = None,
        heights: str | Sequence[str] | None = None,
    ) -> PhotonRequest:
        """Read the arguments of :func:`~catalog_builder.photons.open_photons.open_photons`."""
        place = read_area(area)
        named, strength = _beams(beams)
        listed = [variables] if isinstance(variables, str) else variables
        for name in listed or ():
            if not isinstance(name, str) or not name:
                raise VariableNotFoundError(f"Variables are names, not {name!r}.")
        own, derived = DerivedRequest.parse(listed, classes, heights)
        listed = [*DEFAULT_VARIABLES, X_ATC] if own is None else own
        columns = [name for one in derived.columns() for name in one.variables]
        kept = dict.fromkeys(n for n in listed if dataset_path(n) not in COORDINATES)
        request = cls(
            area=place,
            selection=Selection(
                area=place, interval=None if datetime is None else parse_interval(datetime)
            ),
            beams=named,
            strength=strength,
            names=tuple(kept),
            conditions=of_columns(parse_where(where), columns),
            release=None if release is None else f"{release}".zfill(3),
            access=access,
            good=good,
            cache=ChunkCache.of(cache) or False,
            derived=derived,
        )
        tested = [one.path for one in request.conditions if one.path not in columns]
        for path in (*request.paths, *tested):
            if path.rpartition("/")[0] not in (PHOTON_GROUP, *SEGMENT_GROUPS):
                raise VariableNotFoundError(
                    f"{path} has no value for each photon: of an area there are those of "
                    f"{', '.join((PHOTON_GROUP, *SEGMENT_GROUPS))}; open_beam opens all others."
                )
        return request

    def of_release(self, release: str) -> PhotonRequest:
        """The request for granules of this release."""
        if not self.good:
            return self
        return replace(self, conditions=(*self.conditions, *good_conditions(release)))

    @property
    def counting(self) -> PhotonRequest:
        """The same photons, of which only place and time stay."""
        return replace(self, only_counted=True)

    @property
    def whole(self) -> PhotonRequest:
        """The same photons with all their variables."""
        return replace(self, only_counted=False) if self.only_counted else self

    @property
    def columns(self) -> list[PhotonColumns]:
        """What is derived, for a granule without siblings."""
        return self.used(self.derived.columns(self.access, self.cache))

    def used(self, columns: Sequence[PhotonColumns]) -> list[PhotonColumns]:
        """Of what is derived for a granule, what is needed: of counted photons, what is tested."""
        tested = {one.path for one in self.conditions}
        return [c for c in columns if not self.only_counted or not tested.isdisjoint(c.variables)]

    @property
    def derived_variables(self) -> dict[str, Variable]:
        """What is known of the derived columns that stay before they are read, by name."""
        columns = [] if self.only_counted else self.columns
        return {name: known for one in columns for name, known in one.variables.items()}

    @property
    def paths(self) -> list[str]:
        """Paths of the variables that stay, the place aside."""
        names = () if self.only_counted else self.names
        return list(dict.fromkeys(dataset_path(name) for name in names if name != X_ATC))

    @property
    def along_track(self) -> bool:
        """Whether ``x_atc`` is derived."""
        return X_ATC in self.names and not self.only_counted

    @cached_property
    def photon_paths(self) -> list[str]:
        """Datasets of one row a photon that are read."""
        along = [ALONG] if self.along_track else []
        taken = [path for one in self.columns for path in one.paths]
        every = dict.fromkeys([*COORDINATES, *self.tested, *self.paths, *along, *taken])
        return [path for path in every if not _of_segments(path)]

    @cached_property
    def segment_paths(self) -> list[str]:
        """Datasets of one row a segment that are read, to be spread over its photons."""
        every = dict.fromkeys([*self.tested, *self.paths])
        return [path for path in every if _of_segments(path)]

    @cached_property
    def tested(self) -> list[str]:
        """Datasets that conditions are on; not those on derived columns."""
        derived = {name for one in self.columns for name in one.variables}
        return [one.path for one in self.conditions if one.path not in derived]

    @cached_property
    def table_paths(self) -> list[str]:
        """Datasets of segments that tell which photons they hold, and that columns take."""
        taken = {path for one in self.columns for path in one.paths if _of_segments(path)}
        if self.along_track:
            return list(dict.fromkeys([*SEGMENT_TABLE, *sorted(taken)]))
        if not self.segment_paths and not taken:
            return []
        return list(dict.fromkeys([INDEX_BEG, COUNT, *sorted(taken)]))

    @cached_property
    def needed(self) -> list[str]:
        """All datasets that are read."""
        return list(dict.fromkeys([*self.photon_paths, *self.segment_paths, *self.table_paths]))

    def describe(self, beam: BeamReader) -> dict[str, Variable]:
        """The variables of a beam that are read, by path.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError` for one that the beam lacks,
        or that has not one row a photon or a segment, and
        :class:`~catalog_builder.errors.ConditionError` for a condition that cannot be tested.
        """
        request = self.whole
        found = {
            path: beam.variable(path) for path in (*request.photon_paths, *request.segment_paths)
        }
        for path in (*COORDINATES, *([ALONG] if request.along_track else [])):
            if found[path].shape != (beam.photons,) or found[path].dtype.kind != "f":
                raise BeamError(
                    f"{path} ({found[path].dtype}, {found[path].shape}) must be one number for "
                    f"each of {beam.photons} photons: the file is damaged."
                )
        for expected, paths in (
            (beam.photons, request.photon_paths),
            (None, request.segment_paths),
        ):
            for path in paths:
                variable = found[path]
                rows = beam.segment_count if expected is None else expected
                if variable.shape[0] != rows:
                    raise VariableNotFoundError(
                        f"{path} has {variable.shape[0]} rows, not one for each of {rows} photons "
                        "or segments: open_beam opens it."
                    )
        derived = {name: known for one in request.columns for name, known in one.variables.items()}
        for condition in request.conditions:
            one = derived.get(condition.path) or found[condition.path]
            condition.holds(one, np.zeros((0, *one.shape[1:]), one.dtype))
        return found


def _of_segments(path: str) -> bool:
    return path.rpartition("/")[0] in SEGMENT_GROUPS


def _beams(beams: str | Sequence[str] | None) -> tuple[tuple[Beam, ...], str | None]:
    if beams is None:
        return BEAMS, None
    words = [beams] if isinstance(beams, str) else list(beams)
    names = [word.strip().lower() if isinstance(word, str) else word for word in words]
    if names in (["strong"], ["weak"]):
        return BEAMS, names[0]
    unknown = [word for word, name in zip(words, names, strict=True) if name not in BEAMS]
    if unknown or not names:
        wrong = repr(unknown[0]) if names else "named"
        raise BeamNotFoundError(
            f"There is no beam {wrong}: beams are strong, weak, or some of {', '.join(BEAMS)}."
        )
    return tuple(beam for beam in BEAMS if beam in names), None
