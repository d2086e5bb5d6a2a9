"""Memory that was freed in small pieces goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from catalog_builder.photons.reading.freed_memory import give_back_memory


def resident() -> int:
    """Bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone keeps it")
def test_what_was_freed_among_what_is_kept_is_given_back() -> None:
    # Smaller than what malloc maps by itself, and every second one stays.
    pieces = [np.ones(50_000, np.uint8) for _ in range(4_000)]
    full = resident()
    del pieces[::2]
    give_back_memory()
    assert full - resident() > 2_000 * 50_000 * 0.8
    assert sum(int(piece[0]) for piece in pieces) == 2_000
