"""Files that the stand-in serves, read by h5py from its disk."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from earthdata_standin import EarthdataStandin


def stored(cloud: EarthdataStandin, granule: str, dataset: str) -> np.ndarray:
    """An array as h5py reads it from the file that the stand-in serves."""
    with h5py.File(file_of(cloud, granule)) as file:
        return file[dataset][...]


def file_of(cloud: EarthdataStandin, granule: str) -> Path:
    (key,) = (key for key in cloud.world.objects if key.endswith(f"{granule}.h5"))
    path = cloud.world.objects.get(key)
    assert isinstance(path, Path)
    return path


EVERYWHERE = (-180, -90, 180, 90)
