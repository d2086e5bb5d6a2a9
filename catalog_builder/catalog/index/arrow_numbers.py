"""Numbers between Arrow and numpy, without pandas.

pyarrow's own ways import pandas where it is installed, to see whether something is one of its
objects: 50 MB in a build that has no use for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def to_numpy(numbers: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Numbers without nulls, as they are in Arrow's memory."""
    import pyarrow as pa

    if isinstance(numbers, pa.ChunkedArray):
        numbers = numbers.combine_chunks()
    return np.from_dlpack(numbers)


def to_arrow(numbers: ArrayLike) -> pa.Array:
    """Integers, shape (n,), as 64 bits."""
    import pyarrow as pa

    wide = np.ascontiguousarray(numbers, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(wide), [None, pa.py_buffer(wide)])
