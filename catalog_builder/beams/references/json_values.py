"""HDF5 attributes and fill values as JSON, and back with their types."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from catalog_builder.errors import ReferencesError

_NUMBER: Final = re.compile(r"[<>|=]?[biuf](?:1|2|4|8|16)")


def pack_attributes(owner: str, attrs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Convert attributes to JSON; also gives the types of those that JSON would lose.

    Raises :class:`~catalog_builder.errors.ReferencesError` where one, of ``owner``, is of a type
    that cannot be kept.
    """
    plain, types = {}, {}
    for name, value in attrs.items():
        if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biuf":
            types[name] = value.dtype.str
        elif not _is_text(value):
            raise ReferencesError(
                f"{owner}: attribute {name} is of {type(value).__name__}, which a reference set "
                "cannot keep: this beam has to be read through h5py."
            )
        plain[name] = to_json(value)
    return plain, types


def unpack_attributes(attrs: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """Undo :func:`pack_attributes`.

    Raises :class:`~catalog_builder.errors.ReferencesError` for an unknown type, and NumPy's error
    for values that do not fit their type.
    """
    return {
        name: from_json(value, _number_type(types[name])) if name in types else value
        for name, value in attrs.items()
    }


def _number_type(text: str) -> np.dtype[Any]:
    if _NUMBER.fullmatch(text) is None:
        raise ReferencesError(f"{text[:40]!r} is no type of numbers.")
    return np.dtype(text)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(map(_is_text, value)))


def to_json(value: Any) -> Any:
    """A value in JSON's types; NaN and the infinities by their names in Zarr."""
    if isinstance(value, np.ndarray):
        return [to_json(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value


def from_json(value: Any, dtype: np.dtype[Any]) -> Any:
    """Undo :func:`to_json` for a scalar or an array of this type."""
    if dtype.kind == "S":
        return np.bytes_(value.encode("latin-1"))
    if isinstance(value, str):
        value = float(value)
    made = np.array(value, dtype)
    return made if isinstance(value, list) else made[()]
