"""What tasks of photons do on workers: count those of some passes, and read them.

A task carries where its own chunks lie, compressed, and reads, filters and logs in by itself.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import PHOTON, Variable
from catalog_builder.beams.read.photon_search import LAT, TIME
from catalog_builder.errors import CatalogBuilderError, PhotonsError
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import GranulePlan
from catalog_builder.photons.reading.pass_reading import PassPhotons
from catalog_builder.photons.reading.photon_reads import read_passes, warn_of_segments
from catalog_builder.photons.tables.ragged_dataset import ragged_dataset, require_alike
from catalog_builder.products.atl03 import Beam

PassKey = tuple[str, Beam]
"""Granule and beam."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedPasses:
    """What stays of some passes; sent back by a worker."""

    counts: Mapping[PassKey, int]
    """Photons of each pass, those without left out, in order."""
    starts: Mapping[PassKey, float]
    """``delta_time`` of each pass's first photon."""
    attrs: Mapping[PassKey, Mapping[str, Any]]
    described: PassPhotons | None
    """A pass without its photons."""
    failed: dict[str, CatalogBuilderError]
    problems: dict[str, str]

    @classmethod
    def joined(cls, parts: Sequence[CountedPasses]) -> CountedPasses:
        """All together; none of a granule that failed."""
        require_alike(one.described for one in parts if one.described is not None)
        failed = {name: error for one in parts for name, error in one.failed.items()}
        keys = [key for one in parts for key in one.counts if key[0] not in failed]
        counts, starts, attrs = (
            {key: value for one in parts for key, value in getattr(one, name).items()}
            for name in ("counts", "starts", "attrs")
        )
        return cls(
            counts={key: counts[key] for key in keys},
            starts={key: starts[key] for key in keys},
            attrs={key: attrs[key] for key in keys},
            described=next((one.described for one in parts if one.described), None),
            failed=failed,
            problems={name: why for one in parts for name, why in one.problems.items()},
        )


_Packed = tuple[list[GranulePlan], PhotonRequest, Mapping[str, Variable]]


def packed_task(
    plans: list[GranulePlan],
    request: PhotonRequest,
    variables: Mapping[str, Variable] = MappingProxyType({}),
) -> bytes:
    """What a task is sent: its passes, what is asked of them, and what variables are known."""
    packed: _Packed = (plans, request, dict(variables))
    return zlib.compress(pickle.dumps(packed, pickle.HIGHEST_PROTOCOL))


def _unpacked(packed: bytes) -> _Packed:
    found: _Packed = pickle.loads(zlib.decompress(packed))
    return found


def count_photons(packed: bytes, errors: Literal["raise", "warn"]) -> CountedPasses:
    """A task: how many photons stay of some passes."""
    plans, request, _ = _unpacked(packed)
    read = read_passes(plans, request, errors, None)
    some = {pass_key(one): one for one in read.passes if one.blocks}
    require_alike(read.passes)
    first = next(iter(read.passes), None)
    return CountedPasses(
        counts={key: sum(len(block[LAT]) for block in one.blocks) for key, one in some.items()},
        starts={key: float(one.blocks[0][TIME][0]) for key, one in some.items()},
        attrs={key: one.attrs for key, one in some.items()},
        described=None if first is None else replace(first, blocks=[], problem=None),
        failed=read.failed,
        problems=read.problems,
    )


def read_photons(
    packed: bytes, counts: Sequence[tuple[PassKey, int]], first: int
) -> dict[str, NDArray[Any]]:
    """A task: the photons of some passes, of which ``first`` is the number of the first one.

    Raises :class:`~catalog_builder.errors.PhotonsError` where they are others than were counted.
    """
    plans, request, variables = _unpacked(packed)
    # Granules that lack a sibling do not tell what its columns are.
    passes = [
        replace(one, variables={**variables, **one.variables})
        for one in read_passes(plans, request, "raise", None).passes
    ]
    warn_of_segments(passes, calls=1)
    found = {pass_key(one): sum(len(block[LAT]) for block in one.blocks) for one in passes}
    for key, count in counts:
        if found.get(key, 0) != count:
            raise PhotonsError(
                f"{' '.join(key)} has {found.get(key, 0)} photons there now, and had {count} when "
                "the area was opened: open it again."
            )
    made = ragged_dataset(passes, request, {})
    made["track_pass_index"] += np.int32(first)
    return {str(name): one.values for name, one in made.variables.items() if PHOTON in one.dims}


def pass_key(one: PassPhotons) -> PassKey:
    """Which pass it is."""
    return one.attrs["granule"], one.attrs["beam"]
