"""Scans one granule in a worker: the task that it is given, and what it gives back."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Final

from catalog_builder.beams.storage.counted_source import counted_traffic
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    CatalogBuilderError,
    EulaError,
    LoginMissingError,
    LoginRejectedError,
    UntrustedHostError,
)
from catalog_builder.products.atl03 import BEAMS, Beam

NO_LOGIN: Final = (LoginMissingError, LoginRejectedError, EulaError, UntrustedHostError)
"""Errors of the login: every other granule would fail alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTask:
    """One granule to be scanned."""

    granule: str
    """Its id."""
    links: GranuleLinks
    """Where it can be read."""
    access: Access
    """How it is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCost:
    """What it took to scan one granule."""

    requests: int
    """Requests to where it is stored."""
    bytes: int
    """Bytes that came."""
    cpu: float
    """Processor seconds of the process meanwhile; of several scans at a time in one process, each
    counts the others' too."""
    wall: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedGranule:
    """What a scan of a granule found, in the form that is published."""

    granule: str
    references: bytes
    """Content of the reference file."""
    beams: dict[Beam, dict[str, Any]]
    """What the item says of each beam: strength, spot, photons, track (longitude, latitude), and
    where its references lie in the file."""
    orientation: int | None
    """``sc_orient``; None where the file does not say."""
    cost: ScanCost | None = None
    """What the scan took; None where it was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedGranule:
    """A granule that could not be scanned, and why."""

    granule: str
    error: str


Outcome = ScannedGranule | FailedGranule


def scan_granule(task: ScanTask) -> Outcome:
    """Scan one granule; this runs in a worker.

    An error of the granule is returned, because not every exception can be pickled. Raises an
    :class:`~catalog_builder.errors.EarthdataError` where the login is missing or refused: then no
    other granule can be read either.
    """
    wall, cpu = time.monotonic(), time.process_time()
    try:
        with counted_traffic() as traffic:
            outcome = _scan(task)
    except NO_LOGIN:
        raise
    except Exception as error:
        return FailedGranule(granule=task.granule, error=describe_error(error))
    if isinstance(outcome, FailedGranule):
        return outcome
    cost = ScanCost(
        requests=traffic.requests,
        bytes=traffic.bytes,
        cpu=time.process_time() - cpu,
        wall=time.monotonic() - wall,
    )
    return replace(outcome, cost=cost)


def _scan(task: ScanTask) -> Outcome:
    from catalog_builder.beams.references.kerchunk_writer import write_references
    from catalog_builder.beams.scanning.scan import scan
    from catalog_builder.siblings.sibling_scan import scan_sibling

    scanned = (scan_sibling if task.links.is_sibling else scan)(task.links, task.access)
    if scanned.granule != task.granule:
        error = f"The file there is another granule, {scanned.granule}."
        return FailedGranule(granule=task.granule, error=error)
    if not scanned.beams:
        return FailedGranule(granule=task.granule, error="It holds no photon.")
    # The same address whichever way it was read: a rescan must give the same bytes.
    href = task.links.s3 or task.links.https or scanned.href
    references = write_references(
        {b: replace(scanned.beams[b], href=href) for b in BEAMS if b in scanned.beams}
    )
    beams: dict[Beam, dict[str, Any]] = {}
    for beam in scanned.photons:
        spot, track = scanned.spots[beam], scanned.tracks.get(beam)
        frame = references.frames.get(beam)
        beams[beam] = {
            "strength": scanned.strengths[beam],
            **({"spot": spot} if spot else {}),
            "photons": scanned.photons[beam],
            **({"track": [list(point) for point in track]} if track else {}),
            **({"references": frame.to_dict()} if frame else {}),
        }
    return ScannedGranule(
        granule=task.granule,
        references=references.body,
        beams=beams,
        orientation=scanned.orientation,
    )


def describe_error(error: Exception) -> str:
    """An error as one line; one that is not of this package with the name of its class."""
    text = " ".join(str(error).split())
    if isinstance(error, CatalogBuilderError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
