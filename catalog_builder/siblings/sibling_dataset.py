"""Opens a beam of a sibling granule as an xarray Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog_builder.beams.columns.reference_frame import with_reference_frame
from catalog_builder.beams.loading import stored_array, stored_times
from catalog_builder.beams.read import delta_time
from catalog_builder.beams.read.beam_reader import SURFACE_TYPE, Variable
from catalog_builder.beams.read.rejected_references import leave_references
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import BeamError, VariableNotFoundError
from catalog_builder.geo.window import Moment
from catalog_builder.products.atl03 import SURFACE_TYPES, beam_named
from catalog_builder.products.product import Rate, SegmentJoin
from catalog_builder.siblings.planned_sibling import PlannedSibling
from catalog_builder.siblings.sibling_beam import SiblingBeam
from catalog_builder.siblings.sibling_reader import (
    SiblingReader,
    path_named,
    rate_of,
    require_number,
)
from catalog_builder.siblings.signal_rows import rows_of_segments

if TYPE_CHECKING:
    import xarray as xr


def open_sibling_beam(
    links: GranuleLinks,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    access: Access = "auto",
    references: BeamReferences | None = None,
) -> xr.Dataset:
    """Open one beam of a granule of ATL06, ATL08, ATL24 or another sibling, in memory.

    Parameters
    ----------
    links
        Where the granule can be read.
    beam
        ``gt1l`` to ``gt3r``, in any case.
    variables
        Paths within the product's main group (``canopy/h_canopy``) or within the beam
        (``signal_photons/classed_pc_flag``), or names that one group alone has (``h_canopy``). By
        default :attr:`~catalog_builder.products.product.Product.defaults`, those that are there.
    bbox
        West, south, east, north, degrees, edges included; west > east crosses ±180. Or polygons:
        GeoJSON, shapely.
    datetime
        One time or an interval, ends included, compared in whole microseconds.
    access
        How to reach the granule: ``auto``, ``s3``, ``https`` or ``local``.
    references
        Where the beam's bytes lie; h5py reads the same Dataset without them, and, with a
        :class:`~catalog_builder.errors.ReferencesWarning`, where they do not fit the granule.

    Returns
    -------
    xarray.Dataset
        Dimension ``segment``, or ``photon`` where the product has a row a photon, with the
        coordinates ``latitude``, ``longitude`` (degrees, in the file's own type) and
        ``delta_time`` (datetime64[ns]). Values are those of the file, bit for bit; fill values
        stand in ``encoding["_FillValue"]`` and are not masked. Photons of ATL08 have a dimension
        ``photon`` beside ``segment``; in a window those of its segments remain. Datasets of other
        rows have a dimension of their own and are never cut. Attributes tell product, granule,
        beam, strength and spot, as those of an ATL03 beam.

    Raises
    ------
    catalog_builder.errors.ProductError
        The file is of a product that is not opened here.
    catalog_builder.errors.BeamNotFoundError, EmptyBeamError, VariableNotFoundError
        The granule lacks it; the message lists what there is.
    catalog_builder.errors.BeamError
        The file is damaged.
    catalog_builder.errors.WindowError, AccessError
        An impossible window; or the granule could not be read.

    """
    beam = beam_named(beam)
    selection = Selection.parse(bbox, datetime)
    if references is not None:
        try:
            planned = PlannedSibling.of(links, references, access)
            if references.beam == beam and planned.counts.get(planned.name.product.main):
                return _dataset(planned, variables, selection)
        except VariableNotFoundError:
            pass  # h5py knows also what the references left out
        except BeamError as error:
            leave_references(references, error)
    with open_hdf5(links, access) as (file, href):
        return _dataset(SiblingBeam.find(file, href, beam), variables, selection)


def _dataset(
    beam: SiblingReader, variables: Sequence[str] | None, selection: Selection
) -> xr.Dataset:
    import xarray as xr

    main = beam.name.product.main
    if variables is None:
        defaults = map(main.path, beam.name.product.defaults)
        paths = [path for path in defaults if beam.shape(path) is not None]
    else:
        asked = [variables] if isinstance(variables, str) else variables
        paths = [path_named(beam, name) for name in dict.fromkeys(asked)]
    place = {
        name: beam.variable(main.path(known))
        for name, known in (
            ("latitude", main.latitude),
            ("longitude", main.longitude),
            ("delta_time", main.time),
        )
        if known is not None
    }
    _require_numbers(beam, place)
    described = [
        beam.variable(path)
        for path in dict.fromkeys(paths)
        if path not in {one.path for one in place.values()}
    ]
    near = beam.near_rows(beam.counts[main], selection)
    beam.prefetch(_rows_ahead(beam, [*place.values(), *described], near, selection))
    values = {name: beam.read(one.path, near) for name, one in place.items()}
    kept = {rate: RowSlices.whole(count) for rate, count in beam.counts.items()}
    if not selection.everything:
        keep = selection.holds_place(
            values["longitude"].astype(np.float64), values["latitude"].astype(np.float64)
        ) & selection.holds_time(delta_time.to_times(values["delta_time"]))
        kept |= _cut(beam, near.where(keep))
        values = {name: stored[keep] for name, stored in values.items()}

    coords: dict[str, Any] = {
        name: stored_array(place[name], values[name]) for name in ("latitude", "longitude")
    }
    coords["delta_time"] = stored_times(
        place["delta_time"], delta_time.to_times(values["delta_time"])
    )
    data: dict[str, xr.Variable] = {}
    for variable, name in zip(described, _names(described, coords), strict=True):
        rate = rate_of(beam, variable.path, variable.shape[0])
        rows = RowSlices.whole(variable.shape[0]) if rate is None else kept[rate]
        stored = beam.read(variable.path, rows)
        if variable.path.rpartition("/")[2] == "delta_time":
            data[name] = stored_times(variable, delta_time.to_times(stored))
        else:
            data[name] = stored_array(variable, stored)
        if SURFACE_TYPE in variable.dims and variable.shape[1] == len(SURFACE_TYPES):
            coords[SURFACE_TYPE] = list(SURFACE_TYPES)
    made_from = beam.name.made_from
    crs, frame = with_reference_frame(data, made_from[0] if made_from else beam.name.release)
    return xr.Dataset(data, coords | crs, {**beam.attributes(), **frame})


def _rows_ahead(
    beam: SiblingReader, variables: Sequence[Variable], near: RowSlices, selection: Selection
) -> dict[str, RowSlices]:
    """What can be read before the rows of a selection are known."""
    main, wanted = beam.name.product.main, {}
    for one in variables:
        rate = rate_of(beam, one.path, one.shape[0])
        if rate is main:
            wanted[one.path] = near
        elif rate is None or selection.everything:
            wanted[one.path] = RowSlices.whole(one.shape[0])
    return wanted


def _cut(beam: SiblingReader, rows: RowSlices) -> dict[Rate, RowSlices]:
    """The rows of each kind that belong to these of the main kind."""
    product = beam.name.product
    found = {product.main: rows}
    join = None if product.classes is None else product.classes.join
    if isinstance(join, SegmentJoin):
        rate = product.rate_of(join.segment)
        if rate is not None and rate in beam.counts:
            for path in (join.first, join.last):
                require_number(beam.variable(path), beam.href)
            first, last = (beam.read(path, rows) for path in (join.first, join.last))
            found[rate] = rows_of_segments(beam, join, first, last)
    return found


def _require_numbers(beam: SiblingReader, place: dict[str, Variable]) -> None:
    for one in place.values():
        if one.shape != (beam.counts[beam.name.product.main],) or one.dtype.kind != "f":
            raise BeamError(
                f"{one.path} ({one.dtype}, {one.shape}) of {beam.href} must be one number for "
                f"each of {beam.counts[beam.name.product.main]} rows: the file is damaged."
            )


def _names(variables: Sequence[Variable], coords: dict[str, Any]) -> list[str]:
    """Name of each in the Dataset: its own where that is unique, else its path's."""
    last = [variable.path.rpartition("/")[2] for variable in variables]
    times = Counter([*last, *coords])
    return [
        variable.path.replace("/", "_") if times[name] > 1 else name
        for variable, name in zip(variables, last, strict=True)
    ]
