"""Photons as dask arrays: counted first, then read by workers, some passes a task.

How many photons stay is known only once place, time and conditions were read, and a Dataset must
know its sizes. So tasks read only these and return counts, and other tasks read the photons when
they are computed: one for some passes, with all their variables. A task carries where its own
chunks lie, compressed, and reads, filters and logs in by itself.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import Beam
from catalog_builder.beams.read.beam_reader import PHOTON
from catalog_builder.beams.read.photon_search import LAT, TIME
from catalog_builder.errors import CatalogBuilderError, PhotonsError
from catalog_builder.opening.resolve import ResolvedGranule
from catalog_builder.photons.pass_reading import PassPhotons
from catalog_builder.photons.photon_reads import ReadPasses, read_passes, warn_of_segments
from catalog_builder.photons.photon_request import PhotonRequest
from catalog_builder.photons.planned_search import GranulePlan
from catalog_builder.photons.ragged_dataset import pass_variables, ragged_dataset, require_alike
from catalog_builder.progress import Progress, Reporter

if TYPE_CHECKING:
    import xarray as xr

_PassKey = tuple[str, Beam]
"""Granule and beam."""

_LEVEL: Final = 6
"""How hard a task is compressed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedPasses:
    """What stays of some passes; sent back by a worker."""

    counts: Mapping[_PassKey, int]
    """Photons of each pass, those without left out, in order."""
    starts: Mapping[_PassKey, float]
    """``delta_time`` of each pass's first photon."""
    attrs: Mapping[_PassKey, Mapping[str, Any]]
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

    # What failed is no task: it is told here, as read_passes tells it.
    failed = read_passes([one for one in plans if one.failed], request, errors, None).failed
    plans = [one for one in plans if not one.failed]
    tasks = [
        delayed(count_photons, pure=False)(_packed(_counting(some), request.counting), errors)
        for some in _tasks(plans, chunk)
    ]
    counted = CountedPasses.joined(_computed(tasks, progress))
    read = ReadPasses(passes=(), failed=failed | counted.failed, problems=counted.problems)
    described = () if counted.described is None else (counted.described,)
    empty = ragged_dataset(described, request, {})
    if not counted.counts:
        return empty, read
    blocks = [*_blocks(_tasks(_holding(plans, counted), chunk), counted)]
    return _dataset(empty, blocks, request, counted), read


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


_Block = tuple[list[GranulePlan], dict[_PassKey, int]]
"""Passes that a task reads, and how many photons stay of each."""


def _blocks(tasks: Iterable[list[GranulePlan]], counted: CountedPasses) -> Iterator[_Block]:
    for some in tasks:
        keys = sorted(key for one in some for key in _keys(one))
        yield some, {key: counted.counts[key] for key in keys if key in counted.counts}


def _dataset(
    empty: xr.Dataset, blocks: Sequence[_Block], request: PhotonRequest, counted: CountedPasses
) -> xr.Dataset:
    """The Dataset whose photon arrays are read by tasks."""
    import dask.array
    import xarray as xr
    from dask.highlevelgraph import HighLevelGraph

    token = uuid4().hex
    read, sizes, first = f"photons-read-{token}", [], 0
    tasks: dict[Any, Any] = {}
    for number, (some, counts) in enumerate(blocks):
        tasks[read, number] = (read_photons, _packed(some, request), [*counts.items()], first)
        sizes.append(sum(counts.values()))
        first += len(counts)
    array: Any = dask.array.Array  # bears no types
    arrays: dict[str, Any] = {}
    for key, like in empty.variables.items():
        if like.dims[:1] != (PHOTON,):
            continue
        name, rest = f"photons-{key}-{token}", (0,) * (like.ndim - 1)
        layer: dict[Any, Any] = {
            (name, number, *rest): (_variable, (read, number), key, like.dtype)
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


def _variable(
    columns: Mapping[str, NDArray[Any]], name: str, dtype: np.dtype[Any]
) -> NDArray[Any]:
    # Of a task whose granules lack a sibling not all is known.
    return columns[name].astype(dtype, copy=False)


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


def _keys(plan: GranulePlan) -> list[_PassKey]:
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


def _packed(plans: list[GranulePlan], request: PhotonRequest) -> bytes:
    return zlib.compress(pickle.dumps((plans, request), pickle.HIGHEST_PROTOCOL), _LEVEL)


def _unpacked(packed: bytes) -> tuple[list[GranulePlan], PhotonRequest]:
    found: tuple[list[GranulePlan], PhotonRequest] = pickle.loads(zlib.decompress(packed))
    return found


def count_photons(packed: bytes, errors: Literal["raise", "warn"]) -> CountedPasses:
    """A task: how many photons stay of some passes."""
    plans, request = _unpacked(packed)
    read = read_passes(plans, request, errors, None)
    some = {_key(one): one for one in read.passes if one.blocks}
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
    packed: bytes, counts: Sequence[tuple[_PassKey, int]], first: int
) -> dict[str, NDArray[Any]]:
    """A task: the photons of some passes, of which ``first`` is the number of the first one.

    Raises :class:`~catalog_builder.errors.PhotonsError` where they are others than were counted.
    """
    plans, request = _unpacked(packed)
    passes = read_passes(plans, request, "raise", None).passes
    warn_of_segments(passes, calls=1)
    found = {_key(one): sum(len(block[LAT]) for block in one.blocks) for one in passes}
    for key, count in counts:
        if found.get(key, 0) != count:
            raise PhotonsError(
                f"{' '.join(key)} has {found.get(key, 0)} photons there now, and had {count} when "
                "the area was opened: open it again."
            )
    made = ragged_dataset(passes, request, {})
    made["track_pass_index"] += np.int32(first)
    return {str(name): one.values for name, one in made.variables.items() if PHOTON in one.dims}


def _key(one: PassPhotons) -> _PassKey:
    return one.attrs["granule"], one.attrs["beam"]
