"""Photons as LAS 1.4 or LAZ: points in degrees and metres, for tools of point clouds."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from catalog_builder.beams.read.delta_time import to_seconds
from catalog_builder.errors import PhotonsError, PhotonsWarning
from catalog_builder.extras import needing
from catalog_builder.photons.writing.photon_stream import PhotonStream, table_attributes
from catalog_builder.products.atl03 import SURFACE_TYPES
from catalog_builder.products.facts import CLASSES

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

SCALES: Final = (1e-7, 1e-7, 1e-3)
"""Degrees of longitude and latitude (1 cm), and metres of height: the steps of a point's place."""

_GPS_OF_EPOCH: Final = 1_198_800_018.0
"""GPS seconds of 2018-01-01 (ATL03's ``ancillary_data/atlas_sdp_gps_epoch``)."""

_ADJUSTED: Final = 1e9
"""Adjusted standard GPS time is GPS seconds less this (LAS 1.4, table 3)."""

_HIGHEST: Final = 2**31 * SCALES[2]

_FIELDS: Final = ("lon_ph", "lat_ph", "h_ph", "delta_time", "granule", "beam", "strength")
"""Columns that LAS has a field of its own for, or that stand once a pass."""

_NOISE: Final = 7
_UNCLASSIFIED: Final = 1

_CLASSES: Final = {f"class_{name}": classes.las for name, classes in CLASSES.items()}
"""Classes of LAS by those that siblings give; bathymetry before land."""

_WKT: Final = (
    'COMPD_CS["WGS 84 + ellipsoidal height",GEOGCS["WGS 84",DATUM["WGS_1984",'
    'SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],'
    'PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,'
    'AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]],VERT_CS["Ellipsoid (metre)",'
    'VERT_DATUM["Ellipsoid",2002],UNIT["metre",1,AUTHORITY["EPSG","9001"]],'
    'AXIS["Up",UP]]]'
)


def write_las(stream: PhotonStream, path: Path) -> None:
    """Write points of format 6; the suffix ``.laz`` compresses them.

    x and y are longitude and latitude in steps of 1e-7 degrees (1 cm), z the height above WGS 84
    in steps of 1 mm, time is adjusted standard GPS time. The class is 7 (noise) where the highest
    of a photon's signal confidences is 0 or 1, and 1 (unclassified) where it is more. Where
    siblings give classes, it is 2 (ground), 5 (vegetation), 40 or 41 (sea floor, surface). Other
    columns are extra dimensions of their own types; what is known of the whole and of each pass
    is JSON in an extended record of the user ``catalog_builder``.

    Photons without a place or height are left out, with a
    :class:`~catalog_builder.errors.PhotonsWarning`. Raises
    :class:`~catalog_builder.errors.PhotonsError` without ``h_ph``, and
    :class:`~catalog_builder.errors.MissingExtraError` without laspy.
    """
    with needing("las", "Writing LAS or LAZ"):
        import laspy
        import lazrs  # noqa: F401  # laspy finds it by itself
    passes: dict[int, list[str]] = {}
    left_out = 0
    writer: laspy.LasWriter | None = None
    try:
        for _, table in stream.tables():
            columns = _columns(table)
            if len(table):
                # Of a table of several passes each has its own.
                used, first = np.unique(columns["track_pass_index"], return_index=True)
                for one, at in zip(used.tolist(), first.tolist(), strict=True):
                    passes[one] = [str(table[name][at]) for name in _FIELDS[4:]]
            if writer is None:
                header = _header(columns)
                writer = laspy.open(str(path), mode="w", header=header)
            sound = _is_sound(columns)
            left_out += int((~sound).sum())
            kept = {name: values[sound] for name, values in columns.items()}
            writer.write_points(_points(kept, writer.header))
        assert writer is not None
        said = {"attributes": table_attributes(stream), "passes": passes}
        body = orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
        record = laspy.VLR("catalog_builder", 1, "photons and their passes, JSON", body)
        writer.write_evlrs(laspy.vlrs.vlrlist.VLRList([record]))
    finally:
        if writer is not None:
            writer.close()
    if left_out:
        warnings.warn(
            f"{left_out:,} photons without a place or height are not in {path.name}.",
            PhotonsWarning,
            stacklevel=4,
        )


def _columns(table: pa.Table) -> Columns:
    if "h_ph" not in table.column_names:
        raise PhotonsError("Points of LAS need h_ph among the variables.")
    return {
        name: table.column(name).to_numpy()
        for name in table.column_names
        if name not in _FIELDS[4:]
    }


def _extra(columns: Columns) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, values in columns.items():
        if name not in _FIELDS:
            yield name[:32], to_seconds(values) if values.dtype.kind == "M" else values


def _header(columns: Columns) -> Any:
    import laspy

    header = laspy.LasHeader(point_format=6, version="1.4")
    header.offsets, header.scales = np.zeros(3), np.array(SCALES)
    header.global_encoding.gps_time_type = laspy.header.GpsTimeType.STANDARD
    header.global_encoding.wkt = True
    header.generating_software = "catalog-builder"
    header.vlrs.append(laspy.vlrs.known.WktCoordinateSystemVlr(_WKT))
    header.add_extra_dims(
        [laspy.ExtraBytesParams(name=name, type=values.dtype) for name, values in _extra(columns)]
    )
    return header


def _is_sound(columns: Columns) -> NDArray[np.bool_]:
    places = np.abs(columns["lon_ph"]) + np.abs(columns["lat_ph"]) <= 270
    found: NDArray[np.bool_] = places & (np.abs(columns["h_ph"]) < _HIGHEST)
    return found


def _points(columns: Columns, header: Any) -> Any:
    import laspy

    points = laspy.ScaleAwarePointRecord.zeros(len(columns["lon_ph"]), header=header)
    points.x, points.y = columns["lon_ph"], columns["lat_ph"]
    points.z = columns["h_ph"].astype(np.float64)
    points.gps_time = to_seconds(columns["delta_time"]) + (_GPS_OF_EPOCH - _ADJUSTED)
    points.return_number[:] = points.number_of_returns[:] = 1
    confidences = [f"signal_conf_ph_{surface}" for surface in SURFACE_TYPES]
    if all(name in columns for name in confidences):
        highest = np.max([columns[name] for name in confidences], axis=0)
        classes = np.where(highest >= 2, _UNCLASSIFIED, np.where(highest >= 0, _NOISE, 0))
        points.classification = classes.astype(np.uint8)
    for name, codes in _CLASSES.items():
        if name in columns:
            for label, code in codes.items():
                points.classification[columns[name] == label] = code
    for name, values in _extra(columns):
        points[name] = values
    return points
