"""The metadata of a granule file: everything outside the beams' groups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import h5py
import numpy as np

from earthdata_standin.beam import sc_orient
from earthdata_standin.product import Product
from earthdata_standin.segments import EPOCH, Segments

_GPS_EPOCH_SECONDS = 1_198_800_018.0
_GPS_WEEK = 604_800

_DELTA_TIME = {"units": "seconds since 2018-01-01", "standard_name": "time"}
_ANCILLARY_UNITS = {
    "atlas_sdp_gps_epoch": "seconds since 1980-01-06T00:00:00.000000Z",
    "start_delta_time": _DELTA_TIME["units"],
    "end_delta_time": _DELTA_TIME["units"],
}
_SURFACE_MEANINGS = "land ocean seaice landice inland_water"


def write_attributes(target: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    """Add attributes; text as the product has it: of fixed length, ended by a zero byte."""
    for name, value in attributes.items():
        if isinstance(value, str):
            text = value.encode("ascii")
            kind = h5py.h5t.C_S1.copy()
            kind.set_size(len(text) + 1)
            space = h5py.h5s.create(h5py.h5s.SCALAR)
            attribute = h5py.h5a.create(target.id, name.encode(), kind, space)
            attribute.write(np.array(text, dtype=f"S{len(text) + 1}"))
        else:
            target.attrs[name] = value


def write_headers(file: h5py.File, product: Product, segments: Segments) -> None:
    """Write the root's attributes and the groups that describe the granule as a whole."""
    flown = product.flown
    write_attributes(file, _root_attributes(product))
    _write_metadata(file, product)
    _write_ancillary(file.create_group("ancillary_data"), product, segments)
    surface = file.create_dataset("ds_surf_type", data=np.arange(1, 6, dtype="i4"))
    write_attributes(
        surface,
        {
            "contentType": "referenceInformation",
            "long_name": "Surface Type Dimension Scale",
            "units": "1",
            "flag_meanings": _SURFACE_MEANINGS,
            "flag_values": np.arange(1, 6, dtype="i4"),
            "valid_min": np.int32(1),
            "valid_max": np.int32(5),
        },
    )
    surface.make_scale("ds_surf_type")
    xyz = file.create_dataset("ds_xyz", data=np.arange(1, 4, dtype="i4"))
    write_attributes(
        xyz,
        {
            "contentType": "referenceInformation",
            "long_name": "XYZ Dimension Scale",
            "units": "1",
            "flag_meanings": "X Y Z",
            "flag_values": np.arange(1, 4, dtype="i4"),
        },
    )
    xyz.make_scale("ds_xyz")
    orbit = file.create_group("orbit_info")
    _write_scaled(
        orbit,
        "crossing_time",
        _delta_time(flown.node_time),
        {
            "cycle_number": (np.int8(flown.cycle), "Cycle Number", "counts"),
            "lan": (flown.node_longitude, "Ascending Node Longitude", "degrees_east"),
            "orbit_number": (np.uint16(flown.orbit), "Orbit Number", "1"),
            "rgt": (np.int16(flown.rgt), "Reference Ground track", "counts"),
        },
    )
    _write_scaled(
        orbit,
        "sc_orient_time",
        float(segments.start[0]),
        {"sc_orient": (np.int8(sc_orient(flown.start)), "Spacecraft Orientation", "1")},
    )
    write_attributes(
        orbit["sc_orient"],
        {
            "flag_meanings": "backward forward transition",
            "flag_values": np.array([0, 1, 2], dtype="i1"),
        },
    )


def write_quality(file: h5py.File, shares: Mapping[str, Mapping[str, Any]], time: float) -> None:
    """Write ``quality_assessment``; ``shares`` hold what each beam's group says, by name."""
    group = file.create_group("quality_assessment")
    for name in ("qa_granule_fail_reason", "qa_granule_pass_fail"):
        dataset = group.create_dataset(name, data=np.zeros(1, dtype="i4"))
        write_attributes(dataset, {"contentType": "qualityInformation", "units": "1"})
    scale = group.create_dataset(
        "delta_time", data=np.array([time]), maxshape=(None,), chunks=(1,)
    )
    write_attributes(scale, _DELTA_TIME)
    scale.make_scale("delta_time")
    for beam, values in shares.items():
        below = group.create_group(beam)
        for name, value in values.items():
            dataset = below.create_dataset(name, data=value[None], maxshape=(None, 5))
            write_attributes(dataset, {"contentType": "qualityInformation", "units": "1"})
            dataset.dims[0].attach_scale(scale)
            dataset.dims[1].attach_scale(file["ds_surf_type"])


