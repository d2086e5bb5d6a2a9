"""Reads all passes of a search at once, within a window of memory, and retries what fails."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, Literal, TypeVar

from catalog_builder.beams.read.rejected_references import reject
from catalog_builder.errors import (
    AccessError,
    AddressError,
    BeamError,
    CatalogBuilderError,
    ConditionError,
    EarthdataError,
    GranuleNotFoundError,
    OutOfRegionError,
    SegmentsWarning,
    UnsupportedFilterError,
    VariableNotFoundError,
)
from catalog_builder.forks import Lock
from catalog_builder.photons.planning.pass_plan import PassPlan
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import GranulePlan
from catalog_builder.photons.reading.file_reading import read_file
from catalog_builder.photons.reading.pass_reading import (
    IN_MEMORY,
    Interrupted,
    MemoryWindow,
    PassPhotons,
    PassStore,
    read_plan,
)
from catalog_builder.progress import Progress, Reporter

T = TypeVar("T")

TRIES: Final = 3
"""Times that a pass is tried whose granule does not answer.

Requests are repeated one by one already. This goes beyond it: of thousands of ranges one may fail
several times in a row while its host restarts, and all passes read until then would be lost with
it. What another try cannot mend (no login, no such file, another region) is not tried again.
"""

_STEP: Final = 0.2
"""Seconds between two reports."""

_OF_THE_REQUEST: Final = (VariableNotFoundError, ConditionError, EarthdataError)
"""Failures that no other granule would be spared."""

_FINAL: Final = (GranuleNotFoundError, OutOfRegionError, AddressError)
"""Failures to read that another try does not mend."""


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far the read is; several threads add to it."""

    bytes_done: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPasses:
    """What came of a read."""

    passes: tuple[PassPhotons, ...]
    """In the order of the granules, then from left to right."""
    failed: dict[str, CatalogBuilderError]
    """Granules that were given up, and why."""
    problems: dict[str, str]
    """Granules of which h5py read a beam, as its references did not fit; and why."""


def warn_of_segments(passes: Sequence[PassPhotons], *, calls: int) -> None:
    """Warn of passes whose segments tell nothing; of the line of code so many calls up."""
    wrong = [one for one in passes if one.problem and one.blocks]
    if not wrong:
        return
    first = wrong[0]
    warnings.warn(
        f"The segments of {len(wrong)} of {len(passes)} passes are wrong: their photons have NaN "
        "for x_atc, and fill values for variables of segments. The first is "
        f"{first.attrs['granule']} {first.attrs['beam']}: {first.problem}",
        SegmentsWarning,
        stacklevel=calls + 1,
    )


def failed_plans(
    plans: Sequence[GranulePlan], errors: Literal["raise", "warn"]
) -> dict[str, CatalogBuilderError]:
    """Granules of which the plan says that they failed; with ``errors="raise"`` it is raised."""
    failed = {one.found.name.id: one.failed for one in plans if one.failed is not None}
    if errors == "raise":
        for error in failed.values():
            raise error
    return failed


