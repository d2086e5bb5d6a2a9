"""Scans one granule for its beam references, in a worker.

A task is plain and holds no secret: where a granule can be read, and how.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from catalog_builder.atl03 import BEAMS, Beam
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    CatalogBuilderError,
    EulaError,
    LoginMissingError,
    LoginRejectedError,
    UntrustedHostError,
)

NO_LOGIN: Final = (LoginMissingError, LoginRejectedError, EulaError, UntrustedHostError)
"""Errors that every other granule would meet too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTask:
    """A granule to scan."""

    granule: str
    """Its id."""
    links: GranuleLinks
    """Where it can be read."""
    access: Access
    """How it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedGranule:
    """What a scan found in a granule, as it is published."""

    granule: str
    references: dict[Beam, bytes]
    """Content of the reference set of each beam."""
    beams: dict[Beam, dict[str, Any]]
    """Facts of each beam for the item: strength, spot, photons, track (longitude, latitude)."""
    orientation: int | None
    """``sc_orient``; None if the file does not state it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedGranule:
    """A granule that could not be scanned, and the reason."""

    granule: str
    error: str


Outcome = ScannedGranule | FailedGranule


def scan_granule(task: ScanTask) -> Outcome:
    """Scan one granule.

    A fault of the granule is returned, because not every exception can be pickled. Raises an
    :class:`~catalog_builder.errors.EarthdataError` if the login is missing or refused: then no
    other granule can be read either.
    """
    try:
        return _scan(task)
    except NO_LOGIN:
        raise
    except Exception as error:
        return FailedGranule(granule=task.granule, error=error_sentence(error))


def _scan(task: ScanTask) -> Outcome:
    from catalog_builder.beams.scanning.scan import scan

    found = scan(task.links, task.access)
    if found.granule != task.granule:
        error = f"The file there is another granule, {found.granule}."
        return FailedGranule(granule=task.granule, error=error)
    if not found.beams:
        return FailedGranule(granule=task.granule, error="It holds no photon.")
    # The same URL for every way of reading: scanning again must give the same bytes.
    href = task.links.s3 or task.links.https or found.href
    references = {
        beam: replace(found.beams[beam], href=href).to_kerchunk()
        for beam in BEAMS
        if beam in found.beams
    }
    beams: dict[Beam, dict[str, Any]] = {}
    for beam in found.photons:
        spot, track = found.spots[beam], found.tracks.get(beam)
        beams[beam] = {
            "strength": found.strengths[beam],
            **({"spot": spot} if spot else {}),
            "photons": found.photons[beam],
            **({"track": [list(point) for point in track]} if track else {}),
        }
    return ScannedGranule(
        granule=task.granule, references=references, beams=beams, orientation=found.orientation
    )


def error_sentence(error: Exception) -> str:
    """The error on one line, with its type unless it is one of this package."""
    message = " ".join(str(error).split())
    if isinstance(error, CatalogBuilderError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
