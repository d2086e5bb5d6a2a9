"""Opens a beam of a granule as an xarray Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from catalog_builder.beams.columns.photon_columns import (
    DerivedColumn,
    OpenColumns,
    PhotonColumns,
    as_stored,
    derive_columns,
    meeting,
    opened_columns,
    seconds_near,
    selected_rows,
)
from catalog_builder.beams.columns.reference_frame import with_reference_frame
from catalog_builder.beams.lazy import (
    Chunks,
    FileReadTasks,
    LazyLoader,
    ReadTasks,
    photons_per_task,
)
from catalog_builder.beams.loading import (
    EagerLoader,
    Loader,
    as_variable,
    is_number_each,
    require_numbers,
    stored_array,
    stored_times,
    with_surface_types,
)
from catalog_builder.beams.read.beam_file import find_beam
from catalog_builder.beams.read.beam_reader import (
    PHOTON,
    SEGMENT,
    SEGMENT_TABLE,
    SURFACE_TYPE,
    BeamReader,
)
from catalog_builder.beams.read.photon_search import NO_SEGMENTS, TIME, find_photons, rows_of
from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.planned_read_tasks import PlannedReadTasks
from catalog_builder.beams.read.rejected_references import leave_references
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import warn_left_out
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.requested_variables import ALONG, COORDINATES, X_ATC, RequestedVariables
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.beams.variable_names import (
    SEGMENT_INDEX,
    SEGMENT_INDEX_ATTRS,
    X_ATC_ATTRS,
    variable_names,
)
from catalog_builder.errors import BeamError
from catalog_builder.geo.window import Moment
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, beam_named

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.beams.columns.conditions import Condition
    from catalog_builder.beams.columns.lazy_columns import ColumnTasks


def open_beam(
    links: GranuleLinks,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    access: Access = "auto",
    chunks: Chunks = None,
    references: BeamReferences | None = None,
    derived: Sequence[PhotonColumns] = (),
    conditions: Sequence[Condition] = (),
) -> xr.Dataset:
    """Open one beam of a granule.

    Parameters
    ----------
    links
        Where the granule can be read.
    beam
        ``gt1l`` to ``gt3r``, in any case.
    variables
        Names of ``heights`` (``h_ph``), ``group/name`` of any other dataset of the beam
        (``geolocation/segment_id``, ``signal_find_output/land/bckgrd_mean``), or ``x_atc``. They
        and ``lat_ph``, ``lon_ph``, ``delta_time`` are what is read. By default
        :data:`~catalog_builder.products.atl03.DEFAULT_VARIABLES` and ``x_atc``.
    bbox
        West, south, east, north, degrees, edges included; west > east crosses ±180. Or polygons:
        GeoJSON, shapely.
    datetime
        One time or an interval, ends included: ``2019-01-01/2019-06-30``, ``A/..``, a pair.
        Photons are compared in whole microseconds.
    access
        How to reach the granule: ``auto``, ``s3``, ``https`` or ``local``.
    chunks
        Photons a dask task, or ``auto``; every task opens the granule by itself. None reads now.
    references
        Where the beam's bytes lie. They are then fetched in one round of requests; with
        ``chunks`` and no window nothing is read of the granule before it is computed. h5py reads
        the same Dataset, with a :class:`~catalog_builder.errors.ReferencesWarning`, where the
        references do not fit the granule or lead to other filters than shuffle and deflate; and
        without a warning where they lack a requested variable.
    derived
        Further columns of the photons, such as heights above the geoid.
    conditions
        What all photons meet; without ``chunks``.

    Returns
    -------
    xarray.Dataset
        Dimension ``photon``. Coordinates ``lat_ph``, ``lon_ph`` and ``delta_time``
        (datetime64[ns]; :func:`~catalog_builder.beams.read.delta_time.to_seconds` gives the
        stored seconds back) are always there (but for times that the file lacks); ``x_atc``,
        where it is asked for, is metres along track from the equator crossing, and costs reading
        ``dist_ph_along`` and three arrays of the segments. Values are those of the file, bit for
        bit: no fill value is masked.

        Segment-rate variables have dimension ``segment`` and come with the coordinate
        ``segment_index``, each photon's place along it: ``ds.geoid[ds.segment_index]`` is the
        geoid at every photon. Of a beam cut by ``bbox`` or ``datetime`` the segments that still
        hold a photon remain; an uncut beam has them all. ``ph_index_beg``, if requested, counts
        the photons of the file, not of a part. Groups of yet another rate (``bckgrd_atlas``,
        ``signal_find_output/...``) have a dimension of their own and are never cut.

        A variable bears its own name; where ``heights`` has that name too, or two requested
        ones share it, or it comes from a nested group, its group's comes first:
        ``geolocation_delta_time``, ``signal_find_output_land_bckgrd_mean``.

        Where no photon is inside ``bbox`` and ``datetime``, the Dataset has no photons.

        Attributes: ``granule``, ``rgt``, ``cycle``, ``region``, ``release``, ``revision``,
        ``source`` (the address read), ``beam``, ``strength`` (``strong``, ``weak``, or
        ``unknown`` where the file does not tell) and ``spot`` (1 to 6, or 0).

    Raises
    ------
    catalog_builder.errors.BeamNotFoundError, EmptyBeamError, VariableNotFoundError
        The granule lacks it; the message lists what there is.
    catalog_builder.errors.ForeignDataError
        It is stored in another file than the granule's.
    catalog_builder.errors.NotATL03Error
        The file is not an ATL03 granule, or not whole.
    catalog_builder.errors.WindowError
        An impossible bbox or datetime.
    catalog_builder.errors.AccessError
        The granule could not be read.

    """
    beam = beam_named(beam)
    chunk = photons_per_task(chunks)
    if chunk is not None and conditions:
        raise TypeError("Photons are filtered that are read now, without chunks.")
    later = None
    if chunk is not None and derived:
        from catalog_builder.beams.columns.lazy_columns import ColumnTasks

        later = ColumnTasks(
            links=links, access=access, beam=beam, references=references, derived=tuple(derived)
        )
        derived = ()
    names = {name for columns in derived for name in columns.variables}
    more = (
        *(path for columns in derived for path in columns.paths),
        *(one.path for one in conditions if one.path not in names),
    )
    selection = Selection.parse(bbox, datetime)
    requested = RequestedVariables.parse(variables, more)
    if references is not None:
        planned = PlannedBeam(links=links, access=access, references=references)
        try:
            planned.require(beam)
            if planned.covers(requested.needed(planned)):
                tasks = PlannedReadTasks(links=links, access=access, references=references)
                near = seconds_near(planned, selection)
                with opened_columns(planned, derived, near) as columns:
                    return beam_dataset(
                        planned, requested, selection, tasks, chunk, columns, conditions, later
                    )
        except BeamError as error:
            leave_references(references, error)
    with open_hdf5(links, access) as (file, href):
        reader = find_beam(file, href, beam)
        by_file = FileReadTasks(links=links, access=access, beam=reader.beam)
        with opened_columns(reader, derived, seconds_near(reader, selection)) as columns:
            return beam_dataset(
                reader, requested, selection, by_file, chunk, columns, conditions, later
            )


def beam_dataset(
    beam: BeamReader,
    requested: RequestedVariables,
    selection: Selection,
    tasks: ReadTasks,
    chunk: int | None,
    derived: Sequence[OpenColumns] = (),
    conditions: Sequence[Condition] = (),
    later: ColumnTasks | None = None,
) -> xr.Dataset:
    """Make the Dataset that :func:`open_beam` describes.

    ``chunk`` is photons a task of ``tasks``, or None to read now, which ``derived`` columns and
    ``conditions`` need; columns of tasks are made by ``later``.
    """
    import xarray as xr

    paths = requested.paths
    lacking = [path for path in paths if requested.optional and beam.shape(path) is None]
    # Described first, so that a wrong name raises before anything is read.
    variables = [beam.variable(path) for path in paths if path not in (*COORDINATES, *lacking)]
    lat, lon, *times = requested.coordinates(beam, selection)
    lacking += [] if times else [TIME]
    more = [beam.variable(path) for path in requested.also]
    require_numbers(beam, [lat, lon, *times])
    along, problem, by_segments = None, None, requested.by_segments
    if requested.x_atc:
        along = None if beam.shape(ALONG) is None else beam.variable(ALONG)
        if along is None or not is_number_each(beam, along):
            along, problem = None, f"{ALONG} is missing, or is not one number a photon."
    if by_segments and beam.has_segments is False:
        problem = problem or NO_SEGMENTS

    load: Loader
    photons, kept = RowSlices.whole(beam.photons), RowSlices.whole(beam.segment_count)
    if selection.everything and chunk is not None:
        load = LazyLoader.of(tasks, chunk, kept if by_segments and problem is None else None)
    else:
        along_too = [] if along is None else [along]
        needed = [*variables, lat, lon, *times, *along_too, *more] if chunk is None else []
        table = SEGMENT_TABLE if requested.x_atc else (INDEX_BEG, COUNT) if by_segments else ()
        selected = find_photons(beam, selection, needed, table)
        photons = selected.photons
        problem = (problem or selected.problem) if by_segments else None
        if not selection.everything and by_segments and selected.problem is None:
            kept = selected.table.segments.remaining(photons)
        if chunk is None:
            load = EagerLoader(beam=beam, table=selected.table, known=selected.values)
        else:
            load = LazyLoader.of(tasks, chunk, kept if by_segments and problem is None else None)

    columns: dict[str, DerivedColumn] = {}
    told: dict[str, str | int] = {}
    keep = None
    if derived or conditions:
        rows = selected_rows(beam, load, photons, kept, known=problem is None)
        columns, told = derive_columns(rows, derived)
        keep = meeting(rows, conditions, columns) if conditions else None
    along_track: Any = None if along is None else load.rows(along, photons)
    coords: Any = {
        "lat_ph": stored_array(lat, load.rows(lat, photons)),
        "lon_ph": stored_array(lon, load.rows(lon, photons)),
    }
    for time in times:
        coords["delta_time"] = stored_times(time, load.times(time, photons))
    if requested.x_atc and problem is None:
        x_atc = load.segment_starts(photons)
        x_atc += along_track
        coords[X_ATC] = as_variable(PHOTON, x_atc, X_ATC_ATTRS)
    dims = {dim for variable in variables for dim in variable.dims}
    if SEGMENT in dims and problem is None:
        indices = load.segment_indices(photons, kept)
        coords[SEGMENT_INDEX] = as_variable(PHOTON, indices, SEGMENT_INDEX_ATTRS)
    if SURFACE_TYPE in dims:
        coords = with_surface_types(coords)

    data: dict[str, xr.Variable] = {}
    names = variable_names(variables, beam.photon_names())
    for variable, name in zip(variables, names, strict=True):
        if variable.path == ALONG and along_track is not None:
            data[name] = stored_array(variable, along_track)
            continue
        wanted = rows_of(variable, photons, kept)
        if variable.path.endswith("/delta_time"):
            data[name] = stored_times(variable, load.times(variable, wanted))
        else:
            data[name] = stored_array(variable, load.rows(variable, wanted))
    data |= {name: as_stored(column) for name, column in columns.items()}
    if later is not None and chunk is not None:
        data |= later.columns(beam, photons, chunk)
    attributes = {**beam.attributes(), **told}
    crs, frame = with_reference_frame(data, str(attributes["release"]))
    attributes |= frame
    coords = coords.assign(crs) if isinstance(coords, xr.Coordinates) else coords | crs
    if lacking or problem is not None:
        derived_names = [X_ATC] * requested.x_atc + [SEGMENT_INDEX] * (SEGMENT in dims)
        also = [said for one in derived if (said := one.without_segments) is not None]
        warn_left_out(attributes, lacking, derived_names, problem, also)
    found = xr.Dataset(data, coords, attributes)
    return found if keep is None else found.isel({PHOTON: keep})
