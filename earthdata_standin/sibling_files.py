"""Granules of ATL06, ATL08 and ATL24 that go with an ATL03 granule: made from its photons.

Layouts as the siblings' data dictionaries have them (chunks of 10,000, deflate, shuffle on whole
numbers). Classes follow from the heights by rules that a test can apply again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from earthdata_standin.photons import surface_height
from earthdata_standin.scenery import corrected, is_sea, land_truth, sea_truth
from earthdata_standin.tracks import BEAM_OFFSETS

Arrays = Mapping[str, NDArray[Any]]

NEAR_GROUND: Final = 0.1
"""Metres from the median height of a segment's signal up to which a photon is ground."""

_CHUNK: Final = 10_000
_FILLS: Final = {"float32": 3.4028235e38, "float64": 1.7976931348623157e308}
BY_HEMISPHERE: Final = ("ATL07", "ATL07QL", "ATL10")
"""Products with ``-01`` (Arctic) or ``-02`` (Antarctic) in a name,"""
CUT_OTHERWISE: Final = (*BY_HEMISPHERE, "ATL13")
"""and all that are not cut by region."""

_COPIED: Final = ("atlas_beam_type", "atlas_spot_number", "sc_orientation", "groundtrack_id")


def sibling_name(
    atl03: str, product: str, *, revision: int | None = None, southern: bool = False
) -> str:
    """File name of the sibling of a granule; by default of the same revision.

    ATL24 has the release and revision of the ATL03 granule in its name, and then its own.
    """
    stem = atl03.removesuffix(".h5").removeprefix("ATL03_")
    if product in CUT_OTHERWISE:
        stem = f"{stem[:21]}01{stem[23:]}"  # of region 01
    if product == "ATL24":
        return f"ATL24_{stem}_002_{revision or 1:02d}.h5"
    if revision is not None:
        stem = f"{stem[:-2]}{revision:02d}"
    hemisphere = f"-{1 + southern:02d}" if product in BY_HEMISPHERE else ""
    return f"{product}{hemisphere}_{stem}.h5"


def write_sibling(
    path: Path, atl03: Path, *, name: str | None = None, scenery: bool = False
) -> Path:
    """Write the granule of a name, by default the path's, from an ATL03 file, maybe of scenery."""
    product = re.split("[-_]", name or path.name)[0]
    with h5py.File(atl03) as source, h5py.File(path, "w") as file:
        file.attrs["short_name"] = np.bytes_(product.encode())
        lineage = file.create_group("METADATA/Lineage/ATL03")
        lineage.attrs["fileName"] = np.bytes_(atl03.name.encode())
        orient = source["orbit_info/sc_orient"][:]
        file.create_dataset("orbit_info/sc_orient", data=orient, maxshape=(None,))
        for beam in BEAM_OFFSETS:
            if beam not in source or not len(source[f"{beam}/heights/h_ph"]):
                continue
            group = file.create_group(beam)
            for name in _COPIED:
                if name in source[beam].attrs:
                    group.attrs[name] = source[beam].attrs[name]
            for dataset, values in _MAKERS[product](
                _Beam(source[beam], beam, scenery=scenery)
            ).items():
                _write(group, dataset, values)
    return path


class _Beam:
    """What is taken from a beam of ATL03."""

    def __init__(self, group: h5py.Group, name: str, *, scenery: bool) -> None:
        def read(name: str) -> NDArray[Any]:
            return np.asarray(group[name][:])

        self.segment_id = read("geolocation/segment_id")
        self.count = read("geolocation/segment_ph_cnt").astype(np.int64)
        self.lat, self.lon = read("heights/lat_ph"), read("heights/lon_ph")
        self.time, self.height = read("heights/delta_time"), read("heights/h_ph")
        self.signal = read("heights/signal_conf_ph").max(axis=1) >= 2
        self.segment = np.repeat(np.arange(len(self.count)), self.count)
        """Row of each photon's segment."""
        first = np.cumsum(self.count) - self.count
        self.place = np.arange(len(self.segment)) - first[self.segment] + 1
        """Place of each photon in its segment, from 1."""
        self.geoid = read("geophys_corr/geoid")
        self.above: NDArray[Any] | None = None  # the true ground or water, where there is scenery
        self.sea = np.ones(len(self.segment), np.bool_)  # whether ATL24 may list it
        if scenery:
            surface = read("geolocation/surf_type")[self.segment]
            x = read("geolocation/segment_dist_x")[self.segment] + read("heights/dist_ph_along")
            self.above = self.height - surface_height(x, BEAM_OFFSETS[name], surface)
            self.sea = is_sea(surface)


