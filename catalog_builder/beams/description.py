"""Describes a granule from its metadata alone: no photon is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from catalog_builder.beams.read.beam_file import beams_in, granule_name, read_beam
from catalog_builder.beams.read.hdf5_objects import damage_as_access_error, find_dataset
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.products.atl03 import PHOTON_GROUP, Beam


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamDescription:
    """One beam of a granule."""

    beam: Beam
    strength: str
    """``strong``, ``weak`` or ``unknown``."""
    spot: int
    """ATLAS spot number, 1 to 6; 0 where unknown."""
    photons: int
    segments: int
    """Segments of about 20 m, those without photons included."""
    photon_chunk: int | None
    """Photons stored together: 10,000 in release 006, 100,000 in 007."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleDescription:
    """A granule's beams, and how the file is laid out."""

    granule: str
    """Id: the file name without ``.h5``."""
    href: str
    """The address that was read."""
    size: int
    """Bytes."""
    page_size: int | None
    """Bytes a page where the file's metadata is paged (release 007), else None."""
    beams: tuple[BeamDescription, ...]
    """The file's beams from left to right, empty ones included."""

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return asdict(self)


def describe(links: GranuleLinks, access: Access = "auto") -> GranuleDescription:
    """Read what a granule holds; raises as :func:`~catalog_builder.beams.dataset.open_beam`."""
    from h5py import h5f

    with open_hdf5(links, access) as (file, href):
        beams = []
        for name in beams_in(file, href):
            beam = read_beam(file, href, name)
            lat = find_dataset(beam.group, f"{PHOTON_GROUP}/lat_ph")
            beams.append(
                BeamDescription(
                    beam=name,
                    strength=beam.strength,
                    spot=beam.spot,
                    photons=beam.photons,
                    segments=beam.segment_count,
                    photon_chunk=lat.chunks[0] if lat is not None and lat.chunks else None,
                )
            )
        with damage_as_access_error(file, ""):
            created = file.id.get_create_plist()
            paged = created.get_file_space_strategy()[0] == h5f.FSPACE_STRATEGY_PAGE
            page_size = created.get_file_space_page_size() if paged else None
            size = file.id.get_filesize()
        return GranuleDescription(
            granule=granule_name(file, href).id,
            href=href,
            size=size,
            page_size=page_size,
            beams=tuple(beams),
        )
