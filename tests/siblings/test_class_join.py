"""The join of rows and photons against loops, for any photons, segments and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.columns.photon_columns import SelectedRows
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.siblings.class_join import SegmentRuns, join_by_place, join_by_segment


@dataclass
class Beam:
    """What a join asks of a beam: a stand-in for a file in memory."""

    arrays: dict[str, Any]
    photons: int

    @property
    def segment_count(self) -> int:
        return len(self.arrays["geolocation/segment_id"])

    def variable(self, path: str) -> str:
        return path

    def read(self, path: str, rows: RowSlices) -> Any:
        return self.arrays[path][rows.numbers()]

    def attributes(self) -> dict[str, str]:
        return {"granule": "granule", "beam": "gt1l"}


segments = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=12)


@given(segments, st.data())
def test_rows_join_as_in_a_loop(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    ids = np.cumsum([step for step, _ in sizes])
    counts = np.array([count for _, count in sizes])
    first = np.cumsum(counts) - counts
    photons = int(counts.sum())
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=photons, max_size=photons)), bool)
    chosen = RowSlices.of_rows(np.flatnonzero(keep).astype(np.int64))
    arrays = {
        "geolocation/segment_id": ids,
        "geolocation/ph_index_beg": np.where(counts > 0, first + 1, 0),
        "geolocation/segment_ph_cnt": counts,
    }
    beam: Any = Beam(arrays, photons)
    rows = SelectedRows(
        beam=beam,
        photons=chosen,
        segments=RowSlices.whole(len(ids)),
        read=lambda path: arrays[path],  # type: ignore[index]
        segment_of=lambda: np.empty(0, np.int64),
    )
    listed = sorted(
        data.draw(
            st.lists(st.tuples(st.integers(0, int(ids[-1]) + 2), st.integers(0, 5)), max_size=15)
        )
    )
    segment = np.array([one for one, _ in listed], np.int32)
    place = np.array([one for _, one in listed], np.int32)
    found = join_by_segment(rows, SegmentRuns.of(segment, place, "a file"))
    expected, without, beyond = {}, 0, 0
    places = {int(one): number for number, one in enumerate(ids)}
    selected = np.flatnonzero(keep).tolist()
    for row, (one, at) in enumerate(listed):
        if one not in places:
            inside = ids[0] <= one <= ids[-1] or len(selected) == photons
            without += inside
        elif not 1 <= at <= counts[places[one]]:
            beyond += 1
        elif (photon := int(first[places[one]]) + at - 1) in selected:
            expected[row] = selected.index(photon)
    joined = np.arange(len(listed))[found.rows].tolist()
    assert dict(zip(joined, found.photons.tolist(), strict=True)) == expected
    assert (found.without_segment, found.beyond) == (without, beyond)
    by_place = join_by_place(rows, np.array([*range(-1, photons + 2)], np.int64))
    assert by_place.beyond == 3
    assert by_place.photons.tolist() == list(range(len(selected)))
    assert (np.arange(photons + 3)[by_place.rows] - 1).tolist() == selected
