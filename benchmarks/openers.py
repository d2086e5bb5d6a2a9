"""Every way of opening a beam that the benchmark compares, each as its own manual shows it.

A reader gives arrays of whole datasets or of some rows, and a first Dataset with nothing loaded.
Clients (sessions, stores, filesystems) are made once in a process, as in a user's notebook; the
granule is opened anew for each task. Paths are those below the beam's group: ``heights/h_ph``.
"""

from __future__ import annotations

from typing import Final

from benchmarks.hdf5_openers import (
    earthaccess_style,
    h5coro,
    s3fs_blockcache,
    s3fs_default,
    whole_download,
)
from benchmarks.hidefix_openers import hidefix
from benchmarks.our_openers import ours, ours_arrays, ours_without
from benchmarks.reader import Opener
from benchmarks.zarr_openers import kerchunk_zarr, virtualizarr_zarr

OPENERS: Final[dict[str, Opener]] = {
    "ours, references": ours,
    "ours, arrays only": ours_arrays,
    "ours, h5py": ours_without,
    "h5coro": h5coro,
    "hidefix with saved index": hidefix,
    "kerchunk + zarr": kerchunk_zarr,
    "VirtualiZarr + zarr": virtualizarr_zarr,
    "s3fs blockcache": s3fs_blockcache,
    "earthaccess style": earthaccess_style,
    "whole download": whole_download,
    "s3fs default": s3fs_default,
}
"""By the name in the table."""
