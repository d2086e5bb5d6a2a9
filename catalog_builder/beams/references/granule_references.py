"""The references of a granule's beams together, and their hand-over as a table of chunks.

The table is a chunk manifest as englacial/zagg keeps it for a granule
(https://github.com/englacial/zagg, ``docs/virtual_index.md``): other readers of chunks, such as
h5coro-hidefix, take their index from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    SHUFFLE,
    BeamReferences,
    DatasetReferences,
)
from catalog_builder.products.atl03 import Beam

if TYPE_CHECKING:
    import os

    import pyarrow as pa

_EXPRESSIBLE: Final = ((), (SHUFFLE,), (DEFLATE,), (SHUFFLE, DEFLATE))
"""Filters that two flags can tell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranuleReferences:
    """The references of a granule's beams, or of some of them."""

    beams: Mapping[Beam, BeamReferences]
    """Beams that hold a photon."""
    empty: tuple[Beam, ...] = ()
    """Beams that are in the file and hold no photon. The file has no further beams."""

    def to_manifest(self, path: str | os.PathLike[str] | None = None) -> pa.Table:
        """Make a table of all stored chunks, and write it as Parquet where a path is given.

        One row a chunk, sorted by ``dataset`` and ``chunk_idx``:

        ===========================  ========================================================
        ``dataset``                  path in the file: ``/gt1l/heights/h_ph``
        ``chunk_idx``                number in the grid of chunks, in C order
        ``elem_start, elem_end``     rows: first, and the one after the last
        ``byte_offset, nbytes``      where the chunk lies in the file, as stored
        ``filter_mask``              bit k is set where filter k was left out
        ``chunk_offset``             its first element along each dimension, a JSON list
        ``dtype``                    as NumPy writes it, with the byte order: ``<f4``
        ``shape, chunk_shape``       of the dataset and of every chunk, JSON lists
        ``gzip, shuffle``            which filters the dataset has
        ===========================  ========================================================

        A contiguous dataset is one chunk. Left out are chunks that were never written, and
        datasets of which the table cannot tell how they are stored: text, values inside headers,
        other filters, or filters in another order.
        """
        import pyarrow as pa

        parts = [
            _rows(f"/{beam}/{name}", self.beams[beam].datasets[name])
            for beam in sorted(self.beams)
            for name in sorted(self.beams[beam].datasets)
        ]
        table = pa.Table.from_batches(
            [pa.RecordBatch.from_pydict(part, schema=_schema()) for part in parts if part],
            schema=_schema(),
        )
        if path is not None:
            import pyarrow.parquet as pq

            pq.write_table(table, path)
        return table


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("dataset", pa.string()),
            *(
                (name, pa.int64())
                for name in (
                    "chunk_idx",
                    "elem_start",
                    "elem_end",
                    "byte_offset",
                    "nbytes",
                    "filter_mask",
                )
            ),
            *((name, pa.string()) for name in ("chunk_offset", "dtype", "shape", "chunk_shape")),
            ("gzip", pa.bool_()),
            ("shuffle", pa.bool_()),
        ]
    )


def _rows(path: str, dataset: DatasetReferences) -> dict[str, Any] | None:
    """The columns of a dataset's chunks; None where the table cannot have it."""
    if (
        dataset.inline is not None
        or dataset.dtype.kind == "S"
        or not dataset.supported
        or dataset.filters not in _EXPRESSIBLE
    ):
        return None
    number = np.flatnonzero(dataset.sizes)
    places = np.unravel_index(number, dataset.grid)
    offsets = np.stack(places, axis=1) * np.array(dataset.chunk_shape)
    count = len(number)
    return {
        "dataset": [path] * count,
        "chunk_idx": number,
        "elem_start": offsets[:, 0],
        "elem_end": np.minimum(offsets[:, 0] + dataset.chunk_shape[0], dataset.shape[0]),
        "byte_offset": dataset.offsets[number].astype(np.int64),
        "nbytes": dataset.sizes[number].astype(np.int64),
        "filter_mask": dataset.filter_masks[number].astype(np.int64),
        "chunk_offset": [orjson.dumps(one).decode() for one in offsets.tolist()],
        "dtype": [dataset.dtype.str] * count,
        "shape": [orjson.dumps(dataset.shape).decode()] * count,
        "chunk_shape": [orjson.dumps(dataset.chunk_shape).decode()] * count,
        "gzip": [DEFLATE in dataset.filters] * count,
        "shuffle": [SHUFFLE in dataset.filters] * count,
    }
