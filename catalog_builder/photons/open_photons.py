"""Opens the photons of an area: all passes, filtered, as one Dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from catalog_builder.beams.lazy import Chunks, photons_per_task
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.links import Access
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.geo.window import Moment
from catalog_builder.photons.planning.found_granules import find_granules
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import (
    free_memory,
    plan_granules,
    require_memory,
)
from catalog_builder.photons.reading.planned_reading import (
    PlannedPhotons,
    attributes,
    read_planned,
    warn_of_read,
)
from catalog_builder.photons.tables.ragged_dataset import ragged_dataset
from catalog_builder.progress import Progress, Reporter

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.opening.derived_columns import Classes
    from catalog_builder.opening.resolve import Granule

    Source = ItemIndex | Iterable[Granule] | str | os.PathLike[str]


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
    classes: Classes = None,
    heights: str | Sequence[str] | None = None,
    lazily: bool = False,
    progress: Reporter | None = None,
) -> PlannedPhotons:
    """Plan what :func:`open_photons` reads, without a photon; arguments and errors are its own.

    ``lazily`` plans for tasks: also how photons are counted. Granules that lack a sibling stand
    in the plan's ``failed``; reading it raises that, or warns.
    """
    request = PhotonRequest.parse(
        area,
        datetime,
        beams,
        variables,
        where,
        release,
        access,
        good=good,
        cache=cache,
        classes=classes,
        heights=heights,
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
    catalog, built = "", None
    if isinstance(source, ItemIndex):
        catalog, built = source.folder, source.built()
    return PlannedPhotons(
        request=request,
        catalog=catalog,
        built=built,
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
    classes: Classes = None,
    heights: str | Sequence[str] | None = None,
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
        :data:`~catalog_builder.products.atl03.DEFAULT_VARIABLES` and ``x_atc``.
    where
        Conditions, which all hold, by name of a variable: ``{"quality_ph": [0, 10]}`` is
        membership, ``{"h_ph": (">", 100)}`` a comparison, ``{"quality_ph": "nominal"}`` a label
        of the variable's flags, ``{"signal_conf_ph": {"land_ice": (">=", 3)}}`` a condition on
        a surface type. Values are those stored; a fill value meets none that does not name it,
        nor does a photon of no segment one on a variable of segments.
    good
        Whether only good photons stay: quality nominal, or saturated but real; orbit and pointing
        nominal; no possible transmitter echo; no granule in a transition of orientation. See
        :mod:`~catalog_builder.photons.planning.good_photons`; the attribute ``good`` has the terms
        of the release.
    release
        ``"006"``, ``"007"``: for sources that hold more than one.
    errors
        ``raise`` ends with the first granule that cannot be read, or lacks its sibling; ``warn``
        leaves it out, with a warning and the attribute ``left_out``. Each is tried three times.
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
    classes
        Adds the classes that the siblings of each granule give its photons. A mapping names the
        siblings: ``{"atl08": index}`` of a catalog of theirs (``open_index``) or its address, a
        list of them, or ``{granule id: path, address or item}``; ``"atl24"`` likewise, and
        ``"atl08=ADDRESS"`` as text. ``"atl08"`` alone looks in the granule's own catalog.
        ``"atl08?"`` leaves photons of granules without a sibling of theirs unclassified.
        Columns, and ``"atl08/ph_h"`` among ``variables``, are as in
        :func:`~catalog_builder.opening.one_granule.open_beam`; ``where={"class_atl08":
        ["ground"]}`` filters by them. The pass has the sibling's name in ``atl08_granule``.
    heights
        ``"geoid"``, ``"geoid_mean_tide"``, ``"sea_surface"``, ``"above_dem"``, as in
        ``open_beam``.
    progress
        Called with each step: granules whose references were read, then passes and bytes; with
        ``chunks`` the tasks that counted.

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
    catalog_builder.errors.PairError
        A granule has no sibling that gives classes, or one of another granule.
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
        classes=classes,
        heights=heights,
        lazily=chunk is not None,
        progress=progress,
    )
    if chunk is not None:
        from catalog_builder.photons.lazy_photons import open_lazily

        lazy, read = open_lazily(plan.granules, plan.request, chunk, errors, progress)
        warn_of_read(plan, read)
        return lazy.assign_attrs(attributes(plan, read))
    if limit is not None:
        most = free_memory() if limit == "memory" else limit
        require_memory(plan.granules, plan.request, most)
    read = read_planned(plan, plan.granules, errors, progress)
    return ragged_dataset(read.passes, plan.request, attributes(plan, read))
