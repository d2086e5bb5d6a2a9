"""Partitions of the index, and which of them form a row group: a region, a year, some longitudes.

The index is written and read by row groups, so their borders decide how much a search reads. A new
granule changes only the row group that it belongs to.

Every row belongs to a partition. Partitions are numbered in the order of rows: by region, then
year, then longitude of the western edge. The range of all partitions is halved, and each half
again, until no range has more than :data:`MOST_ROWS` rows; each such range is a row group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS: Final = 2000
"""Most rows of a row group. With more, a search by place reads too much geometry; with fewer, the
footer is the larger part."""

_SLICES: Final = 256
"""Slices of longitude, from west to east."""

_YEARS: Final = 64
_FIRST_YEAR: Final = 2000
_REGIONS: Final = 16

_ALL: Final = _REGIONS * _YEARS * _SLICES

Partitions = NDArray[np.int64]


class RowGroup(NamedTuple):
    """Adjacent partitions, and how many rows they hold."""

    first: int
    stop: int
    """The partition after the last one."""
    rows: int

    @property
    def region_and_year(self) -> int:
        """Region and year of its first partition, as one number."""
        return self.first // _SLICES


def partition_of(region: int, year: int, west: float) -> int:
    """Partition of a row; ``west`` is in degrees, -180 to 180."""
    slot = min(int((west + 180.0) * (_SLICES / 360.0)), _SLICES - 1)
    return (region * _YEARS + year - _FIRST_YEAR) * _SLICES + slot


def partitions_of(rows: pa.Table) -> Partitions:
    """:func:`partition_of` each row, by its region, start and bounding box.

    Raises :class:`~catalog_builder.errors.CatalogError` for a row that lacks one of them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        region = rows["icesat2:region"].to_numpy()
        year = pc.year(rows["start_datetime"]).to_numpy()
        west = pc.struct_field(rows["bbox"], "xmin").to_numpy()
    except pa.ArrowInvalid as error:
        raise CatalogError("An item lacks its region, its start or its bbox.") from error
    slot = np.minimum(((west + 180.0) * (_SLICES / 360.0)).astype(np.int64), _SLICES - 1)
    partitions: Partitions = (region * _YEARS + year - _FIRST_YEAR) * _SLICES + slot
    return partitions


def regions_and_years(partitions: Partitions) -> NDArray[np.int64]:
    """Region and year of each partition, as one number: such rows are staged side by side."""
    return partitions // _SLICES


def split_into_row_groups(partitions: Partitions, rows: NDArray[np.int64]) -> Iterator[RowGroup]:
    """The row groups of an index, in their order, from the sorted partitions that hold rows.

    ``rows`` is the number of rows in each. A partition with more than :data:`MOST_ROWS` is a row
    group of its own.
    """
    before = np.concatenate(([0], np.cumsum(rows)))

    def halved(first: int, stop: int) -> Iterator[RowGroup]:
        begin, end = np.searchsorted(partitions, (first, stop))
        held = int(before[end] - before[begin])
        if held > MOST_ROWS and stop - first > 1:
            middle = (first + stop) // 2
            yield from halved(first, middle)
            yield from halved(middle, stop)
        elif held:
            yield RowGroup(first, stop, held)

    return halved(0, _ALL)
