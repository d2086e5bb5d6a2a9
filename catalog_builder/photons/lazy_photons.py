"""Photons as dask arrays: counted first, then read by workers, some passes a task.

How many photons stay is known only once place, time and conditions were read, and a Dataset must
know its sizes. So tasks read only these and return counts, and other tasks read the photons when
they are computed: one for some passes, with all their variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import PHOTON, Variable
from catalog_builder.opening.resolve import ResolvedGranule
from catalog_builder.photons.photon_tasks import (
    CountedPasses,
    PassKey,
    count_photons,
    packed_task,
    read_photons,
)
from catalog_builder.photons.planning.found_granules import described_columns
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import GranulePlan
from catalog_builder.photons.reading.photon_reads import ReadPasses, failed_plans
from catalog_builder.photons.tables.ragged_dataset import pass_variables, ragged_dataset
from catalog_builder.progress import Progress, Reporter

if TYPE_CHECKING:
    import xarray as xr


def open_lazily(
    plans: Sequence[GranulePlan],
    request: PhotonRequest,
    chunk: int,
    errors: Literal["raise", "warn"],
    progress: Reporter | None = None,
) -> tuple[xr.Dataset, ReadPasses]:
    """Count the photons by dask, and give a Dataset of dask arrays, without attributes.

    ``chunk`` is photons that are looked at in a task, at least a pass. Also returns what failed.
    """
    from dask.delayed import delayed

    failed = failed_plans(plans, errors)
    plans = [one for one in plans if not one.failed]
    tasks = [
        delayed(count_photons, pure=False)(packed_task(_counting(some), request.counting), errors)
        for some in _tasks(plans, chunk)
    ]
    counted = CountedPasses.joined(_computed(tasks, progress))
    read = ReadPasses(passes=(), failed=failed | counted.failed, problems=counted.problems)
    first = counted.described
    if first is None or not counted.counts:
        return ragged_dataset(() if first is None else (first,), request, {}), read
    holding = [*_holding(plans, counted)]
    beams = [(one.found, beam) for one in holding for _, beam in _keys(one)]
    first = replace(first, variables=described_columns(beams, first.variables))
    derived = {n: one for n, one in first.variables.items() if n in request.derived_variables}
    empty = ragged_dataset((first,), request, {})
    blocks = [*_blocks(_tasks(holding, chunk), counted)]
    return _dataset(empty, blocks, request, counted, derived), read


def _computed(tasks: Sequence[Any], progress: Reporter | None) -> Sequence[CountedPasses]:
    """Compute the tasks, all at once, and report each that is done."""
    import dask.base
    import dask.callbacks

    # They bear no types.
    done, base, callbacks = 0, cast("Any", dask.base), cast("Any", dask.callbacks)

    def report(*_: object) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(Progress(stage="counting photons", done=done, total=len(tasks)))

    client = getattr(base.get_scheduler(), "__self__", None)
    if client is not None:  # of distributed, whose workers tell no callback
        import distributed

        futures = client.compute(list(tasks))
        for _ in cast("Any", distributed).as_completed(futures):
            report()
        found: Sequence[CountedPasses] = client.gather(futures)
        return found
    with callbacks.Callback(posttask=report):
        return cast("Sequence[CountedPasses]", base.compute(*tasks))


_Block = tuple[list[GranulePlan], dict[PassKey, int]]
"""Passes that a task reads, and how many photons stay of each."""


def _blocks(tasks: Iterable[list[GranulePlan]], counted: CountedPasses) -> Iterator[_Block]:
    for some in tasks:
        keys = sorted(key for one in some for key in _keys(one))
        yield some, {key: counted.counts[key] for key in keys if key in counted.counts}


def _dataset(
    empty: xr.Dataset,
    blocks: Sequence[_Block],
    request: PhotonRequest,
    counted: CountedPasses,
    variables: Mapping[str, Variable],
) -> xr.Dataset:
    """The Dataset whose photon arrays are read by tasks."""
    import dask.array
    import xarray as xr
    from dask.highlevelgraph import HighLevelGraph

    token = uuid4().hex
    read, sizes, first = f"photons-read-{token}", [], 0
    tasks: dict[Any, Any] = {}
    for number, (some, counts) in enumerate(blocks):
        tasks[read, number] = (
            read_photons,
            packed_task(some, request, variables),
            [*counts.items()],
            first,
        )
        sizes.append(sum(counts.values()))
        first += len(counts)
    array: Any = dask.array.Array  # bears no types
    arrays: dict[str, Any] = {}
    for key, like in empty.variables.items():
        if like.dims[:1] != (PHOTON,):
            continue
        name, rest = f"photons-{key}-{token}", (0,) * (like.ndim - 1)
        layer: dict[Any, Any] = {
            (name, number, *rest): (_variable, (read, number), key)
            for number in range(len(blocks))
        }
        graph = HighLevelGraph({read: tasks, name: layer}, {read: set(), name: {read}})
        chunks = (tuple(sizes), *((size,) for size in like.shape[1:]))
        values = array(graph, name, chunks, meta=like.values)
        arrays[str(key)] = xr.Variable(like.dims, values, like.attrs, like.encoding)
    starts = np.array([*counted.starts.values()])
    facts = pass_variables([*counted.attrs.values()], [*counted.counts.values()], starts)
    known = {
        name: arrays.get(str(name), value)
        for name, value in empty.variables.items()
        if name not in facts
    }
    coords = {name: known[name] for name in empty.coords if name in known}
    return xr.Dataset(
        {name: known[name] for name in empty.data_vars}, {**coords, **facts}, empty.attrs
    )


def _variable(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    return columns[name]


def _tasks(plans: Iterable[GranulePlan], chunk: int) -> Iterator[list[GranulePlan]]:
    """The passes of each task, in the order of the photons; those of one file stay together."""
    some: list[GranulePlan] = []
    photons = 0
    for one in plans:
        for part in _parts(one):
            size = sum(each.photons for each in part.passes)
            if some and (part.by_file or photons + size > chunk):
                yield some
                some, photons = [], 0
            some.append(part)
            photons += chunk if part.by_file else size
    if some:
        yield some


def _parts(plan: GranulePlan) -> Iterator[GranulePlan]:
    """A plan for each pass; one for all, where the file is opened for some."""
    granule = plan.found.granule
    # Neither the item nor the catalog, whose address may be signed.
    known = ResolvedGranule(id=granule.id, links=granule.links)
    lean = replace(plan, found=replace(plan.found, granule=known))
    if plan.by_file:
        yield lean
        return
    for one in sorted(plan.passes, key=lambda one: one.beam.references.beam):
        yield replace(lean, passes=(one,))


def _keys(plan: GranulePlan) -> list[PassKey]:
    beams = [one.beam.references.beam for one in plan.passes]
    return [(plan.found.name.id, beam) for beam in (*beams, *plan.by_file)]


def _counting(plans: Iterable[GranulePlan]) -> list[GranulePlan]:
    """The plans that count."""
    return [
        replace(
            plan,
            passes=tuple(replace(one, blocks=one.counting, counting=()) for one in plan.passes),
        )
        for plan in plans
    ]


def _holding(plans: Iterable[GranulePlan], counted: CountedPasses) -> Iterator[GranulePlan]:
    """The plans of the passes that hold photons."""
    for plan in plans:
        name = plan.found.name.id
        passes = tuple(
            replace(one, counting=())
            for one in plan.passes
            if (name, one.beam.references.beam) in counted.counts
        )
        by_file = tuple(beam for beam in plan.by_file if (name, beam) in counted.counts)
        if passes or by_file:
            yield replace(plan, passes=passes, by_file=by_file)
