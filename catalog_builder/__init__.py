"""Find and open ICESat-2 ATL03 photons in the cloud."""

from __future__ import annotations

__version__ = "0.1.0"