def _root_attributes(product: Product) -> dict[str, Any]:
    flown = product.flown
    return {
        "Conventions": "CF-1.6",
        "date_type": "UTC",
        "description": "Simulated photons in the form of the ICESat-2 product ATL03; not data.",
        "featureType": "trajectory",
        "granule_type": "ATL03",
        "identifier_product_doi": f"doi:10.5067/ATLAS/ATL03.{product.release}",
        "identifier_product_doi_authority": "http://dx.doi.org",
        "identifier_product_type": "ATL03",
        "instrument": "ATLAS > Advanced Topographic Laser Altimeter System",
        "level": "L2",
        "platform": "ICESat-2 > Ice, Cloud, and land Elevation Satellite-2",
        "processing_level": "2A",
        "short_name": "ATL03",
        "time_coverage_duration": float(round((flown.end - flown.start).total_seconds())),
        "time_coverage_end": _utc(flown.end),
        "time_coverage_start": _utc(flown.start),
        "time_type": "CCSDS UTC-A",
        "title": "SET_BY_META",
    }


def _write_metadata(file: h5py.File, product: Product) -> None:
    group = file.create_group("METADATA")
    write_attributes(
        group, {"Description": "ISO19115 Structured Metadata Represented within HDF5"}
    )
    flown = product.flown
    for name, attributes in (
        (
            "DatasetIdentification",
            {
                "VersionID": product.release,
                "fileName": f"{product.id}.h5",
                "language": "eng",
                "shortName": "ATL03",
                "spatialRepresentationType": "along-track",
            },
        ),
        (
            "Extent",
            {
                "rangeBeginningDateTime": _utc(flown.start),
                "rangeEndingDateTime": _utc(flown.end),
            },
        ),
        ("AcquisitionInformation/lidar", {"identifier": "ATLAS", "pulse_rate": "10000 pps"}),
        ("AcquisitionInformation/platform", {"identifier": "ICESat-2", "type": "Spacecraft"}),
    ):
        write_attributes(group.create_group(name), attributes)


def _write_ancillary(group: h5py.Group, product: Product, segments: Segments) -> None:
    flown = product.flown
    values: dict[str, Any] = {
        "atlas_sdp_gps_epoch": _GPS_EPOCH_SECONDS,
        "control": f"stand-in of {product.id}",
        "data_end_utc": _utc(EPOCH + timedelta(seconds=float(segments.start[-1]))),
        "data_start_utc": _utc(EPOCH + timedelta(seconds=float(segments.start[0]))),
        "granule_end_utc": _utc(flown.end),
        "granule_start_utc": _utc(flown.start),
        "release": product.release,
        "version": f"{product.revision:02d}",
    }
    for end, row, time in (("start", 0, flown.start), ("end", -1, flown.end)):
        delta_time = _delta_time(time)
        gps = delta_time + _GPS_EPOCH_SECONDS
        values |= {
            f"{end}_cycle": np.int32(flown.cycle),
            f"{end}_delta_time": delta_time,
            f"{end}_geoseg": np.int32(segments.id[row]),
            f"{end}_gpssow": gps % _GPS_WEEK,
            f"{end}_gpsweek": np.int32(gps // _GPS_WEEK),
            f"{end}_orbit": np.int32(flown.orbit),
            f"{end}_region": np.int32(flown.region),
            f"{end}_rgt": np.int32(flown.rgt),
        }
    for name, value in sorted(values.items()):
        stored = np.array([value.encode() if isinstance(value, str) else value])
        dataset = group.create_dataset(name, data=stored)
        units = _ANCILLARY_UNITS.get(name, "1")
        write_attributes(dataset, {"contentType": "auxiliaryInformation", "units": units})


def _write_scaled(
    group: h5py.Group, scale: str, time: float, values: Mapping[str, tuple[Any, str, str]]
) -> None:
    """One-row datasets, each (value, long name, units), on a time scale of their own."""
    filters: dict[str, Any] = {"maxshape": (None,), "chunks": (10_000,), "compression": 6}
    times = group.create_dataset(scale, data=np.array([time]), **filters)
    write_attributes(times, _DELTA_TIME | {"contentType": "referenceInformation"})
    times.make_scale(scale)
    for name, (value, long_name, units) in values.items():
        stored = np.array([value])
        dataset = group.create_dataset(
            name, data=stored, shuffle=stored.dtype.kind != "f", **filters
        )
        write_attributes(
            dataset,
            {
                "contentType": "referenceInformation",
                "coordinates": scale,
                "long_name": long_name,
                "units": units,
            },
        )
        dataset.dims[0].attach_scale(times)


def _delta_time(time: datetime) -> float:
    return (time - EPOCH).total_seconds()


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%fZ}"
