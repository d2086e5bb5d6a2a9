"""The layout of a beam's group: every dataset's type, fill value and attributes.

The table beside this module lists those of the product's data dictionary, as found in a real
release 006 file; release 007 adds one dataset and stores photons in larger chunks.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from earthdata_standin.product import Release

SURFACES: Final = ("land", "ocean", "sea_ice", "land_ice", "inlandwater")
"""Surface types in the product's order: columns of ``signal_conf_ph``, and groups of their own."""

SEGMENT_CHUNK: Final = 10_000
PHOTON_CHUNK: Final = {"006": 10_000, "007": 100_000}
"""Rows in a chunk; everything but photons has :data:`SEGMENT_CHUNK` in both releases."""

PAGE_SIZE: Final = 8 * 2**20
"""Bytes in a page of a release 007 file; release 006 files have none."""

_ATTRIBUTES = ("contentType", "coordinates", "long_name", "source", "standard_name", "units")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One dataset of a beam."""

    group: str
    """Below the beam's group: ``heights``, ``signal_find_output/ocean``."""
    name: str
    dtype: np.dtype[Any]
    columns: int | None
    """Length of a second dimension, where there is one."""
    fill: Any
    """Value of places that hold nothing; None where the product defines none."""
    attributes: dict[str, Any]
    """Strings, and numbers in the dataset's own type."""
    chunk: int
    """Rows in a chunk."""

    @property
    def path(self) -> str:
        """Group and name."""
        return f"{self.group}/{self.name}"


@cache
def beam_variables(release: Release) -> tuple[Variable, ...]:
    """All datasets of a beam, in the order in which they are stored."""
    table = Path(__file__).with_name("atl03_layout.csv")
    found = []
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            variable = _variable(row, release)
            if "*" in variable.group:
                found += [
                    replace(variable, group=variable.group.replace("*", surface))
                    for surface in SURFACES
                ]
            elif release == "007" or variable.name != "signal_class_ph":
                found.append(variable)
    return tuple(sorted(found, key=lambda variable: variable.path))


def _variable(row: dict[str, str], release: Release) -> Variable:
    group, _, name = row["path"].rpartition("/")
    dtype = np.dtype(row["dtype"])
    attributes: dict[str, Any] = {key: row[key] for key in _ATTRIBUTES if row[key]}
    for key in ("valid_min", "valid_max"):
        if row[key]:
            attributes[key] = dtype.type(row[key])
    if row["flag_values"]:
        attributes["flag_values"] = np.array(row["flag_values"].split(), dtype=dtype)
        attributes["flag_meanings"] = row["flag_meanings"]
    return Variable(
        group=group,
        name=name,
        dtype=dtype,
        columns=int(row["columns"]) if row["columns"] else None,
        fill=_fill(name, dtype) if row["fill"] else None,
        attributes=attributes,
        chunk=PHOTON_CHUNK[release] if group == "heights" else SEGMENT_CHUNK,
    )


def _fill(name: str, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return np.finfo(dtype).max
    return dtype.type(127 if name == "dem_flag" else 0)
