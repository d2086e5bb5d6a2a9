"""The ground tracks of beams in rows of an index, as lines on a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.geo.area import Area, moved
from catalog_builder.products.atl03 import BEAMS

if TYPE_CHECKING:
    import pyarrow as pa

TRACKS = BEAM_FACTS
"""Column with the tracks, as ``{beam: {"track": [[lon, lat], ...]}}``."""


class GroundTracks:
    """Tracks of the beams of some rows, in the order of flight.

    Longitudes of a track across ±180 continue beyond it; for tests it is also moved by ±360°.
    """

    def __init__(self, facts: pa.ChunkedArray | pa.Array) -> None:
        lines, rows = zip(*_each_beam(facts), strict=True)
        self._lines: NDArray[np.object_] = np.concatenate(lines)
        self._rows: NDArray[np.int64] = np.concatenate(rows)
        self.known = np.zeros(len(facts), dtype=bool)
        """Rows that have a track, shape (rows,)."""
        self.known[self._rows] = True

    def meet(self, area: Area) -> NDArray[np.bool_]:
        """Rows with at least one track that shares a point with the area, shape (rows,)."""
        import shapely

        found = np.zeros(len(self.known), dtype=bool)
        west, _, east, _ = shapely.bounds(self._lines).reshape(-1, 4).T
        for away in (-360.0, 0.0, 360.0):
            seen = (west + away <= 180) & (east + away >= -180)
            found[self._rows[seen][area.meets(moved(self._lines[seen], away))]] = True
        return found


def _each_beam(facts: pa.ChunkedArray | pa.Array) -> list[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Lines and their rows, beam by beam; a track of one point is a point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: list[tuple[NDArray[Any], NDArray[np.int64]]] = [
        (np.empty(0, dtype=object), np.empty(0, dtype=np.int64))
    ]
    kind = facts.type
    for beam in BEAMS:
        if not pa.types.is_struct(kind) or kind.get_field_index(beam) < 0:
            continue
        of_beam = kind.field(beam).type
        if not pa.types.is_struct(of_beam) or of_beam.get_field_index("track") < 0:
            continue
        tracks = pc.struct_field(facts, [beam, "track"])
        lengths = pc.fill_null(pc.list_value_length(tracks), 0).to_numpy()
        points = pc.list_flatten(pc.list_flatten(tracks)).to_numpy().reshape(-1, 2)
        found.append(_lines(points.astype(np.float64), lengths))
    return found


def _lines(
    points: NDArray[np.float64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Make a line of each track that has points; ``points`` are those of all tracks in turn."""
    import shapely

    rows = np.flatnonzero(lengths)
    lengths = lengths[rows]
    starts = np.cumsum(lengths) - lengths
    turns = np.round(np.diff(points[:, 0], prepend=points[:1, 0]) / 360)
    turns[starts] = 0  # the step from one track to the next does not count
    turns = np.cumsum(turns)
    turns -= np.repeat(turns[starts], lengths)
    lon = points[:, 0] - 360.0 * turns
    vertices = np.column_stack((lon, points[:, 1]))
    made = np.empty(len(rows), dtype=object)
    single = lengths == 1
    made[single] = shapely.points(vertices[starts[single]])
    if not single.all():
        several = np.repeat(~single, lengths)
        numbers = np.repeat(np.arange(np.count_nonzero(~single)), lengths[~single])
        made[~single] = shapely.linestrings(vertices[several], indices=numbers)
    return made, rows
