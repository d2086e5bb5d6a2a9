"""Reads rows and attributes of HDF5 datasets as NumPy arrays and Python values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.hdf5_objects import (
    damage_as_access_error,
    file_name,
    require_inside,
)
from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    MOST_CHUNKS,
    UNWRITTEN,
    most_bytes,
)
from catalog_builder.errors import AccessError, CatalogBuilderError

if TYPE_CHECKING:
    import h5py

    from catalog_builder.beams.read.row_slices import RowSlices

# Attributes of HDF5's dimension scales: references into the file, meaningless outside it.
_DIMENSION_SCALE = frozenset(
    {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates"}
)


def read_rows(dataset: h5py.Dataset, rows: RowSlices) -> NDArray[Any]:
    """These rows of a dataset, one after another, values as stored.

    Slices less than a chunk apart are read at once: the rows between them are inflated anyway.
    Raises :class:`~catalog_builder.errors.AccessError` where the bytes cannot be decoded, or are
    too few for the values, and
    :class:`~catalog_builder.errors.ForeignDataError` where they lie in another file.
    """
    require_inside(dataset)
    require_rows(dataset, rows)
    with damage_as_access_error(dataset, ""):
        out = np.empty((rows.rows, *dataset.shape[1:]), dtype=dataset.dtype)
    filled = 0
    for start, stop in rows.joined(dataset.chunks[0] if dataset.chunks else 0):
        inside = rows.within(start, stop)
        upto = filled + inside.rows
        try:
            if len(inside) == 1:
                dataset.read_direct(out, np.s_[start:stop], np.s_[filled:upto])
            else:
                out[filled:upto] = dataset[start:stop][inside.numbers() - start]
        except CatalogBuilderError:
            raise
        except (MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
            # HDF5's own: a chunk that does not inflate, or is not there
            raise AccessError(
                f"{dataset.name} of {file_name(dataset)}, rows {start} to {stop}, cannot be read: "
                f"{error}. The file is damaged."
            ) from error
        filled = upto
    return out


def require_rows(dataset: h5py.Dataset, rows: RowSlices) -> None:
    """Raise unless the dataset has these rows, and the bytes stored can fill them.

    Raises :class:`~catalog_builder.errors.AccessError`. The stored bytes are looked up only where
    the rows take more than those of any known dataset.
    """
    with damage_as_access_error(dataset, ""):
        length = dataset.shape[0]
        chunks = dataset.chunks or dataset.shape
        across = math.prod(dataset.shape[1:]) * dataset.dtype.itemsize
        count = math.prod(-(-n // max(c, 1)) for n, c in zip(dataset.shape, chunks, strict=True))
        most = _most_bytes(dataset) if rows.rows * across > UNWRITTEN else UNWRITTEN
    if len(rows) and rows.stop[-1] > length:
        wrong = f"has {length} rows, but {rows.stop[-1]} are expected"
    elif count > MOST_CHUNKS:
        wrong = f"claims {count} chunks, more than any granule has"
    elif rows.rows * across > most:
        wrong = f"claims {rows.rows * across} bytes of values, more than its stored bytes can hold"
    else:
        return
    raise AccessError(f"{dataset.name} of {file_name(dataset)} {wrong}: the file is damaged.")


def _most_bytes(dataset: h5py.Dataset) -> int:
    """Most bytes of values to which the stored bytes of a dataset can inflate."""
    from h5py import h5z

    made = dataset.id.get_create_plist()
    filters = [made.get_filter(k)[0] for k in range(made.get_nfilters())]
    stored = int(dataset.id.get_storage_size())
    written = UNWRITTEN + stored
    if dataset.chunks is not None:
        chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize
        written = UNWRITTEN + int(dataset.id.get_num_chunks()) * chunk
    if {*filters} <= {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}:
        deflated = [DEFLATE] * filters.count(h5z.FILTER_DEFLATE)
        return min(written, UNWRITTEN + most_bytes(stored, deflated))
    return written


def read_attributes(dataset: h5py.Dataset) -> dict[str, Any]:
    """Attributes of a dataset or group, text decoded, without references to other datasets.

    Raises :class:`~catalog_builder.errors.AccessError` where it is damaged.
    """
    with damage_as_access_error(dataset, ""):
        return {
            key: decode_attribute(dataset.attrs[key])
            for key in dataset.attrs
            if key not in _DIMENSION_SCALE
        }


def read_attribute(at: h5py.Group | h5py.Dataset, name: str, default: str) -> Any:
    """One attribute that has one value, text decoded, without the blanks that Fortran pads with.

    Raises :class:`~catalog_builder.errors.AccessError` where it is damaged.
    """
    with damage_as_access_error(at, ""):
        if name not in at.attrs:
            return default
        value = only_value(decode_attribute(at.attrs[name]))
    return value.rstrip(" ") if isinstance(value, str) else value


def only_value(value: Any) -> Any:
    """The value of an array of one element; some writers of HDF5 (R's) make one of each value."""
    alone = isinstance(value, list | np.ndarray) and np.size(value) == 1
    if not alone:
        return value
    only = np.ravel(value)[0]
    return only.item() if isinstance(only, np.generic) else only


def read_fill_value(dataset: h5py.Dataset) -> Any:
    """Value of the rows that were never written; that of memory, 0, where none is defined.

    Raises :class:`~catalog_builder.errors.AccessError` where it is damaged.
    """
    from h5py import h5d

    with damage_as_access_error(dataset, ""):
        defined = dataset.id.get_create_plist().fill_value_defined()
        if defined == h5d.FILL_VALUE_UNDEFINED:
            return np.zeros((), dataset.dtype)[()]
        return dataset.fillvalue


def decode_attribute(value: Any) -> Any:
    """An HDF5 attribute as a Python value: str for bytes, a list of str for arrays of bytes."""
    if isinstance(value, bytes):  # numpy.bytes_ too
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO":
        return [decode_attribute(one) for one in value.ravel().tolist()]
    return value
