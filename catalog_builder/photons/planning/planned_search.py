"""Plans all passes of a search together: references are fetched ahead, many granules at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.rejected_references import is_rejected, reject
from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.errors import (
    BeamError,
    CatalogBuilderError,
    CatalogError,
    EarthdataError,
    ReferencesError,
    TooManyPhotonsError,
    UnsupportedFilterError,
    VariableNotFoundError,
)
from catalog_builder.photons.planning.found_granules import FoundGranule
from catalog_builder.photons.planning.good_photons import TRANSITION
from catalog_builder.photons.planning.pass_plan import PassPlan, plan_pass, row_bytes
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.products.atl03 import Beam
from catalog_builder.progress import bytes_text

AT_ONCE: Final = 16
"""Granules whose references are fetched at a time."""

INDEX_BYTES: Final = 6
"""Bytes of a photon for ``track_pass_index`` and ``cycle``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranulePlan:
    """How the beams of a granule are read."""

    found: FoundGranule
    passes: tuple[PassPlan, ...]
    """Beams that are read by their references; those without a photon near are left out."""
    by_file: tuple[Beam, ...]
    """Beams that h5py reads."""
    looked_at: int
    """How many beams there are to look at, those without a photon near included."""
    problem: str | None
    """Why references that the item names cannot be used."""
    failed: CatalogBuilderError | None = None
    """Why nothing of it is read, as where it lacks a sibling that is needed."""

    @classmethod
    def without_references(
        cls,
        found: FoundGranule,
        problem: str | None = None,
        *,
        failed: CatalogBuilderError | None = None,
    ) -> GranulePlan:
        """A granule whose beams h5py reads, or that nothing reads."""
        return cls(
            found=found,
            passes=(),
            by_file=() if failed else found.beams,
            looked_at=len(found.beams),
            problem=problem,
            failed=failed,
        )


def plan_granules(
    found: Sequence[FoundGranule],
    request: PhotonRequest,
    report: Callable[[int], None],
    *,
    lazily: bool = False,
) -> list[GranulePlan]:
    """Plan all granules, in their order; ``report`` is told how many are planned.

    ``lazily`` plans also how photons are counted without reading all of them. A granule without
    a sibling that is needed is no reason not to plan the others: its plan says that it failed.

    Raises :class:`~catalog_builder.errors.VariableNotFoundError` and
    :class:`~catalog_builder.errors.ConditionError` for what is asked of a beam that it lacks.
    """
    plans: list[GranulePlan] = []
    pool = ThreadPoolExecutor(AT_ONCE, "fetch-references")
    ahead: deque[tuple[Future[FoundGranule], Future[_Unpack]]] = deque()
    try:
        left = iter(found)
        for one in found:
            for later in islice(left, 2 * AT_ONCE - len(ahead)):
                paired = pool.submit(later.with_columns, request)
                ahead.append((paired, pool.submit(_fetch, later, request)))
            # Unpacked and planned in this thread alone: it computes, and many threads that do
            # would wait for each other, twice as long as they work.
            plans.append(_planned(one, request, *ahead.popleft(), lazily=lazily))
            report(len(plans))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return plans


_Unpack = Callable[[], GranuleReferences | None]
"""Unpacks references that were fetched; raises ReferencesError."""


def _fetch(found: FoundGranule, request: PhotonRequest) -> _Unpack:
    """One request, for the references of all beams; none where one lacks them."""
    granule = found.granule
    if not all(map(granule.has_references, found.beams)):
        return lambda: None
    return granule.fetch_all(found.beams, request.cache)


def _planned(
    found: FoundGranule,
    request: PhotonRequest,
    paired: Future[FoundGranule],
    fetched: Future[_Unpack],
    *,
    lazily: bool,
) -> GranulePlan:
    """Plan one granule by its references, once its siblings are found."""
    try:
        found = paired.result()
    except EarthdataError:  # no other granule would be spared
        raise
    except CatalogBuilderError as error:
        return GranulePlan.without_references(found, failed=error)
    granule = found.granule
    try:
        known = fetched.result()()
    except (CatalogError, ReferencesError) as error:
        return GranulePlan.without_references(found, str(error))
    if known is None:
        return GranulePlan.without_references(found)
    passes: list[PassPlan] = []
    by_file: list[Beam] = []
    looked_at, problem = 0, None
    for beam, references in known.beams.items():
        planned = PlannedBeam(
            links=granule.links,
            access=request.access,
            references=references,
            cache=request.cache,
        )
        try:
            if is_rejected(references):
                by_file.append(beam)
                continue
            planned.require(beam)
            strength = planned.attributes()["strength"]
            if request.strength is not None and strength != request.strength:
                continue
            looked_at += 1
            if request.good and references.orientation == TRANSITION:
                continue
            if not planned.covers(request.needed):
                by_file.append(beam)
                lacking = set(request.needed) - set(references.datasets)
                problem = f"The references of {beam} lack {', '.join(sorted(lacking))}."
                continue
            one = plan_pass(planned, request, lazily=lazily)
        except VariableNotFoundError:
            raise
        except BeamError as error:
            if not isinstance(error, UnsupportedFilterError):
                reject(references)
            by_file.append(beam)
            problem = str(error)
            continue
        if one.blocks:
            passes.append(one)
    return GranulePlan(
        found=found,
        passes=tuple(passes),
        by_file=tuple(by_file),
        looked_at=looked_at,
        problem=problem,
    )


def require_memory(plans: Sequence[GranulePlan], request: PhotonRequest, limit: int) -> None:
    """Raise :class:`~catalog_builder.errors.TooManyPhotonsError` where more may stay than fits.

    ``limit`` is in bytes. What h5py reads is not counted: nobody knows it before.
    """
    passes = [one for plan in plans for one in plan.passes]
    photons = sum(one.photons for one in passes)
    size = sum(one.photons * (row_bytes(request, one.variables) + INDEX_BYTES) for one in passes)
    if size > limit:
        raise TooManyPhotonsError(
            f"Up to {photons:,} photons of {len(passes)} passes are near the area, "
            f"{bytes_text(size)}, and {bytes_text(limit)} of memory may be used. Ask for less (a "
            "smaller area, a shorter time, fewer variables), open them lazily (chunks='auto'), "
            "write them to a file pass by pass (`catalog-builder photons`), or, where conditions "
            "leave few of them, say limit=None."
        )


def free_memory() -> int:
    """Bytes of memory that are free on this machine, as far as it tells."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**63
