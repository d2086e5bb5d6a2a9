"""The interface by which a beam is read, whether through h5py or through its references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.hdf5 import only_value
from catalog_builder.products.atl03 import (
    COUNT,
    DISTANCE,
    INDEX_BEG,
    PHOTON_GROUP,
    SEGMENT_GROUPS,
    SURFACE_TYPES,
    Beam,
    spot,
    strength,
)
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    from catalog_builder.beams.read.row_slices import RowSlices
    from catalog_builder.beams.read.selection import Selection

PHOTON: Final = "photon"
SEGMENT: Final = "segment"
SURFACE_TYPE: Final = "surface_type"

SEGMENT_TABLE: Final = (INDEX_BEG, COUNT, DISTANCE)
"""Datasets that say which photons a segment holds, and where it starts."""

_SURFACE_VARIABLES = ("signal_conf_ph", "surf_type")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variable:
    """A dataset, described before any of it is read."""

    path: str
    """Within the beam: ``heights/h_ph``."""
    dims: tuple[str, ...]
    """Names of its dimensions: ``photon``, ``segment``, or its group's own."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attrs: dict[str, Any]
    """As in the file, text decoded, without HDF5's book-keeping."""
    encoding: dict[str, Any]
    """xarray's encoding: ``coordinates``, where the file has it."""
    fill_value: Any
    """``_FillValue``, else HDF5's value for unwritten chunks."""

    @classmethod
    def of(
        cls,
        beam: BeamReader,
        path: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        attrs: Mapping[str, Any],
        fill_value: Any,
    ) -> Variable:
        """Describe a dataset of a beam; ``attrs`` are the file's, text decoded."""
        fill = np.ravel(attrs.get("_FillValue", fill_value))
        kept = {name: value for name, value in attrs.items() if name != "coordinates"}
        return cls(
            path=path,
            dims=_dims(beam, path, shape),
            shape=shape,
            dtype=dtype,
            attrs=kept,
            encoding={"coordinates": attrs["coordinates"]} if "coordinates" in attrs else {},
            fill_value=fill[0] if len(fill) else fill_value,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearRows:
    """The rows of a beam among which the photons of a selection are."""

    photons: RowSlices
    """Photons that may be in the selection, and at least all that are."""
    segments: RowSlices
    """Segments of these photons, and perhaps more."""


class BeamReader(Protocol):
    """One beam that holds photons, for as long as its file, if any, is open."""

    @property
    def photons(self) -> int:
        """How many there are."""

    @property
    def segment_count(self) -> int:
        """How many segments there are, those without photons included."""

    def attributes(self) -> dict[str, Any]:
        """Attributes of the Dataset: plain text and integers."""

    @property
    def has_segments(self) -> bool | None:
        """Whether the segments tell which photons they hold; None where reading them will show."""

    def photon_names(self) -> Iterable[str]:
        """Names of all datasets of ``heights``."""

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""

    def variable(self, path: str) -> Variable:
        """Describe a dataset.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError`, which lists what there is.
        """

    def near_rows(self, selection: Selection) -> NearRows | None:
        """Rows near a selection; None where the segments must be read to know them."""

    def near_seconds(self, selection: Selection) -> tuple[float, float] | None:
        """Between which times all photons near a selection lie; None where that is not known."""

    def prefetch(self, wanted: Mapping[str, RowSlices]) -> None:
        """Prepare to read these rows of these datasets, by path."""

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""


def has_all(beam: BeamReader, paths: Iterable[str]) -> bool:
    """Whether a beam has all of these datasets."""
    return all(beam.shape(path) is not None for path in paths)


def has_segment_table(beam: BeamReader) -> bool:
    """Whether a beam has the datasets that tell of its segments, all of as many rows."""
    return has_all(beam, SEGMENT_TABLE) and agree_on_rows(map(beam.shape, SEGMENT_TABLE))


def agree_on_rows(shapes: Iterable[tuple[int, ...] | None]) -> bool:
    """Whether datasets of these shapes have as many rows; None is one that is not there."""
    return len({shape[:1] for shape in shapes if shape is not None}) <= 1


def dataset_path(name: str) -> str:
    """Path within the beam of a variable's name; a bare name is one of ``heights``."""
    return name if "/" in name else f"{PHOTON_GROUP}/{name}"


def granule_attributes(name: GranuleName, href: str) -> dict[str, Any]:
    """Attributes of a Dataset or tree about its granule: plain text and integers."""
    return {
        "granule": name.id,
        "rgt": name.rgt,
        "cycle": name.cycle,
        "region": name.region,
        "release": name.release,
        "revision": name.revision,
        "source": href,
    }


def beam_strength(beam: Beam, attrs: Mapping[str, Any], orientation: int | None) -> str:
    """``strong`` or ``weak`` by the group's attributes, text decoded, else by ``sc_orient``.

    ``unknown`` where neither is known.
    """
    text = str(only_value(attrs.get("atlas_beam_type", ""))).strip().lower()
    if text in ("strong", "weak"):
        return text
    return (None if orientation is None else strength(beam, orientation)) or "unknown"


def beam_spot(beam: Beam, attrs: Mapping[str, Any], orientation: int | None) -> int:
    """ATLAS spot number, 1 to 6, from the same sources; 0 where neither is known."""
    text = str(only_value(attrs.get("atlas_spot_number", ""))).strip()
    if text.isdecimal():
        return int(text)
    return (None if orientation is None else spot(beam, orientation)) or 0


def _dims(beam: BeamReader, path: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    group, _, name = path.rpartition("/")
    if group == PHOTON_GROUP and shape[0] == beam.photons:
        first = PHOTON
    elif group in SEGMENT_GROUPS and shape[0] == beam.segment_count:
        first = SEGMENT
    else:
        # A group of another rate has a dimension of its own, as long as its times.
        own = beam.shape(f"{group}/delta_time") == shape[:1]
        first = (group if own else f"{path}/row").replace("/", "_")
    rest = [f"{name}_{axis}" for axis in range(1, len(shape))]
    if name in _SURFACE_VARIABLES and shape[1:] == (len(SURFACE_TYPES),):
        rest = [SURFACE_TYPE]
    return (first, *rest)
