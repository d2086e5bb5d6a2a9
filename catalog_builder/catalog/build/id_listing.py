"""All ids and revisions that CMR lists, held against those of an index, as columns."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.catalog.cmr.response import References


class IdListing:
    """What is in CMR, and what of it is in an index."""

    def __init__(self, references: Iterable[References], index: pq.ParquetFile) -> None:
        """Reads all of both."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = ["id", "cmr:concept_id", "cmr:revision_id"]
        with ThreadPoolExecutor(1) as beside:
            reading = beside.submit(index.read, columns=columns)
            pages = [
                (pa.array(page.concept_ids, pa.string()), np.array(page.revision_ids, np.int64))
                for page in references
            ]
            table = reading.result()
        self._listed = pa.concat_arrays([pa.array([], pa.string()), *(ids for ids, _ in pages)])
        revisions = np.concatenate([np.empty(0, np.int64), *(numbers for _, numbers in pages)])
        del pages
        concepts = table["cmr:concept_id"].combine_chunks()
        place = pc.index_in(self._listed, value_set=concepts)
        listed = place.is_valid().to_numpy(zero_copy_only=False)
        rows = place.drop_null().to_numpy()
        gone = np.ones(len(concepts), dtype=bool)
        gone[rows] = False
        self.gone: list[str] = table["id"].filter(pa.array(gone)).to_pylist()
        """Ids of the granules in the index whose records are in CMR no longer."""
        have = np.full(len(self._listed), -1)
        have[listed] = table["cmr:revision_id"].to_numpy()[rows]
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
