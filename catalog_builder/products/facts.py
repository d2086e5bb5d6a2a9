"""The products that are known, as facts; sources are their user guides and ATBDs at nsidc.org."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from catalog_builder.errors import ProductError
from catalog_builder.products.atl03 import DEFAULT_VARIABLES, VARIABLES
from catalog_builder.products.product import (
    PhotonClasses,
    PhotonJoin,
    Product,
    Rate,
    SegmentJoin,
)


def _segments(group: str, **names: str) -> Rate:
    known = {"latitude": "latitude", "longitude": "longitude", "time": "delta_time"}
    return Rate(dimension="segment", group=group, **(known | names))


def _without_place(dimension: str, group: str) -> Rate:
    return Rate(dimension=dimension, group=group, latitude=None, longitude=None, time="delta_time")


_PLACES: Final = dict.fromkeys(
    ("lat_ph", "lon_ph", "latitude", "longitude", "delta_time", "x_atc", "seg_dist_x"), "f8"
)
"""Types of places and times, but for latitudes and longitudes of ATL08."""

_ATL03: Final = Product(
    short_name="ATL03",
    title="Global Geolocated Photon Data",
    rates=(
        Rate(
            dimension="photon",
            group="heights",
            latitude="lat_ph",
            longitude="lon_ph",
            time="delta_time",
        ),
        Rate(
            dimension="segment",
            group="geolocation",
            latitude="reference_photon_lat",
            longitude="reference_photon_lon",
            time="delta_time",
        ),
        _without_place("segment", "geophys_corr"),
    ),
    defaults=DEFAULT_VARIABLES,
    columns={"signal_conf_ph": "surface_type", "surf_type": "surface_type"},
    types={**_PLACES, "signal_conf_ph": "i1", "surf_type": "i1"},
    keywords=("ATL03", "photon"),
    level="L2A",
    variables=VARIABLES,
    counts_photons=True,
)

_ATL06: Final = Product(
    short_name="ATL06",
    title="Land Ice Height",
    keywords=("ATL06", "land ice"),
    rates=(_segments("land_ice_segments"),),
    types={
        **_PLACES,
        "segment_id": "i4",
        "atl06_quality_summary": "i1",
        "n_fit_photons": "i4",
    },
    defaults=(
        "h_li",
        "h_li_sigma",
        "sigma_geo_h",
        "atl06_quality_summary",
        "segment_id",
        "ground_track/x_atc",
        "ground_track/y_atc",
        "fit_statistics/dh_fit_dx",
        "fit_statistics/n_fit_photons",
        "fit_statistics/h_robust_sprd",
    ),
)

_ATL07: Final = Product(
    short_name="ATL07",
    title="Sea Ice Height",
    keywords=("ATL07", "sea ice"),
    name_form="hemisphere",
    extent="hemisphere",
    rates=(_segments("sea_ice_segments"),),
    defaults=(
        "height_segment_id",
        "seg_dist_x",
        "heights/height_segment_height",
        "heights/height_segment_confidence",
        "heights/height_segment_quality",
        "heights/height_segment_type",
        "heights/height_segment_length_seg",
    ),
)

_ATL07QL: Final = replace(
    _ATL07,
    short_name="ATL07QL",
    title="Sea Ice Height, quick look",
    keywords=("ATL07QL", "sea ice", "quick look"),
    quick_look_of="ATL07",
)
"""Within three days of the measurement; the archive removes a granule when ATL07 has it."""

_ATL08: Final = Product(
    short_name="ATL08",
    title="Land and Vegetation Height",
    keywords=("ATL08", "canopy"),
    rates=(_segments("land_segments"), _without_place("photon", "signal_photons")),
    types={
        "delta_time": "f8",
        **dict.fromkeys(("segment_id_beg", "segment_id_end", "n_seg_ph"), "i4"),
        **dict.fromkeys(("n_te_photons", "n_ca_photons"), "i4"),
        **dict.fromkeys(("ph_segment_id", "classed_pc_indx"), "i4"),
        **dict.fromkeys(("classed_pc_flag", "d_flag", "segment_snowcover"), "i1"),
        **dict.fromkeys(("surf_type", "subset_can_flag", "subset_te_flag"), "i1"),
        "segment_landcover": "i2",  # i4 up to release 003
    },
    defaults=(
        "segment_id_beg",
        "segment_id_end",
        "segment_landcover",
        "segment_snowcover",
        "n_seg_ph",
        "solar_elevation",
        "dem_h",
        "terrain/h_te_best_fit",
        "terrain/h_te_median",
        "terrain/h_te_uncertainty",
        "terrain/terrain_slope",
        "terrain/n_te_photons",
        "canopy/h_canopy",
        "canopy/h_canopy_uncertainty",
        "canopy/h_mean_canopy",
        "canopy/canopy_openness",
        "canopy/n_ca_photons",
    ),
    columns={
        "canopy_h_metrics": "canopy_percentile",
        "canopy_h_metrics_abs": "canopy_percentile",
        "surf_type": "surface_type",
        "latitude_20m": "part_20m",
        "longitude_20m": "part_20m",
        "h_canopy_20m": "part_20m",
        "subset_can_flag": "part_20m",
        "h_te_best_fit_20m": "part_20m",
        "subset_te_flag": "part_20m",
    },
    classes=PhotonClasses(
        join=SegmentJoin(
            segment="signal_photons/ph_segment_id",
            place="signal_photons/classed_pc_indx",
            first="land_segments/segment_id_beg",
            last="land_segments/segment_id_end",
            count="land_segments/n_seg_ph",
        ),
        time="signal_photons/delta_time",
        tolerance=0.0,
        label="signal_photons/classed_pc_flag",
        meanings={0: "noise", 1: "ground", 2: "canopy", 3: "top_of_canopy"},
        las={0: 7, 1: 2, 2: 5, 3: 5},
    ),
)

_ATL10: Final = Product(
    short_name="ATL10",
    title="Sea Ice Freeboard",
    keywords=("ATL10", "freeboard"),
    name_form="hemisphere",
    extent="hemisphere",
    rates=(_segments("freeboard_segment"),),
    defaults=(
        "beam_fb_height",
        "beam_fb_unc",
        "beam_fb_quality_flag",
        "height_segment_id",
        "seg_dist_x",
        "heights/height_segment_height",
        "heights/height_segment_type",
    ),
)

_ATL13: Final = Product(
    short_name="ATL13",
    title="Along Track Inland Surface Water Data",
    keywords=("ATL13", "inland water"),
    extent="four orbits",
    rates=(_segments("", latitude="segment_lat", longitude="segment_lon"),),
    types={
        **dict.fromkeys(("segment_lat", "segment_lon", "delta_time"), "f8"),
        "atl13refid": "i8",
        "inland_water_body_type": "i1",
    },
    defaults=(
        "ht_water_surf",
        "ht_ortho",
        "stdev_water_surf",
        "water_depth",
        "atl13refid",
        "inland_water_body_type",
        "err_ht_water_surf",
    ),
)

_ATL24: Final = Product(
    short_name="ATL24",
    title="Coastal and Nearshore Bathymetry",
    keywords=("ATL24", "bathymetry"),
    name_form="made from ATL03",
    rates=(
        Rate(
            dimension="photon",
            group="",
            latitude="lat_ph",
            longitude="lon_ph",
            time="delta_time",
        ),
    ),
    defaults=("class_ph", "confidence", "ortho_h", "surface_h", "ellipse_h", "x_atc", "y_atc"),
    types={**_PLACES, "index_ph": "i4", "class_ph": "i1", "confidence": "f8"},
    classes=PhotonClasses(
        join=PhotonJoin(place="index_ph"),
        time="delta_time",
        tolerance=1e-5,
        label="class_ph",
        meanings={0: "unclassified", 1: "other", 40: "bathymetry", 41: "sea_surface"},
        las={40: 40, 41: 41},
        columns={
            "confidence_atl24": "confidence",
            "ellipse_h_atl24": "ellipse_h",
            "lat_ph_atl24": "lat_ph",
            "lon_ph_atl24": "lon_ph",
        },
    ),
)

PRODUCTS: Final = {
    product.short_name: product
    for product in (_ATL03, _ATL06, _ATL07, _ATL07QL, _ATL08, _ATL10, _ATL13, _ATL24)
}
"""Every product that is known, by its short name."""

CLASSES: Final = {
    name.lower(): product.classes for name, product in PRODUCTS.items() if product.classes
}
"""How products give photons classes, by the names that users give these: ``atl08``."""

PHOTONS: Final = _ATL03
"""The product that is opened by photon, and that others join to."""

_GRIDDED: Final = "it is a grid, not along tracks: open it with xarray"
_REFUSED: Final = {
    "ATL02": "it has no places",
    "ATL04": "it has no heights of a surface",
    **dict.fromkeys(("ATL09", "ATL09QL"), "its profiles belong to pairs of beams"),
    "ATL11": "its rows are places that many cycles share",
    "ATL12": "its rows are stretches of ocean of many kilometres",
    **dict.fromkeys(
        ("ATL14", "ATL15", "ATL16", "ATL17", "ATL18", "ATL19", "ATL20", "ATL21", "ATL23"), _GRIDDED
    ),
    "ATL22": "its rows are whole lakes and rivers",
}
"""Products that are not opened, and why."""


def product_named(short_name: str) -> Product:
    """The product of this short name, in any case.

    Raises :class:`~catalog_builder.errors.ProductError` for one that is not known, with the reason
    where there is one.
    """
    name = short_name.strip().upper()
    if found := PRODUCTS.get(name):
        return found
    known = ", ".join(PRODUCTS)
    if reason := _REFUSED.get(name):
        raise ProductError(f"{name} is not opened here: {reason}. Opened are {known}.")
    close = get_close_matches(name, PRODUCTS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ProductError(f"{short_name!r} is no product of ICESat-2 that is known.{hint} {known}.")
