"""Opens the photons of an area: all passes, filtered, as one Dataset."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from catalog_builder._version import __version__
from catalog_builder.beams.lazy import Chunks, photons_per_task
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.links import Access
from catalog_builder.beams.storage.logging_in import log_in
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import PhotonsWarning, ReferencesWarning
from catalog_builder.geo.window import Moment
from catalog_builder.photons.found_granules import find_granules
from catalog_builder.photons.good_photons import good_text
from catalog_builder.photons.pass_reading import IN_MEMORY, PassStore
from catalog_builder.photons.photon_reads import ReadPasses, read_passes, warn_of_segments
from catalog_builder.photons.photon_request import PhotonRequest
from catalog_builder.photons.planned_search import (
    GranulePlan,
    free_memory,
    plan_granules,
    require_memory,
)
from catalog_builder.photons.ragged_dataset import ragged_dataset
from catalog_builder.progress import Progress, Reporter

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.opening.resolve import Granule

    Source = ItemIndex | Iterable[Granule] | str | os.PathLike[str]

_DOI: Final = "10.5067/ATLAS/ATL03."
"""NSIDC's DOI of ATL03; the release follows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedPhotons:
    """What reading the photons of an area takes; only references were read."""

    request: PhotonRequest
    catalog: str
    """Path or URL of the catalog; empty where items were given."""
    catalog_built: str
    """When it was built; empty where that is not known."""
    granules_searched: int
    """Granules whose footprint is near the area, in the highest revision alone."""
    granules: tuple[GranulePlan, ...]
    """Those of which a beam may hold photons of it."""

    @property
    def requests(self) -> int:
        """Requests for photons; those of granules without references are not known."""
        return sum(one.requests for plan in self.granules for one in plan.passes)

    @property
    def bytes(self) -> int:
        """Bytes that these requests fetch."""
        return sum(one.bytes for plan in self.granules for one in plan.passes)

    @property
    def photons(self) -> int:
        """Photons that are read, and at most stay."""
        return sum(one.photons for plan in self.granules for one in plan.passes)

    @property
    def passes(self) -> int:
        """Beams of granules that are read, those by h5py included."""
        return sum(len(plan.passes) + len(plan.by_file) for plan in self.granules)

    @property
    def without_references(self) -> int:
        """Granules of which h5py reads a beam."""
        return sum(bool(plan.by_file) for plan in self.granules)


def plan_photons(
    source: Source,
    area: Any,
    datetime: Moment | Sequence[Moment] = None,
    beams: str | Sequence[str] | None = None,
    variables: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    *,
    good: bool = False,
    release: str | None = None,
    access: Access = "auto",
    cache: CacheOption = None,
    lazily: bool = False,
    progress: Reporter | None = None,
) -> PlannedPhotons:
    """Plan what :func:`open_photons` reads, without a photon; arguments and errors are its own.

    ``lazily`` plans for tasks: also how photons are counted.
    """
    request = PhotonRequest.parse(
        area, datetime, beams, variables, where, release, access, good=good, cache=cache
    )
    if isinstance(source, (str, os.PathLike)):
        source = ItemIndex.open(os.fspath(source))
    found, searched = find_granules(source, request)
    if found:
        request = request.of_release(found[0].name.release)

    def report(done: int) -> None:
        if progress is not None:
            progress(Progress(stage="reading references", done=done, total=len(found)))

    plans = plan_granules(found, request, report, lazily=lazily)
    index = source if isinstance(source, ItemIndex) else None
    return PlannedPhotons(
        request=request,
        catalog="" if index is None else index.folder,
        catalog_built="" if index is None else index.built() or "",
        granules_searched=searched,
        granules=tuple(plans),
    )


