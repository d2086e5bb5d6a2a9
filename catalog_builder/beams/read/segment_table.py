"""The segments of a beam with their start along track, looked up for each photon."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import BeamReader
from catalog_builder.beams.read.row_slices import Ints, RowSlices
from catalog_builder.beams.read.segments import NO_SEGMENT, Segments
from catalog_builder.errors import SegmentsError, SegmentsWarning
from catalog_builder.products.atl03 import COUNT, DISTANCE, INDEX_BEG


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentTable:
    """The segments of a beam; those that were not read hold no photon here."""

    segments: Segments
    distance: NDArray[np.float64]
    """Metres along track where each segment starts, and NaN for no segment at the end."""

    @classmethod
    def read(cls, beam: BeamReader, rows: RowSlices, *, distances: bool = True) -> SegmentTable:
        """Read these segments, and count all others as empty.

        Without ``distances`` it is not read where they start, and :meth:`starts` is NaN.
        Raises :class:`~catalog_builder.errors.SegmentsError` where they do not fit together.
        """
        first = beam.variable(INDEX_BEG)
        index_beg, count = (
            beam.read(beam.variable(path).path, rows) for path in (INDEX_BEG, COUNT)
        )
        distance = (
            beam.read(beam.variable(DISTANCE).path, rows)
            if distances
            else np.full(len(index_beg), np.nan)
        )
        if distance.shape != index_beg.shape or distance.dtype.kind not in "fiu":
            raise SegmentsError(
                f"{DISTANCE} ({distance.dtype}, {distance.shape}) must be one number a segment: "
                "the file is damaged."
            )
        total = beam.segment_count
        if rows.rows < total:
            at = rows.numbers()
            index_beg, count, distance = (
                _spread(values, at, total) for values in (index_beg, count, distance)
            )
        return cls(
            segments=Segments.parse(index_beg, count, beam.photons, fill=first.fill_value),
            distance=np.append(distance, np.nan),
        )

    @classmethod
    def read_known(cls, beam: BeamReader, rows: RowSlices, href: str) -> SegmentTable:
        """Read these segments, in a task; with a warning none is known where they are wrong."""
        try:
            return cls.read(beam, rows)
        except SegmentsError as error:
            warnings.warn(f"{href}: x_atc is NaN: {error}", SegmentsWarning, stacklevel=2)
            return cls.unknown(beam)

    @classmethod
    def unknown(cls, beam: BeamReader) -> SegmentTable:
        """A table by which no photon is in a segment."""
        total = beam.segment_count
        return cls(
            segments=Segments.unknown(beam.photons, total),
            distance=np.broadcast_to(np.float64(np.nan), (total + 1,)),
        )

    def starts(self, photons: RowSlices) -> NDArray[np.float64]:
        """Where the segment of each of these photons starts, metres; NaN in no segment."""
        return self._per_photon(self.distance, photons)

    def indices(self, photons: RowSlices, kept: RowSlices) -> Ints:
        """Index of each photon's segment among those ``kept``; -1 in no segment."""
        index = np.full(self.segments.total + 1, NO_SEGMENT, dtype=np.int64)
        index[kept.numbers()] = np.arange(kept.rows)
        return self._per_photon(index, photons)

    def _per_photon(self, values: NDArray[Any], photons: RowSlices) -> NDArray[Any]:
        numbers, counts = self.segments.repeats(photons)
        return np.repeat(values[numbers], counts)


def _spread(values: NDArray[Any], at: Ints, total: int) -> NDArray[Any]:
    spread = np.zeros(total, values.dtype)
    spread[at] = values
    return spread


def warn_left_out(
    attributes: Mapping[str, Any],
    lacking: Sequence[str],
    derived: Sequence[str],
    problem: str | None,
    also: Sequence[str] = (),
) -> None:
    """Warn what the Dataset of a beam lacks, and why.

    ``attributes`` are the Dataset's, ``lacking`` the datasets that the file lacks, and
    ``problem`` is what keeps the ``derived`` variables from being so; ``also`` says what else
    follows from it. The warning names the line of the user of a public function, four calls up.
    """
    left_out = [f"the file lacks {', '.join(lacking)}."] if lacking else []
    if problem is not None:
        verb = "is" if len(derived) == 1 else "are"
        without = [f"{' and '.join(derived)} {verb} left out"] if derived else []
        # Without either, variables of segments were asked for, whose dimension is not known.
        follows = [*without, *also] or ["segment_index is left out"]
        left_out.append(f"{'; '.join(follows)}: {problem}")
    warnings.warn(
        f"{attributes['granule']} {attributes['beam']}: {' '.join(left_out)}",
        SegmentsWarning,
        stacklevel=5,
    )
