"""Compares all ids and revisions in CMR with those of an index, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from catalog_builder.catalog.build.published_rows import damaged_index_refused

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.catalog.cmr.response import References


class IdListing:
    """The ids and revisions in CMR, and how an index differs from them."""

    def __init__(self, references: Iterable[References], index: pq.ParquetFile) -> None:
        """Read both.

        Raises :class:`~catalog_builder.errors.CatalogError` for a damaged index.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = ["id", "cmr:concept_id", "cmr:revision_id"]
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(index.read, columns=columns)
            pages = [
                (pa.array(page.concept_ids, pa.string()), np.array(page.revision_ids, np.int64))
                for page in references
            ]
            with damaged_index_refused():
                table = reading.result()
        self._listed = pa.concat_arrays([pa.array([], pa.string()), *(ids for ids, _ in pages)])
        revisions = np.concatenate([np.empty(0, np.int64), *(numbers for _, numbers in pages)])
        del pages
        concepts = table["cmr:concept_id"].combine_chunks()
        position = pc.index_in(self._listed, value_set=concepts)
        listed = position.is_valid().to_numpy(zero_copy_only=False)
        rows = position.drop_null().to_numpy()
        removed = np.ones(len(concepts), dtype=bool)
        removed[rows] = False
        self.removed: list[str] = table["id"].filter(pa.array(removed)).to_pylist()
        """Ids of the granules in the index whose records are no longer in CMR."""
        have = np.full(len(self._listed), -1)
        have[listed] = table["cmr:revision_id"].to_numpy()[rows]
        newer = np.flatnonzero(have < revisions)
        self.newer: list[tuple[str, int]] = list(
            zip(self._listed.take(newer).to_pylist(), revisions[newer].tolist(), strict=True)
        )
        """Concept ids and revisions of records that the index lacks, or has in older revisions."""

    def among(self, concepts: Iterable[str]) -> set[str]:
        """Those of these concept ids that CMR lists."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = pa.array(list(concepts), pa.string())
        return set(wanted.filter(pc.is_in(wanted, value_set=self._listed)).to_pylist())