def open_photons(
    source: Source,
    area: Any,
    datetime: Moment | Sequence[Moment] = None,
    beams: str | Sequence[str] | None = None,
    variables: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    *,
    good: bool = False,
    release: str | None = None,
    errors: Literal["raise", "warn"] = "raise",
    limit: int | Literal["memory"] | None = "memory",
    chunks: Chunks = None,
    access: Access = "auto",
    cache: CacheOption = None,
    progress: Reporter | None = None,
) -> xr.Dataset:
    """Open the photons of an area: of all granules and beams that fly over it.

    Parameters
    ----------
    source
        An :class:`~catalog_builder.catalog.index.item_index.ItemIndex` or what a search of one
        found; items, or addresses of granules; or the path or URL of a catalog. Of a granule's
        revisions the highest is read.
    area
        A box (west, south, east, north, degrees; west > east crosses ±180), polygons (GeoJSON,
        shapely, a GeoDataFrame) or a file of such: see
        :func:`~catalog_builder.geo.area_input.read_area`. Edges belong to it.
    datetime
        One time or an interval, ends included: ``2019-01-01/2019-06-30``, ``A/..``, a pair.
    beams
        ``strong``, ``weak``, or names; None for all six.
    variables
        Names of ``heights`` (``h_ph``), ``x_atc``, or ``group/name`` of ``geolocation`` and
        ``geophys_corr``: of those, each photon has the value of its segment, which is not
        interpolated. They and ``lat_ph``, ``lon_ph``, ``delta_time`` are what is read, and
        what ``where`` names. By default
        :data:`~catalog_builder.atl03.DEFAULT_VARIABLES` and ``x_atc``.
    where
        Conditions, which all hold, by name of a variable: ``{"quality_ph": [0, 10]}`` is
        membership, ``{"h_ph": (">", 100)}`` a comparison, ``{"quality_ph": "nominal"}`` a label
        of the variable's flags, ``{"signal_conf_ph": {"land_ice": (">=", 3)}}`` a condition on
        a surface type. Values are those stored; a fill value meets none that does not name it,
        nor does a photon of no segment one on a variable of segments.
    good
        Whether only good photons stay: quality nominal, or saturated but real; orbit and pointing
        nominal; no possible transmitter echo; no granule in a transition of orientation. See
        :mod:`~catalog_builder.photons.good_photons`; the attribute ``good`` has the terms of the
        release.
    release
        ``"006"``, ``"007"``: for sources that hold more than one.
    errors
        ``raise`` ends with the first granule that cannot be read; ``warn`` leaves it out, with a
        warning and the attribute ``left_out``. Each is tried three times.
    limit
        Bytes of photons, at most: ``memory`` for what is free. None for no limit. Not looked at
        with ``chunks``.
    chunks
        Photons near the area that a dask task looks at, or ``auto``; a task has at least a pass
        of a granule, or a whole granule without references. The photons that stay are counted
        now, by dask, from place, time and what ``where`` names; they are read, all variables of
        some passes at once, when they are computed. None reads now.
    access
        ``auto``, ``s3``, ``https`` or ``local``, as in ``open_beam``.
    cache
        A folder that keeps the chunks that were read, or a
        :class:`~catalog_builder.beams.storage.chunk_cache.ChunkCache`; None for what
        ``CATALOG_BUILDER_CACHE`` names, False for none.
    progress
        Called with each step: passes read, and bytes.

    Returns
    -------
    xarray.Dataset
        Dimension ``photon``: the variables, values as stored, with the coordinates ``lat_ph``,
        ``lon_ph``, ``delta_time`` (datetime64[ns]), ``track_pass_index`` and ``cycle``. Dimension
        ``track_pass``, one beam of one granule: ``granule``, ``beam``, ``strength``, ``spot``,
        ``rgt``, ``pass_cycle``, ``start`` (of the first photon) and ``photon_count``. Photons
        stand pass after pass, by granule and beam, as CF's contiguous ragged array has them.
        Attributes tell product, release, revisions, DOI, area, conditions, and how many granules
        and passes were looked at. Where nothing is found, there are no photons.

    Raises
    ------
    catalog_builder.errors.WindowError
        An impossible area or datetime.
    catalog_builder.errors.ConditionError, VariableNotFoundError, BeamNotFoundError
        Impossible conditions, or names that are not there.
    catalog_builder.errors.SeveralReleasesError
        Granules of two releases were found, and ``release`` names none.
    catalog_builder.errors.TooManyPhotonsError
        More photons are near than ``limit`` allows; nothing of them was read.
    catalog_builder.errors.AccessError, EarthdataError
        A granule could not be read, or the login failed.

    """
    if errors not in ("raise", "warn"):
        raise ValueError(f"errors={errors!r}: expected raise or warn.")
    chunk = photons_per_task(chunks)
    plan = plan_photons(
        source,
        area,
        datetime,
        beams,
        variables,
        where,
        good=good,
        release=release,
        access=access,
        cache=cache,
        lazily=chunk is not None,
        progress=progress,
    )
    if chunk is not None:
        from catalog_builder.photons.lazy_photons import open_lazily

        lazy, read = open_lazily(plan.granules, plan.request, chunk, errors)
        _warn(plan, read)
        return lazy.assign_attrs(attributes(plan, read))
    if limit is not None:
        most = free_memory() if limit == "memory" else limit
        require_memory(plan.granules, plan.request, most)
    read = read_planned(plan, plan.granules, errors, progress)
    return ragged_dataset(read.passes, plan.request, attributes(plan, read))


