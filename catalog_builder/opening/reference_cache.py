"""Loads the references of beams, each once: those used last stay in memory.

An item tells where the frames of its beams lie in the reference file, and their checksums. So what
is in memory under a checksum is right, and its host is not asked again. Reference files that are
named by their address alone, and those of layout 1, are read whole; they may be replaced, and are
checked each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog_builder.beams.read.rejected_references import is_rejected
from catalog_builder.beams.references.frames import MOST_WHOLE, Frame, cut
from catalog_builder.beams.references.kerchunk_reader import (
    memory_of,
    read_frame,
    read_references,
)
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption, ChunkCache
from catalog_builder.byte_cache import ByteCache
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.errors import CatalogNotFoundError, ReferencesError
from catalog_builder.products.atl03 import Beam
from catalog_builder.transport.file_version import FileVersion
from catalog_builder.transport.location import Location, is_relative

KEPT: Final = 32 * 2**20
"""Bytes of references kept, as they are in memory: of some 60 strong beams of release 006, or 140
of 007."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """References, and the file they came from."""

    references: BeamReferences
    version: FileVersion
    body: bytes | None
    """The file's bytes, where its host does not tell versions apart; None where it does."""


_Key = tuple[str, str, Beam]
"""Address of a file, its query, and the beam."""

_loaded: Final[ByteCache[tuple[_Key, Frame | None], _Loaded | BeamReferences]] = ByteCache(KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePlace:
    """Where a reference file lies."""

    folder: CatalogLocation
    name: str
    """Path of the file in the folder."""

    @classmethod
    def of_address(cls, address: str) -> ReferencePlace:
        """The file of this path or URL."""
        whole = CatalogLocation.parse(address)
        folder, _, name = whole.folder.rpartition("/")
        where = CatalogLocation(folder=folder, query=whole.query, options=whole.options)
        return cls(folder=where, name=name)

    @classmethod
    def named(
        cls, href: Any, document: str | None, catalog: CatalogLocation | None
    ) -> ReferencePlace | None:
        """The file of an address that an item has for it.

        ``document`` is the path or URL of the item, which relative addresses start from; for an
        item without one they lead nowhere, and None is returned. What lies in ``catalog`` is read
        as that catalog is. Raises :class:`~catalog_builder.errors.AddressError` for an address
        that such a document may not name.
        """
        if document is None and isinstance(href, str) and is_relative(href) and "::" not in href:
            return None
        # An item of unknown origin is the caller's own, but no chain is taken of it either.
        location = Location.parse(href, named_by=document or "/")
        if catalog is not None and location.address.startswith(f"{catalog.folder}/"):
            name = location.address.removeprefix(f"{catalog.folder}/")
            known = name if location.is_local else name.partition("?")[0]
            return cls(folder=catalog, name=known)
        return cls.of_address(location.address)

    def digest(self, frame: Frame) -> str:
        """What a frame of this file is kept under in a folder: its address without the query."""
        return f"{self.folder.href(self.name)}\0{frame.offset}\0{frame.length}\0{frame.crc32}"

    def key(self, beam: Beam) -> _Key:
        """What the references of a beam in this file are kept under."""
        return self.folder.href(self.name), self.folder.query, beam


def load_frames(
    place: ReferencePlace, frames: Mapping[Beam, Frame], cache: CacheOption = None
) -> dict[Beam, BeamReferences]:
    """Load the references of beams from their frames in a file, in one request at most.

    Frames that the ``cache`` holds are not asked for, and those of a network are kept there.
    Raises :class:`~catalog_builder.errors.CatalogError` where they cannot be read, and
    :class:`~catalog_builder.errors.ReferencesError` where they are something else.
    """
    return fetch_frames(place, frames, cache)()


def fetch_frames(
    place: ReferencePlace, frames: Mapping[Beam, Frame], cache: CacheOption = None
) -> Callable[[], dict[Beam, BeamReferences]]:
    """As :func:`load_frames`, but what is returned unpacks them when it is called.

    Fetching waits, and unpacking computes: who loads many fetches from many threads, and unpacks
    in one. Raises the former error; the call that is returned raises the latter.
    """
    found: dict[Beam, BeamReferences] = {}
    for beam, frame in frames.items():
        known = _loaded.get((place.key(beam), frame))
        if isinstance(known, BeamReferences) and not is_rejected(known):
            found[beam] = known
    missing = {beam: frame for beam, frame in frames.items() if beam not in found}
    kept = ChunkCache.of(cache) if missing and place.folder.path is None else None
    packed: dict[Beam, bytes] = {}
    if kept is not None:
        for beam, frame in missing.items():
            part = kept.get(place.digest(frame), frame.length)
            if part is not None and frame.is_of(part):
                packed[beam] = part
    absent = {beam: frame for beam, frame in missing.items() if beam not in packed}
    if absent:
        first = min(frame.offset for frame in absent.values())
        stop = max(frame.stop for frame in absent.values())
        if stop - first > MOST_WHOLE:
            raise ReferencesError(
                f"The references in {place.name} are said to take {stop - first} bytes, which is "
                "more than can be."
            )
        data = place.folder.read_part(place.name, first, stop)
        packed |= cut(data, absent, offset=first)

    def unpack() -> dict[Beam, BeamReferences]:
        for beam, part in packed.items():
            found[beam] = references = read_frame(part, beam)
            _loaded.put((place.key(beam), missing[beam]), references, memory_of(references))
            if kept is not None and beam in absent:
                kept.put(place.digest(missing[beam]), part)
        return found

    return unpack


def load_references(address: str | ReferencePlace, beam: Beam) -> BeamReferences:
    """Load the references of a beam from a whole file, later only where it was replaced.

    ``address`` is its path or URL. A file of layout 1 holds one beam: its references are returned
    whichever beam is asked for. Raises :class:`~catalog_builder.errors.CatalogError` where it
    cannot be read, and :class:`~catalog_builder.errors.ReferencesError` where it is something
    else.
    """
    place = ReferencePlace.of_address(address) if isinstance(address, str) else address
    key = place.key(beam), None
    known = _loaded.get(key)
    if (
        not isinstance(known, _Loaded)
        or is_rejected(known.references)
        or not _is_unchanged(known, place)
    ):
        body, version = place.folder.read_version(place.name)
        known = _Loaded(
            references=read_references(body, beam),
            version=version,
            body=None if version.is_certain else body,
        )
        size = memory_of(known.references) + len(known.body or b"")
        _loaded.put(key, known, size)
    return known.references


def _is_unchanged(known: _Loaded, place: ReferencePlace) -> bool:
    """Whether the file is still the one that was read; False also where it is gone."""
    try:
        return place.folder.is_unchanged(place.name, known.version, known.body or b"")
    except CatalogNotFoundError:
        return False
