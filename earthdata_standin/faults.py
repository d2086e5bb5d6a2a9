"""Faults of the stand-in: what goes wrong, on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Countdown = Literal[
    "retry_after",
    "unavailable",
    "timed_out",
    "truncate",
    "not_json",
    "stac_unavailable",
    "stac_truncate",
    "stac_not_json",
    "object_unavailable",
    "object_truncate",
    "harmony_fails",
]


@dataclass(slots=True, kw_only=True)
class Faults:
    """Misbehaviour of the services; may be changed while they run.

    An ``int`` counts answers: so many of the next ones fail, then all is well again.
    """

    # CMR
    short_pages: bool = False
    """Pages hold fewer items than requested although more follow, as CMR's do."""
    retry_after: int = 0
    """Answers 429, with a ``Retry-After`` of :attr:`retry_after_seconds`."""
    retry_after_seconds: int = 1
    unavailable: int = 0
    """Answers 503."""
    timed_out: int = 0
    """Answers 200 with a part of the page only and ``CMR-Timed-Out: true``."""
    truncate: int = 0
    """Answers that break off in the middle."""
    not_json: int = 0
    """Answers 200 with a page of HTML."""
    loose_search: bool = True
    """Space is searched by the box of the ring as written, so one that crosses ±180 is found all
    around the globe: so answered NASA's CMR when 1,408 real records were kept. False: by the box
    that the ring really spans."""
    restricted: set[str] = field(default_factory=set)
    """Concept ids of collections that are hidden from whoever sends no token."""

    # The STAC API
    stac_unavailable: int = 0
    """Answers 503."""
    stac_truncate: int = 0
    """Answers that break off in the middle."""
    stac_not_json: int = 0
    """Answers 200 with a page of HTML."""

    # Earthdata Login
    key_lifetime: float = 3600.0
    """Seconds that S3 keys live."""
    link_lifetime: float = 3600.0
    """Seconds that a signed download link lives."""
    eula_pending: bool = False
    """The user has not accepted the data centre's agreement: 403 with where to do so."""
    html_login: bool = False
    """A login is answered 200 with a page for people, as an expired one may be."""
    redirect_status: Literal[302, 307] = 302
    """Style of the login redirects: 302 as Thin Egress App, 307 as Cumulus' s3credentials."""

    # Files, over S3 and HTTPS
    in_region: bool = True
    """Whether the client is where the buckets are; S3 refuses it otherwise."""
    latency: float = 0.0
    """Seconds before each answer."""
    bandwidth: float | None = None
    """Bytes per second and connection; None for as fast as it goes."""
    object_unavailable: int = 0
    """Answers 503 ``SlowDown``."""
    object_truncate: int = 0
    """Files that break off in the middle."""

    # Harmony
    harmony_fails: int = 0
    """Granules that cannot be processed."""

    # CMR and Earthdata Login
    slow: float = 0.0
    """Seconds before each answer."""

    def take(self, name: Countdown) -> bool:
        """Whether this answer is to fail so; counts it."""
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True