def read_passes(
    plans: Sequence[GranulePlan],
    request: PhotonRequest,
    errors: Literal["raise", "warn"],
    progress: Reporter | None,
    store: PassStore = IN_MEMORY,
) -> ReadPasses:
    """Read all passes; with ``errors="raise"`` the first granule that fails ends it.

    One of which the plan says that it failed ends it before anything is read.
    """
    failed = failed_plans(plans, errors)
    window, course = MemoryWindow(store.window), _Course()
    jobs = list(_jobs(plans, request, window, course, store))
    total = sum(one.bytes for plan in plans for one in plan.passes)
    results: dict[int, list[PassPhotons]] = {}
    pool = ThreadPoolExecutor(store.most_passes, "read-photons")
    try:
        ended: SimpleQueue[Future[list[PassPhotons]]] = SimpleQueue()
        numbers: dict[Future[list[PassPhotons]], int] = {}
        for place, (_, job) in enumerate(jobs):
            future = pool.submit(job)
            numbers[future] = place
            future.add_done_callback(ended.put)
        while numbers:
            for future in _taken(ended):
                place = numbers.pop(future)
                granule = jobs[place][0].found.name.id
                try:
                    results[place] = future.result()
                except _OF_THE_REQUEST:
                    raise
                except CatalogBuilderError as error:
                    if errors == "raise":
                        error.add_note(f"while the photons of {granule} were read")
                        raise
                    failed.setdefault(granule, error)
            if progress is not None:
                progress(
                    Progress(
                        stage="reading photons",
                        done=len(jobs) - len(numbers),
                        total=len(jobs),
                        bytes_done=course.bytes_done,
                        bytes_total=total,
                    )
                )
    finally:
        window.end()
        pool.shutdown(wait=False, cancel_futures=True)
    passes = [one for place in sorted(results) for one in results[place]]
    # All of a granule or nothing.
    kept = [one for one in passes if one.attrs["granule"] not in failed]
    kept.sort(key=lambda one: (one.attrs["granule"], one.attrs["beam"]))
    return ReadPasses(passes=tuple(kept), failed=failed, problems=course.problems)


def _taken(ended: SimpleQueue[T]) -> Iterator[T]:
    """All that ended by now, or the first that does within a step; maybe nothing.

    To wait for the first of many futures would look at all of them each time one ends.
    """
    with suppress(Empty):
        yield ended.get(timeout=_STEP)
        while True:
            yield ended.get_nowait()


def _jobs(
    plans: Sequence[GranulePlan],
    request: PhotonRequest,
    window: MemoryWindow,
    course: _Course,
    store: PassStore,
) -> Iterable[tuple[GranulePlan, Callable[[], list[PassPhotons]]]]:
    """A call for each pass, those of one granule far apart; and for each file."""
    for plan in plans:
        if plan.by_file:
            read = partial(
                read_file,
                plan.found.granule,
                plan.by_file,
                request,
                window,
                store,
                plan.found.columns,
            )
            yield plan, partial(_retried, read, window, _tries(plan))
    most = max((len(plan.passes) for plan in plans), default=0)
    for number in range(most):
        for plan in plans:
            if number < len(plan.passes):
                one = plan.passes[number]
                yield plan, partial(_read_pass, plan, one, request, window, course, store)


def _read_pass(
    plan: GranulePlan,
    one: PassPlan,
    request: PhotonRequest,
    window: MemoryWindow,
    course: _Course,
    store: PassStore,
) -> list[PassPhotons]:
    """A pass by its references; by h5py where they do not fit the granule."""

    def fetched(size: int) -> None:
        with course.lock:
            course.bytes_done += size

    columns = plan.found.columns
    try:
        read_it = partial(read_plan, one, request, window, fetched, store, columns)
        return [_retried(read_it, window, _tries(plan))]
    except _OF_THE_REQUEST:
        raise
    except BeamError as error:
        known = one.beam.references
        if not isinstance(error, UnsupportedFilterError):
            reject(known)
        course.problems[plan.found.name.id] = str(error)
        read = partial(
            read_file, plan.found.granule, [known.beam], request, window, store, columns
        )
        return _retried(read, window, _tries(plan))


def _tries(plan: GranulePlan) -> int:
    """A file of this machine that cannot be read is damaged, and so it is the next time."""
    return TRIES if plan.found.granule.links.local is None else 1


def _retried(call: Callable[[], T], window: MemoryWindow, tries: int) -> T:
    """Call; again, after a while, where the granule did not answer."""
    for failures in range(tries):
        try:
            return call()
        except _FINAL:
            raise
        except AccessError:
            if failures == tries - 1 or window.ended:
                raise
            time.sleep(0.5 * 2**failures)
    raise Interrupted
