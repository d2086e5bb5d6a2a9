"""Which rows of the index form a group: those of one part of the Earth and one time.

The index is written and read by groups, so where they begin decides what a search reads, and what
a rebuild writes anew. Borders depend on nothing but the rows of the group itself and how many
there are around it: a new granule changes the group that it is in, and no other.

Every row lies in a cell, numbered as rows are sorted: region, then year, then how far west. All
cells together are halved, and the halves again, until no part has more than :data:`MOST_ROWS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.index.arrow_numbers import to_numpy

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS: Final = 2000
"""Rows of a group. Of more, a search by place reads too much geometry; of fewer, the footer is the
longer part."""

_SLICES: Final = 256
"""Parts of the circle of longitudes, from west to east."""

_YEARS: Final = 64
_FIRST_YEAR: Final = 2000
_REGIONS: Final = 16

_CELLS: Final = _REGIONS * _YEARS * _SLICES

Cells = NDArray[np.int64]
CellOrCells = TypeVar("CellOrCells", int, Cells)


class Group(NamedTuple):
    """Some cells, and the rows in them."""

    low: int
    """First of the cells."""
    high: int
    """The one after the last."""
    rows: int

    @property
    def part(self) -> int:
        """Region and year of its first cell, as one number."""
        return part_of(self.low)


def cell_of(region: int, year: int, west: float) -> int:
    """Cell of a row; ``west`` is in degrees, -180 to 180."""
    slot = min(int((west + 180.0) * (_SLICES / 360.0)), _SLICES - 1)
    return (region * _YEARS + year - _FIRST_YEAR) * _SLICES + slot


def part_of(cell: CellOrCells) -> CellOrCells:
    """Region and year of a cell, as one number: rows of one part are kept side by side."""
    return cell // _SLICES


def cells_of(rows: pa.Table) -> Cells:
    """:func:`cell_of` each row; of the columns region, start and box."""
    import pyarrow.compute as pc

    region = to_numpy(rows["icesat2:region"])
    year = to_numpy(pc.year(rows["start_datetime"]))
    west = to_numpy(pc.struct_field(rows["bbox"], "xmin"))
    slot = np.minimum(((west + 180.0) * (_SLICES / 360.0)).astype(np.int64), _SLICES - 1)
    cells: Cells = (region * _YEARS + year - _FIRST_YEAR) * _SLICES + slot
    return cells


def group(cells: Cells, rows: NDArray[np.int64]) -> Iterator[Group]:
    """The groups of an index, in their order, from the sorted cells that hold rows.

    ``rows`` says how many each holds. A cell with more than :data:`MOST_ROWS` is a group of its
    own.
    """
    upto = np.concatenate(([0], np.cumsum(rows)))

    def halved(low: int, high: int) -> Iterator[Group]:
        first, last = np.searchsorted(cells, (low, high))
        held = int(upto[last] - upto[first])
        if held > MOST_ROWS and high - low > 1:
            middle = (low + high) // 2
            yield from halved(low, middle)
            yield from halved(middle, high)
        elif held:
            yield Group(low, high, held)

    return halved(0, _CELLS)
