"""Reads one beam of an open ATL03 file through h5py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import (
    NearRows,
    Variable,
    beam_spot,
    beam_strength,
    dataset_path,
    granule_attributes,
    has_segment_table,
)
from catalog_builder.beams.read.hdf5 import (
    read_attribute,
    read_attributes,
    read_fill_value,
    read_rows,
    require_rows,
)
from catalog_builder.beams.read.hdf5_objects import (
    dataset_paths,
    find,
    find_dataset,
    find_group,
    names_in,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.errors import (
    BeamNotFoundError,
    EmptyBeamError,
    NotATL03Error,
    ProductError,
    VariableNotFoundError,
)
from catalog_builder.products.atl03 import BEAMS, INDEX_BEG, PHOTON_GROUP, Beam, is_beam
from catalog_builder.products.facts import PHOTONS
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    import h5py

    from catalog_builder.beams.read.selection import Selection


def granule_name(file: h5py.File, href: str) -> GranuleName:
    """Name of the granule: from its address, else from the file name in its metadata.

    Raises :class:`~catalog_builder.errors.NotATL03Error` where neither has one.
    """
    try:
        return _photon_granule(href)
    except ProductError as error:
        described = find(file, "METADATA/DatasetIdentification")
        name = "" if described is None else read_attribute(described, "fileName", "")
        try:
            return _photon_granule(str(name))
        except ProductError:
            raise NotATL03Error(str(error)) from None


def _photon_granule(text: str) -> GranuleName:
    name = GranuleName.parse(text)
    if not name.product.counts_photons:
        raise ProductError(f"{name.id} is no granule that is opened by photon.")
    return name


def beams_in(file: h5py.File, href: str) -> tuple[Beam, ...]:
    """The beams that the file has, those without photons included, from left to right.

    Raises :class:`~catalog_builder.errors.NotATL03Error` where this is another kind of file.
    """
    product = str(read_attribute(file, "short_name", PHOTONS.short_name))
    beams = tuple(beam for beam in BEAMS if find_group(file, beam) is not None)
    is_other = product != PHOTONS.short_name
    if is_other or not beams:
        holds = f"it says it is {product!r:.80}, and holds " if is_other else "it holds "
        raise NotATL03Error(
            f"{href} is HDF5 but no ATL03 granule: "
            f"{holds}{', '.join(names_in(file)[:12]) or 'nothing'}; an ATL03 granule holds beams "
            f"({', '.join(BEAMS)})."
        )
    return beams


def find_beam(file: h5py.File, href: str, beam: str) -> BeamFile:
    """The beam of this name, with at least one photon.

    Raises :class:`~catalog_builder.errors.BeamNotFoundError`, or
    :class:`~catalog_builder.errors.EmptyBeamError` where the beam is there and holds nothing.
    """
    beams = beams_in(file, href)
    if not is_beam(beam):
        raise BeamNotFoundError(f"There is no beam {beam!r}: beams are {', '.join(BEAMS)}.")
    if beam not in beams:
        raise BeamNotFoundError(f"{href} lacks beam {beam}: it has {', '.join(beams)}.")
    reader = read_beam(file, href, beam)
    if reader.photons == 0:
        others = [other for other in beams if read_beam(file, href, other).photons]
        raise EmptyBeamError(
            f"Beam {beam} of {href} {reader.why_empty}; photons are in: "
            f"{', '.join(others) or 'none'}."
        )
    return reader


def read_beam(file: h5py.File, href: str, beam: Beam) -> BeamFile:
    """A beam of the file, with or without photons."""
    group = find_group(file, beam)
    if group is None:
        raise BeamNotFoundError(f"{href} lacks beam {beam}.")
    lat = find_dataset(group, f"{PHOTON_GROUP}/lat_ph")
    return BeamFile(
        group=group,
        beam=beam,
        href=href,
        name=granule_name(file, href),
        photons=0 if lat is None else int(lat.shape[0]),
        orientation=read_orientation(file),
    )


def read_orientation(file: h5py.File) -> int | None:
    """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say.

    A subset may lack ``orbit_info``.
    """
    dataset = find_dataset(file, "orbit_info/sc_orient")
    if dataset is None:
        return None
    values = read_rows(dataset, RowSlices.whole(min(1, dataset.shape[0]))).ravel()
    return int(values[0]) if len(values) and values.dtype.kind in "iu" else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeamFile:
    """One beam of an open file; usable while the file is open."""

    group: h5py.Group
    beam: Beam
    href: str
    """The address that the file was opened at."""
    name: GranuleName
    photons: int
    """How many photons there are."""
    orientation: int | None
    """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say."""

    @property
    def why_empty(self) -> str:
        """Why no photon is found: there is none, or none is placed."""
        there = self.photon_names()
        if not there or "lat_ph" in there:
            return "holds no photon"
        return f"lacks lat_ph, which tells how many photons there are: it has {', '.join(there)}"

    @property
    def strength(self) -> str:
        """``strong`` or ``weak``; ``unknown`` where neither beam nor orientation tells."""
        return beam_strength(self.beam, read_attributes(self.group), self.orientation)

    @property
    def spot(self) -> int:
        """ATLAS spot number, 1 to 6; 0 where neither beam nor orientation tells."""
        return beam_spot(self.beam, read_attributes(self.group), self.orientation)

    def attributes(self) -> dict[str, Any]:
        """Attributes of the Dataset: plain text and integers."""
        return {
            **granule_attributes(self.name, self.href),
            "beam": self.beam,
            "strength": self.strength,
            "spot": self.spot,
        }

    def dataset(self, name: str) -> h5py.Dataset:
        """The dataset ``h_ph`` (of ``heights``) or ``group/name``.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError`, which lists what there is.
        """
        path = dataset_path(name)
        stored = find_dataset(self.group, path)
        if stored is not None:
            return stored
        name = path.removeprefix(f"{PHOTON_GROUP}/")
        there = self.listing()
        last = [other.rpartition("/")[2] for other in there]
        like = get_close_matches(name.rpartition("/")[2], sorted({*last}), n=2)
        close = [
            path for word in like for path, end in zip(there, last, strict=True) if end == word
        ]
        hint = f" Did you mean {' or '.join(close[:4])}?" if close else ""
        shown = [one for one in there if "/" not in one or one.startswith(f"{name}/")]
        groups = sorted({other.rpartition("/")[0] for other in there} - {""})
        more = f", and more in {', '.join(groups)}: name those group/name" if groups else ""
        raise VariableNotFoundError(
            f"Beam {self.beam} of {self.href} lacks variable {name!r}.{hint} "
            f"It has {', '.join(shown)}{more}."
        )

    def listing(self) -> list[str]:
        """Every dataset, as ``open_beam`` names it: photon-rate ones bare, then ``group/name``.

        Reads every header of the beam, which takes many requests over a network.
        """
        paths = [*dataset_paths(self.group)]
        heights = [p.partition("/")[2] for p in paths if p.startswith(f"{PHOTON_GROUP}/")]
        return heights + [p for p in paths if not p.startswith(f"{PHOTON_GROUP}/")]

    def photon_names(self) -> list[str]:
        """Names of all datasets of ``heights``."""
        heights = find_group(self.group, PHOTON_GROUP)
        return [] if heights is None else names_in(heights)

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""
        stored = find_dataset(self.group, path)
        return None if stored is None else stored.shape

    def variable(self, path: str) -> Variable:
        """Describe a dataset; raises as :meth:`dataset` does.

        Also raises :class:`~catalog_builder.errors.AccessError` where it cannot be as long as its
        header says.
        """
        dataset = self.dataset(path)
        require_rows(dataset, RowSlices.whole(dataset.shape[0]))
        return Variable.of(
            self,
            path,
            shape=dataset.shape,
            dtype=dataset.dtype,
            attrs=read_attributes(dataset),
            fill_value=read_fill_value(dataset),
        )

    @property
    def has_segments(self) -> bool | None:
        """False where datasets that tell of segments are missing or too short, else None."""
        return None if has_segment_table(self) else False

    @property
    def segment_count(self) -> int:
        """How many segments there are, those without photons included."""
        shape = self.shape(INDEX_BEG)
        return shape[0] if shape else 0

    def near_rows(self, selection: Selection) -> NearRows | None:
        """All photons where the selection is everything, else None: no segment is read yet."""
        if not selection.everything:
            return None
        return NearRows(
            photons=RowSlices.whole(self.photons), segments=RowSlices.whole(self.segment_count)
        )

    def near_seconds(self, selection: Selection) -> tuple[float, float] | None:  # noqa: ARG002
        """None: no segment is read yet."""
        return None

    def prefetch(self, wanted: Mapping[str, RowSlices]) -> None:
        """Do nothing: h5py reads one dataset at a time."""

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""
        return read_rows(self.dataset(path), rows)
