"""What every opener of the benchmark gives, and where the benchmark's files lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.granules import BUCKET, CATALOG, WINDOW, Granule

Arrays = dict[str, NDArray[Any]]
Rows = tuple[int, int] | None
"""First row and end; None for all."""
HEIGHTS: Final = "heights"
FOUR: Final = tuple(f"{HEIGHTS}/{name}" for name in ("h_ph", "lat_ph", "lon_ph", "dist_ph_along"))
"""The variables of the classic notebook."""
KERCHUNK: Final = ".kerchunk.json"
REFERENCES: Final = ".json.zst"
FRAME: Final = ".frame.json"
"""Beside the reference file: where the frame of the beam lies in it."""
PUBLISHED: Final = "first"
"""Folder at the catalog's host with a catalog, as a build publishes it, of the large granules."""
LAZY: Final[dict[str, Any]] = {"decode_times": False, "create_default_indexes": False}
"""For xarray: else it loads ``delta_time``, as an index of the dimension of that name."""
_numbers = count()


class Reader(Protocol):
    """An open granule."""

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        """Arrays of datasets of the beam, all rows or some."""

    def window(self) -> Arrays:
        """Arrays of the four variables in the window."""

    def first_dataset(self) -> Any:
        """An xarray Dataset of the photons with nothing loaded."""


Opener = Callable[[Granule], AbstractContextManager[Reader]]


def s3_href(granule: Granule) -> str:
    """The granule's address in the far store."""
    return f"s3://{BUCKET}/{granule.key}"


def catalog_href(path: Path) -> str:
    """The address of a file at the catalog's host: a new one each time, so that none is known."""
    return f"{endpoint()}/{CATALOG}/{path.name}?{next(_numbers)}"


def endpoint() -> str:
    """The far store's URL."""
    return os.environ["AWS_ENDPOINT_URL_S3"]


class RowReader:
    """A window as a careful user of arrays finds it: by segment, then exactly."""

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        """As :meth:`Reader.read`; each kind of reader has its own."""
        raise NotImplementedError

    def window(self) -> Arrays:
        """Read the segments near the window, then the photons of those segments."""
        names = ("reference_photon_lat", "segment_ph_cnt", "ph_index_beg")
        lat, count, first = self.read([f"geolocation/{name}" for name in names]).values()
        west, south, east, north = WINDOW
        near = np.flatnonzero((count > 0) & (lat > south - 0.02) & (lat < north + 0.02))
        rows = int(first[near[0]]) - 1, int(first[near[-1]]) - 1 + int(count[near[-1]])
        arrays = self.read(FOUR, rows)
        lat, lon = arrays[f"{HEIGHTS}/lat_ph"], arrays[f"{HEIGHTS}/lon_ph"]
        inside = (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
        return {path: values[inside] for path, values in arrays.items()}