def land_class(height: NDArray[Any], segment: NDArray[Any]) -> NDArray[np.int8]:
    """Class of signal photons, in order: by height above the median of their segment's signal.

    1 ground within 0.1 m, 0 noise below that, 2 canopy above, 3 for the highest one of the canopy.
    """
    found = np.zeros(len(height), np.int8)
    starts = np.flatnonzero(np.diff(segment, prepend=-1))
    for first, last in zip(starts, [*starts[1:], len(segment)], strict=True):
        here = slice(first, last)
        above = height[here] - np.median(height[here])
        classes = np.where(np.abs(above) <= NEAR_GROUND, 1, np.where(above > 0, 2, 0))
        if (classes == 2).any():
            classes[int(np.argmax(above))] = 3
        found[here] = classes
    return found


def _atl08(beam: _Beam) -> Arrays:
    listed = np.flatnonzero(beam.signal)
    segment = beam.segment[listed]
    land = beam.segment_id[segment] // 5
    lands, first, count = np.unique(land, return_index=True, return_counts=True)
    middle = listed[first + count // 2] if len(listed) else listed
    ids = (lands * 5).astype(np.int32)
    rows = len(lands)
    height = beam.height[middle].astype(np.float32)
    classes = land_class(beam.height[listed].astype(np.float64), segment)
    parts = [listed[a : a + n] for a, n in zip(first, count, strict=True)]
    ground = np.array([np.median(beam.height[part]) for part in parts], np.float32)
    canopy, ph_h = height - ground, beam.height[listed] - ground[np.searchsorted(lands, land)]
    if beam.above is not None:
        classes, ph_h = land_truth(beam.above[listed], segment), beam.above[listed]
        true = beam.height - beam.above
        ground = np.array([np.median(true[part]) for part in parts], np.float32)
        # RH98, of what is above the ground.
        canopy = np.array([np.quantile(beam.above[part], 0.98) for part in parts])
    fill = np.full((rows, 18), _FILLS["float32"], np.float32)
    return {
        "land_segments/segment_id_beg": ids,
        "land_segments/segment_id_end": ids + np.int32(4),
        "land_segments/ph_ndx_beg": (first + 1).astype(np.int64),
        "land_segments/n_seg_ph": count.astype(np.int32),
        "land_segments/latitude": beam.lat[middle].astype(np.float32),
        "land_segments/longitude": beam.lon[middle].astype(np.float32),
        "land_segments/delta_time": beam.time[middle],
        "land_segments/latitude_20m": np.repeat(beam.lat[middle, None], 5, 1).astype(np.float32),
        "land_segments/terrain/h_te_best_fit": ground,
        "land_segments/canopy/h_canopy": canopy.astype(np.float32),
        "land_segments/canopy/canopy_h_metrics": fill,
        "signal_photons/ph_segment_id": beam.segment_id[segment].astype(np.int32),
        "signal_photons/classed_pc_indx": beam.place[listed].astype(np.int32),
        "signal_photons/classed_pc_flag": classes,
        "signal_photons/d_flag": np.ones(len(listed), np.int8),
        "signal_photons/delta_time": beam.time[listed],
        "signal_photons/ph_h": ph_h.astype(np.float32),
    }


def _atl24(beam: _Beam) -> Arrays:
    listed = np.flatnonzero(beam.signal & beam.sea)
    geoid = beam.geoid[beam.segment[listed]].astype(np.float64)
    above = beam.height[listed] - geoid
    middle = float(np.median(above)) if len(above) else 0.0
    classes = np.where(above < middle - 1.0, 40, np.where(above <= middle + 1.0, 41, 1))
    raised, surface = 0.25 * (classes == 40), np.full(len(listed), middle)
    if beam.above is not None:
        here = beam.above[listed]
        classes = sea_truth(here)
        raised, surface = corrected(here, classes) - here, above - here
    deep = (classes == 40).astype(np.float64)
    return {
        "index_ph": listed.astype(np.int32),
        "index_seg": beam.segment[listed].astype(np.int32),
        "class_ph": classes.astype(np.int8),
        "confidence": np.where(classes == 1, 0.0, 0.9),
        # Computed anew there, so not the same bits.
        "delta_time": beam.time[listed] + 1e-6,
        "lat_ph": beam.lat[listed] + 1e-7 * deep,
        "lon_ph": beam.lon[listed] + 1e-7 * deep,
        "ellipse_h": (beam.height[listed] + raised).astype(np.float32),
        "ortho_h": (above + raised).astype(np.float32),
        "surface_h": surface.astype(np.float32),
        "x_atc": np.arange(len(listed), dtype=np.float64),
        "y_atc": np.zeros(len(listed), np.float32),
    }


def _atl06(beam: _Beam) -> Arrays:
    listed = np.flatnonzero(beam.signal)
    segment = beam.segment[listed]
    rows, first, count = np.unique(segment, return_index=True, return_counts=True)
    middle = listed[first + count // 2] if len(listed) else listed
    height = np.array(
        [np.mean(beam.height[listed[a : a + n]]) for a, n in zip(first, count, strict=True)],
        np.float32,
    )
    height[count < 3] = _FILLS["float32"]  # too few photons for a fit
    nothing = np.full(len(rows), 0.02, np.float32)
    return {
        "land_ice_segments/segment_id": beam.segment_id[rows].astype(np.int32),
        "land_ice_segments/latitude": beam.lat[middle],
        "land_ice_segments/longitude": beam.lon[middle],
        "land_ice_segments/delta_time": beam.time[middle],
        "land_ice_segments/h_li": height,
        "land_ice_segments/h_li_sigma": nothing,
        "land_ice_segments/sigma_geo_h": nothing,
        "land_ice_segments/atl06_quality_summary": (count < 3).astype(np.int8),
        "land_ice_segments/ground_track/x_atc": beam.segment_id[rows] * 20.0,
        "land_ice_segments/ground_track/y_atc": nothing,
        "land_ice_segments/fit_statistics/n_fit_photons": count.astype(np.int32),
        "land_ice_segments/dem/dem_h": height,
        "segment_quality/delta_time": np.repeat(beam.time[middle], 2),
        "segment_quality/record_number": np.arange(2 * len(rows), dtype=np.int32),
    }


def _by_segment(group: str, renamed: Mapping[str, str]) -> Callable[[_Beam], Arrays]:
    """A maker of one row a segment, in a group, under a product's own names."""

    def make(beam: _Beam) -> Arrays:
        rows = _atl06(beam)
        return {
            f"{group}{name}": rows[f"land_ice_segments/{source}"]
            for name, source in renamed.items()
        }

    return make


_ICE: Final = {
    "height_segment_id": "segment_id",
    "latitude": "latitude",
    "longitude": "longitude",
    "delta_time": "delta_time",
    "seg_dist_x": "ground_track/x_atc",
    "heights/height_segment_height": "h_li",
    "heights/height_segment_type": "atl06_quality_summary",
}
_SEA_ICE: Final = _by_segment(
    "sea_ice_segments/",
    {
        **_ICE,
        "heights/height_segment_confidence": "h_li_sigma",
        "heights/height_segment_quality": "atl06_quality_summary",
        "heights/height_segment_length_seg": "sigma_geo_h",
    },
)
_MAKERS: Final[Mapping[str, Callable[[_Beam], Arrays]]] = {
    "ATL06": _atl06,
    "ATL07": _SEA_ICE,
    "ATL07QL": _SEA_ICE,
    "ATL08": _atl08,
    "ATL10": _by_segment(
        "freeboard_segment/",
        {
            **_ICE,
            "beam_fb_height": "h_li",
            "beam_fb_unc": "h_li_sigma",
            "beam_fb_quality_flag": "atl06_quality_summary",
        },
    ),
    "ATL13": _by_segment(
        "",
        {
            "segment_lat": "latitude",
            "segment_lon": "longitude",
            "delta_time": "delta_time",
            "ht_water_surf": "h_li",
            "ht_ortho": "dem/dem_h",
            "stdev_water_surf": "h_li_sigma",
            "water_depth": "sigma_geo_h",
            "atl13refid": "segment_id",
            "inland_water_body_type": "atl06_quality_summary",
            "err_ht_water_surf": "h_li_sigma",
        },
    ),
    "ATL24": _atl24,
}


def _write(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    whole = values.dtype.kind in "iu"
    dataset = group.create_dataset(
        name,
        data=values,
        chunks=(_CHUNK, *values.shape[1:]),
        maxshape=(None, *values.shape[1:]),
        compression=6,
        shuffle=whole,
    )
    dataset.attrs["units"] = np.bytes_(b"1" if whole else b"meters")
    if values.dtype.name in _FILLS:
        dataset.attrs["_FillValue"] = np.array(_FILLS[values.dtype.name], values.dtype)
