"""The limits of an answer: bytes for each kind, inflated, and how slowly it may come.

Each kind has some three times what the largest real answer of it takes, so that one of 22 kB that
inflates to gigabytes is cut off early. A range has no limit of its own: it has the bytes that were
asked for, and one more ends it.
"""

from __future__ import annotations

import os
from typing import Final

from catalog_builder.errors import AccessError

CMR_PAGE: Final = 64 * 2**20
"""A page of 2,000 records: 6.3 MB of ATL03 in the cloud (1,408 real records of 3.1 kB), 24 MB of
on-premises records with their 35 images (12 kB)."""

STAC_PAGE: Final = 16 * 2**20
"""A page of 100 items of a STAC API, at most some 50 kB each."""

DOCUMENT: Final = 32 * 2**20
"""A file of a catalog: ``catalog.json``, ``catalog.yml``, a collection, an item, a schema. An
item takes 6 to 20 kB, the page of a day 30 kB, ``build-report.json`` 10 MB with 50,000 records
left out."""

LOGIN: Final = 2**20
"""A token, S3 keys, or the page that says why not, of 10 kB."""

REFERENCES: Final = 32 * 2**20
"""References of a granule: 16 MiB inflated for the longest granules."""

S3_ANSWER: Final = 4 * 2**20
"""What S3 answers but for an object: an error of 1 kB, a page of 1,000 names of at most 1 kB."""

INDEX: Final = 512 * 2**20
"""``items.parquet`` whole, of a host that serves no parts: 370 MB for 500,000 granules."""

SLOWEST: Final = 32 * 2**10
"""Bytes a second that an answer brings at least, after the first seconds."""

TIMEOUT_VARIABLE: Final = "CATALOG_BUILDER_TIMEOUT"
"""Environment variable with the seconds that a server may be silent."""

_USUAL_SECONDS: Final = 60.0
_CONNECT: Final = 10.0


class SlowServerError(TimeoutError):
    """A server was silent, or so slow that its answer may never end; the text says how long."""


def seconds_of_silence() -> float:
    """Seconds that a server may be silent, and that an answer may take however short it is.

    60, or what ``CATALOG_BUILDER_TIMEOUT`` says. Raises
    :class:`~catalog_builder.errors.AccessError` where that is no number of seconds.
    """
    text = os.environ.get(TIMEOUT_VARIABLE, "").strip()
    if not text:
        return _USUAL_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.01 <= seconds <= 86_400:
        raise AccessError(
            f"{TIMEOUT_VARIABLE} = {text!r} is no number of seconds from 0.01 to 86400: such as "
            f"{_USUAL_SECONDS:.0f}, which holds where it is not set."
        )
    return seconds


def timeouts() -> tuple[float, float]:
    """Seconds to connect, and between two bytes of an answer."""
    silence = seconds_of_silence()
    return min(_CONNECT, silence), silence


def require_pace(count: int, waited: float, silence: float) -> None:
    """Raise SlowServerError where an answer that brought ``count`` bytes comes too slowly.

    ``waited`` is the seconds in which it was waited for.
    """
    if waited > silence + count / SLOWEST:
        raise SlowServerError(f"only {count:,} bytes came in {waited:.3g} s")
