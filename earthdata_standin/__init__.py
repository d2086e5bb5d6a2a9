"""A cloud on this machine: stand-ins for CMR, Earthdata Login, a data service and S3.

It speaks their HTTP and holds granules of a simulated ICESat-2, or records it is given, so that
everything can be tried with no network and no account. It imports nothing else of the package,
so that it cannot share its mistakes.
"""

from __future__ import annotations

from earthdata_standin.faults import Faults
from earthdata_standin.standin import EarthdataStandin
from earthdata_standin.world import World

__all__ = ["EarthdataStandin", "Faults", "World"]
