"""A beam that holds what HDF5 allows and ATL03 seldom has."""

from __future__ import annotations

import zlib
from pathlib import Path

import h5py
import numpy as np
from small_granule import NAME, SmallBeam, write_granule


def write_odd_granule(folder: Path) -> Path:
    """Write ``gt1l`` with a group ``odd``, every dataset of which is stored in another way."""
    path = write_granule(folder / NAME, gt1l=SmallBeam())
    rng = np.random.default_rng(3)
    numbers = rng.integers(-9, 9, (37, 5))
    with h5py.File(path, "a") as file:
        odd = file.create_group("gt1l/odd")
        odd["contiguous"] = numbers.astype(">i4")
        odd.create_dataset("reserved", (8,), "<f4", fillvalue=2.5)  # in one piece, never written
        odd.create_dataset("big", data=numbers.astype(">f8"), chunks=(8, 2), compression="gzip")
        odd.create_dataset(
            "bytes", data=numbers.astype("i1"), chunks=(10, 5), shuffle=True, compression="gzip"
        )
        odd.create_dataset("truth", data=numbers > 0, chunks=(10, 3), compression="gzip")
        odd.create_dataset("text", data=np.array([b"one", b"three"]))
        padded = h5py.h5t.C_S1.copy()
        padded.set_size(8)
        padded.set_strpad(h5py.h5t.STR_SPACEPAD)
        space = h5py.h5s.create_simple((2,))
        blank = h5py.Dataset(h5py.h5d.create(odd.id, b"padded", padded, space))
        blank[:] = np.array([b"one", b"three"])
        odd.create_dataset("empty", (0, 3), "<i2", maxshape=(None, 3), chunks=(4, 3))
        odd.create_dataset("nothing", (0,), "<i2")
        sparse = odd.create_dataset(
            "sparse", (40,), "<i4", chunks=(10,), compression="gzip", shuffle=True, fillvalue=-7
        )
        sparse[12:15] = [1, 2, 3]
        sparse.attrs["_FillValue"] = np.int32(99)
        nan = odd.create_dataset("nan", data=rng.random(9), chunks=(4,), fillvalue=np.nan)
        nan.attrs["_FillValue"] = np.float64(np.nan)
        nan.attrs["valid_range"] = np.array([-np.inf, np.inf], "<f4")
        nan.attrs["one"] = np.array([3], "u1")
        nan.attrs["words"] = np.array([b"a", b"bc"])
        nan.attrs["sure"] = np.True_
        nan.attrs["largest"] = np.uint64(2**64 - 1)
        odd.create_dataset(
            "checked", data=numbers, chunks=(10, 5), compression="gzip", fletcher32=True
        )
        odd.create_dataset("fast", data=numbers.astype(">i2"), chunks=(9, 3), compression="lzf")
        odd.create_dataset("rounded", data=numbers / 8, chunks=(7, 5), scaleoffset=3)
        odd.create_dataset("words", data=["ab", "c"], dtype=h5py.string_dtype())
        masked = odd.create_dataset(
            "masked", (20,), "<i4", chunks=(10,), compression="gzip", shuffle=True
        )
        values = np.arange(20, dtype="<i4")
        masked.id.write_direct_chunk((0,), values[:10].tobytes(), filter_mask=0b11)
        masked.id.write_direct_chunk((10,), zlib.compress(values[10:].tobytes()), filter_mask=0b01)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((6,))
        made = h5py.h5d.create(odd.id, b"compact", h5py.h5t.STD_I16BE, space, compact)
        h5py.Dataset(made)[:] = np.arange(6)
    return path
