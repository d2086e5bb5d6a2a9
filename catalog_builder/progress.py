"""Progress of long work: the library reports it, the caller shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task has come."""

    stage: str
    """What is being done, in a few words: ``reading CMR``."""
    done: int
    """Units finished."""
    total: int | None = None
    """Units in all; None where that is not known."""
    bytes_done: int | None = None
    """Bytes read for them; None where bytes are not counted."""
    bytes_total: int | None = None
    """Bytes in all, as far as is known by now."""


Reporter = Callable[[Progress], None]
"""Called with each step; must return quickly and not raise."""


def bytes_text(count: float) -> str:
    """Bytes as people read them: ``21.0 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
