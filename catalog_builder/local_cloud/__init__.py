"""A cloud on this machine: stand-ins for CMR, Earthdata Login, a data service and S3.

It speaks their HTTP and holds granules of a simulated ICESat-2, or records it is given, so that
everything can be tried with no network and no account. It imports nothing else of the package,
so that it cannot share its mistakes.
"""

from __future__ import annotations

from catalog_builder.local_cloud.cloud import LocalCloud
from catalog_builder.local_cloud.faults import Faults
from catalog_builder.local_cloud.world import World

__all__ = ["Faults", "LocalCloud", "World"]
