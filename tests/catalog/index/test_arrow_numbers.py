"""Numbers between Arrow and numpy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from catalog_builder.catalog.index.arrow_numbers import to_arrow, to_numpy


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float64()])
def test_numbers_come_as_they_are(kind: pa.DataType) -> None:
    whole = pa.array(range(10), kind)
    for numbers in (whole, whole.slice(3, 4), whole.slice(0, 0)):
        assert to_numpy(numbers).tolist() == numbers.to_pylist()
    pieces = pa.chunked_array([whole.slice(2, 3), whole.slice(7)])
    assert to_numpy(pieces).tolist() == pieces.to_pylist()
    assert to_numpy(pa.chunked_array([], kind)).tolist() == []


def test_integers_go_as_they_are() -> None:
    numbers = np.arange(20, dtype=np.int32)[::-3]
    assert to_arrow(numbers).equals(pa.array(numbers.tolist(), pa.int64()))
    assert to_arrow([]).equals(pa.array([], pa.int64()))


def test_pandas_is_not_needed() -> None:
    code = (
        "import sys, pyarrow as pa; from catalog_builder.catalog.index.arrow_numbers import *;"
        "to_numpy(to_arrow([1, 2])); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
