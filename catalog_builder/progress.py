"""How long work tells its caller where it stands: the library reports, the caller draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a piece of work stands."""

    stage: str
    """What is being done, in a few words: ``reading CMR``."""
    done: int
    """Units finished."""
    total: int | None = None
    """Units in all; None where that is not known."""


Reporter = Callable[[Progress], None]
"""Called with each step; must return quickly and not raise."""
