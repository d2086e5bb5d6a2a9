"""All ids and revisions that CMR lists, held against those of an index, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.cmr_answer import Reference

_AT_ONCE: Final = 10_000
"""References held as objects at a time."""


class IdListing:
    """What is in CMR, and what of it is in an index."""

    def __init__(self, references: Iterable[Reference], index: pq.ParquetFile) -> None:
        """Reads all of both."""
        import pyarrow as pa
        import pyarrow.compute as pc

        pieces = list(_columns(references))
        self._listed = pa.concat_arrays([pa.array([], pa.string()), *(c for c, _ in pieces)])
        revisions = np.concatenate([np.empty(0, np.int64), *(r for _, r in pieces)])
        del pieces
        table = index.read(columns=["id", "cmr:concept_id", "cmr:revision_id"])
        concepts = table["cmr:concept_id"].combine_chunks()
        there = pc.is_in(concepts, value_set=self._listed)
        self.gone: list[str] = table["id"].filter(pc.invert(there)).to_pylist()
        """Ids of the granules in the index whose records are in CMR no longer."""
        place = pc.index_in(self._listed, value_set=concepts).to_numpy(zero_copy_only=False)
        known = np.append(table["cmr:revision_id"].to_numpy(), -1)  # at -1: of those not there
        have = known[np.where(np.isnan(place), -1, place).astype(np.intp)]
        behind = np.flatnonzero(have < revisions)
        self.behind: list[tuple[str, int]] = list(
            zip(self._listed.take(behind).to_pylist(), revisions[behind].tolist(), strict=True)
        )
        """Concept ids and revisions of the records of which the index has less."""

    def among(self, concepts: Iterable[str]) -> set[str]:
        """Which of these records CMR lists."""
        import pyarrow as pa
        import pyarrow.compute as pc

        asked = pa.array(list(concepts), pa.string())
        return set(asked.filter(pc.is_in(asked, value_set=self._listed)).to_pylist())


def _columns(references: Iterable[Reference]) -> Iterator[tuple[pa.Array, np.ndarray]]:
    import pyarrow as pa

    iterator = iter(references)
    while some := list(islice(iterator, _AT_ONCE)):
        concepts, revisions = zip(*some, strict=True)
        yield pa.array(concepts, pa.string()), np.array(revisions, dtype=np.int64)
