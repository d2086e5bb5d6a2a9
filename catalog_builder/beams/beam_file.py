"""One beam of an open ATL03 file: what it holds, what it says of itself, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import BEAMS, PHOTON_GROUP, Beam, GranuleName, is_beam
from catalog_builder.beams.beam_reader import (
    INDEX_BEG,
    Candidates,
    Variable,
    beam_spot,
    beam_strength,
    dataset_path,
    granule_attributes,
)
from catalog_builder.beams.hdf5 import decode_attribute, read_attributes, read_rows
from catalog_builder.beams.runs import Runs
from catalog_builder.errors import (
    BeamNotFoundError,
    EmptyBeamError,
    NotATL03Error,
    VariableNotFoundError,
)

if TYPE_CHECKING:
    import h5py

    from catalog_builder.beams.selection import Selection


def granule_name(file: h5py.File, href: str) -> GranuleName:
    """Name of the granule: from its address, else from what the file says its name was.

    Raises :class:`~catalog_builder.errors.NotATL03Error` where neither has one.
    """
    try:
        return GranuleName.parse(href)
    except NotATL03Error as error:
        said = file.get("METADATA/DatasetIdentification")
        name = "" if said is None else decode_attribute(said.attrs.get("fileName", b""))
        try:
            return GranuleName.parse(str(name))
        except NotATL03Error:
            raise error from None


def beams_in(file: h5py.File, href: str) -> tuple[Beam, ...]:
    """The beams that the file has, those without photons included, from left to right.

    Raises :class:`~catalog_builder.errors.NotATL03Error` where this is another kind of file.
    """
    product = decode_attribute(file.attrs.get("short_name", b"ATL03"))
    beams = tuple(beam for beam in BEAMS if beam in file)
    if product != "ATL03" or not beams:
        holds = f"it says it is {product!r}, and holds " if product != "ATL03" else "it holds "
        raise NotATL03Error(
            f"{href} is HDF5 but no ATL03 granule: "
            f"{holds}{', '.join(list(file)[:12]) or 'nothing'}; an ATL03 granule holds beams "
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
    found = read_beam(file, href, beam)
    if found.photons == 0:
        others = [other for other in beams if read_beam(file, href, other).photons]
        raise EmptyBeamError(
            f"Beam {beam} of {href} holds no photon; these do: {', '.join(others) or 'none'}."
        )
    return found


def read_beam(file: h5py.File, href: str, beam: Beam) -> BeamFile:
    """A beam that the file has, be it empty."""
    group = file[beam]
    lat, orient = group.get(f"{PHOTON_GROUP}/lat_ph"), file.get("orbit_info/sc_orient")
    return BeamFile(
        group=group,
        beam=beam,
        href=href,
        name=granule_name(file, href),
        photons=0 if lat is None else int(lat.shape[0]),
        # A subset may lack orbit_info.
        orientation=int(np.ravel(orient[()])[0]) if orient is not None and orient.size else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeamFile:
    """One beam of an open file; good for as long as the file is open."""

    group: h5py.Group
    beam: Beam
    href: str
    """The address that the file was opened at."""
    name: GranuleName
    photons: int
    """How many there are."""
    orientation: int | None
    """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say."""

    @property
    def strength(self) -> str:
        """``strong`` or ``weak``; ``unknown`` where neither beam nor orientation tells."""
        return beam_strength(self.beam, self._said(), self.orientation)

    @property
    def spot(self) -> int:
        """ATLAS spot number, 1 to 6; 0 where neither beam nor orientation tells."""
        return beam_spot(self.beam, self._said(), self.orientation)

    def _said(self) -> dict[str, Any]:
        return {name: decode_attribute(value) for name, value in self.group.attrs.items()}

    def attributes(self) -> dict[str, Any]:
        """What the Dataset says of itself: plain text and integers."""
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
        import h5py

        path = dataset_path(name)
        found = self.group.get(path)
        if isinstance(found, h5py.Dataset) and found.ndim:
            return found
        name = path.removeprefix(f"{PHOTON_GROUP}/")
        there = self.listing()
        last = [other.rpartition("/")[2] for other in there]
        like = get_close_matches(name.rpartition("/")[2], sorted({*last}), n=2)
        close = [
            path for word in like for path, end in zip(there, last, strict=True) if end == word
        ]
        hint = f" Did you mean {' or '.join(close[:4])}?" if close else ""
        raise VariableNotFoundError(
            f"Beam {self.beam} of {self.href} lacks variable {name!r}.{hint} "
            f"It has {', '.join(there)}."
        )

    def listing(self) -> list[str]:
        """Every dataset, as ``open_beam`` names it: photon-rate ones bare, then ``group/name``.

        Reads every header of the beam, which takes many requests over a network.
        """
        import h5py

        paths: list[str] = []

        def collect(path: str, found: object) -> None:
            if isinstance(found, h5py.Dataset) and found.ndim:
                paths.append(path)

        self.group.visititems(collect)
        heights = [p.partition("/")[2] for p in paths if p.startswith(f"{PHOTON_GROUP}/")]
        return heights + [p for p in paths if not p.startswith(f"{PHOTON_GROUP}/")]

    def photon_names(self) -> list[str]:
        """Names of all that ``heights`` holds."""
        return list(self.group[PHOTON_GROUP])

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Of a dataset; None where there is none of this path."""
        found = self.group.get(path)
        return None if found is None else getattr(found, "shape", None)

    def variable(self, path: str) -> Variable:
        """Describe a dataset; raises as :meth:`dataset` does."""
        dataset = self.dataset(path)
        return Variable.of(
            self,
            path,
            shape=dataset.shape,
            dtype=dataset.dtype,
            attrs=read_attributes(dataset),
            fill_value=dataset.fillvalue,
        )

    @property
    def segment_count(self) -> int:
        """How many segments there are, those without photons included."""
        shape = self.shape(INDEX_BEG)
        return shape[0] if shape else 0

    def candidates(self, selection: Selection) -> Candidates | None:
        """All photons where all are asked for, else None: the segments are not read yet."""
        if not selection.everything:
            return None
        return Candidates(
            photons=Runs.whole(self.photons), segments=Runs.whole(self.segment_count)
        )

    def prefetch(self, wanted: Mapping[str, Runs]) -> None:
        """Nothing: h5py reads one dataset at a time."""

    def read(self, path: str, rows: Runs) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""
        return read_rows(self.dataset(path), rows)
