"""Rows and attributes out of an HDF5 dataset, as NumPy and Python have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.hdf5_objects import damage_named, file_name, require_inside
from catalog_builder.errors import AccessError, CatalogBuilderError

if TYPE_CHECKING:
    import h5py

    from catalog_builder.beams.runs import Runs

# HDF5's own book-keeping of dimensions: references into the file, without meaning outside it.
_DIMENSION_SCALE = frozenset(
    {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates"}
)


def read_rows(dataset: h5py.Dataset, rows: Runs) -> NDArray[Any]:
    """These rows of a dataset, one after another, values as stored.

    Runs closer than a chunk are read in one go: what lies between them is inflated anyway.
    Raises :class:`~catalog_builder.errors.AccessError` where the bytes are no data, and
    :class:`~catalog_builder.errors.ForeignDataError` where they lie in another file.
    """
    require_inside(dataset)
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
        except OSError as error:  # HDF5's own: a chunk that does not inflate, or is not there
            raise AccessError(
                f"{dataset.name} of {file_name(dataset)}, rows {start} to {stop}, cannot be read: "
                f"{error}. The file is damaged."
            ) from error
        filled = upto
    return out


def read_attributes(dataset: h5py.Dataset) -> dict[str, Any]:
    """What the dataset says of itself, text decoded, without references to other datasets.

    Raises :class:`~catalog_builder.errors.AccessError` where it is damaged.
    """
    with damage_named(dataset, ""):
        return {
            key: decode_attribute(dataset.attrs[key])
            for key in dataset.attrs
            if key not in _DIMENSION_SCALE
        }


def read_attribute(at: h5py.Group | h5py.Dataset, name: str, default: str) -> Any:
    """One attribute, text decoded.

    Raises :class:`~catalog_builder.errors.AccessError` where it is damaged.
    """
    with damage_named(at, ""):
        return decode_attribute(at.attrs[name]) if name in at.attrs else default


def decode_attribute(value: Any) -> Any:
    """An HDF5 attribute as Python has it: text for bytes, a list of text for arrays of bytes."""
    if isinstance(value, bytes):  # numpy.bytes_ too
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO":
        return [decode_attribute(one) for one in value.ravel().tolist()]
    return value
