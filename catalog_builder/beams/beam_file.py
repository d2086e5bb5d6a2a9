"""One beam of an open ATL03 file: what it holds, what it says of itself, and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import (
    BEAMS,
    PHOTON_GROUP,
    SEGMENT_GROUPS,
    SURFACE_TYPES,
    Beam,
    GranuleName,
    is_beam,
    spot,
    strength,
)
from catalog_builder.beams.hdf5 import decode_attribute, read_attributes, read_rows
from catalog_builder.beams.segments import Segments
from catalog_builder.errors import (
    BeamNotFoundError,
    EmptyBeamError,
    NotATL03Error,
    VariableNotFoundError,
)

if TYPE_CHECKING:
    import h5py

    from catalog_builder.beams.runs import Runs

PHOTON: Final = "photon"
SEGMENT: Final = "segment"
SURFACE_TYPE: Final = "surface_type"

_SURFACE_VARIABLES = ("signal_conf_ph", "surf_type")


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
class Variable:
    """What is known of a dataset before any of it is read."""

    path: str
    """Within the beam: ``heights/h_ph``."""
    dims: tuple[str, ...]
    """Names of its dimensions: ``photon``, ``segment``, or its group's own."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attrs: dict[str, Any]
    """As in the file, text decoded, without HDF5's book-keeping."""
    encoding: dict[str, Any]
    """What xarray keeps apart from the attributes: ``coordinates``."""


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
        said = str(decode_attribute(self.group.attrs.get("atlas_beam_type", b""))).strip().lower()
        if said in ("strong", "weak"):
            return said
        orient = self.orientation
        return (None if orient is None else strength(self.beam, orient)) or "unknown"

    @property
    def spot(self) -> int:
        """ATLAS spot number, 1 to 6; 0 where neither beam nor orientation tells."""
        said = str(decode_attribute(self.group.attrs.get("atlas_spot_number", b""))).strip()
        if said.isdecimal():
            return int(said)
        orient = self.orientation
        return (None if orient is None else spot(self.beam, orient)) or 0

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

        path = self.path(name)
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

    def path(self, name: str) -> str:
        """Path within the beam: a bare name is one of ``heights``."""
        return name if "/" in name else f"{PHOTON_GROUP}/{name}"

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

    def variable(self, name: str) -> Variable:
        """Describe a dataset; raises as :meth:`dataset` does."""
        dataset = self.dataset(name)
        attrs = read_attributes(dataset)
        encoding = {"coordinates": attrs.pop("coordinates")} if "coordinates" in attrs else {}
        path = self.path(name)
        return Variable(
            path=path,
            dims=self._dims(path, dataset),
            shape=dataset.shape,
            dtype=dataset.dtype,
            attrs=attrs,
            encoding=encoding,
        )

    def _dims(self, path: str, dataset: h5py.Dataset) -> tuple[str, ...]:
        group, _, name = path.rpartition("/")
        rows = dataset.shape[0]
        if group == PHOTON_GROUP and rows == self.photons:
            first = PHOTON
        elif group in SEGMENT_GROUPS and rows == self.segment_count:
            first = SEGMENT
        else:
            # A group of its own rate counts its own rows, as long as its times are.
            times = self.group.get(f"{group}/delta_time")
            own = times is not None and times.shape == (rows,)
            first = (group if own else f"{path}/row").replace("/", "_")
        rest = [f"{name}_{axis}" for axis in range(1, dataset.ndim)]
        if name in _SURFACE_VARIABLES and dataset.shape[1:] == (len(SURFACE_TYPES),):
            rest = [SURFACE_TYPE]
        return (first, *rest)

    @property
    def segment_count(self) -> int:
        """How many segments there are, those without photons included."""
        index_beg = self.group.get("geolocation/ph_index_beg")
        return 0 if index_beg is None else int(index_beg.shape[0])

    def segments(self) -> Segments:
        """The mapping between photons and segments, checked."""
        index_beg = self.dataset("geolocation/ph_index_beg")
        fill = index_beg.attrs.get("_FillValue", index_beg.fillvalue)
        return Segments.parse(
            index_beg[:],
            self.dataset("geolocation/segment_ph_cnt")[:],
            self.photons,
            fill=int(np.ravel(fill)[0]),
        )

    def read(self, name: str, rows: Runs) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""
        return read_rows(self.dataset(name), rows)


def granule_attributes(name: GranuleName, href: str) -> dict[str, Any]:
    """What a Dataset or tree says of the granule it came from: plain text and integers."""
    return {
        "granule": name.id,
        "rgt": name.rgt,
        "cycle": name.cycle,
        "region": name.region,
        "release": name.release,
        "revision": name.revision,
        "source": href,
    }