def read_planned(
    plan: PlannedPhotons,
    granules: Sequence[GranulePlan],
    errors: Literal["raise", "warn"],
    progress: Reporter | None,
    store: PassStore = IN_MEMORY,
) -> ReadPasses:
    """Read these granules of a plan; warns of what took longer than it need, and is missing."""
    for one in granules:
        # A login that is refused is refused to all: it is tried once, before anything is read.
        log_in(one.found.granule.links, plan.request.access)
        break
    read = read_passes(granules, plan.request, errors, progress, store)
    _warn(plan, read)
    return read


def _warn(plan: PlannedPhotons, read: ReadPasses) -> None:
    warn_of_segments(read.passes, calls=4)
    problems = {one.found.name.id: one.problem for one in plan.granules if one.by_file}
    problems |= read.problems
    if problems:
        why = next(filter(None, problems.values()), None)
        warnings.warn(
            f"{len(problems)} of {len(plan.granules)} granules were read without references, "
            "which is slower: `catalog-builder index CATALOG` makes them."
            + (f" The first of their problems: {why}" if why else ""),
            ReferencesWarning,
            stacklevel=4,
        )
    if read.failed:
        granule, error = next(iter(read.failed.items()))
        warnings.warn(
            f"{len(read.failed)} of {len(plan.granules)} granules could not be read, and are left "
            f"out: {granule}: {error}",
            PhotonsWarning,
            stacklevel=4,
        )


def attributes(plan: PlannedPhotons, read: ReadPasses) -> dict[str, Any]:
    """Attributes of the Dataset: where all of it comes from."""
    request = plan.request
    names = [one.found.name for one in plan.granules]
    releases = sorted({name.release for name in names})
    interval = request.selection.interval or (None, None)
    ends = [".." if end is None else end.isoformat() for end in interval]
    found = {
        "product": "ATL03",
        "release": ", ".join(releases),
        "revisions": ", ".join(f"{n:02d}" for n in sorted({name.revision for name in names})),
        "doi": ", ".join(f"{_DOI}{release}" for release in releases),
        "catalog": plan.catalog,
        "catalog_built": plan.catalog_built,
        "area": request.area.text,
        "datetime": "/".join(ends),
        "beams": request.strength or ", ".join(request.beams),
        "where": "; ".join(str(one) for one in plan.request.conditions),
        "good": good_text(releases[0]) if request.good and releases else "",
        "granules_searched": plan.granules_searched,
        "granules_read": len(plan.granules) - len(read.failed),
        "passes_searched": sum(one.looked_at for one in plan.granules),
        "left_out": "; ".join(f"{granule} {error}" for granule, error in read.failed.items()),
        "history": f"made by catalog-builder {__version__}",
    }
    return {key: value for key, value in found.items() if value != "" or key == "left_out"}
