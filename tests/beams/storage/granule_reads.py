"""Reads of a stored granule, held against what was written into it."""

from __future__ import annotations

import time

import numpy as np

from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from earthdata_standin import EarthdataStandin

VALUES = 1_300_000


def read_all(links: GranuleLinks, access: Access) -> str:
    """Read a granule to its end and compare it with what was written; the address read."""
    with open_hdf5(links, access) as (file, href):
        for name in ("second", "first"):
            np.testing.assert_array_equal(file[name][:], np.arange(VALUES))
        return href


def read_slowly(links: GranuleLinks, access: Access, seconds: float) -> int:
    """Read at many places of one open file for some seconds; how many reads that were."""
    rounds = 0
    with open_hdf5(links, access) as (file, _):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            start = (rounds * 100_003) % (VALUES - 1000)
            np.testing.assert_array_equal(
                file["first"][start : start + 1000], np.arange(start, start + 1000)
            )
            rounds += 1
            time.sleep(0.05)
    return rounds


def keys_fetched(cloud: EarthdataStandin) -> int:
    return sum(one.path == "/s3credentials" for one in cloud.requests)
