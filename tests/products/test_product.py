"""Which rows a dataset has, by the facts of its product."""

from __future__ import annotations

import pytest

from catalog_builder.products.facts import PRODUCTS


@pytest.mark.parametrize(
    ("product", "path", "dimension"),
    [
        ("ATL08", "land_segments/canopy/h_canopy", "segment"),
        ("ATL08", "land_segments/latitude", "segment"),
        ("ATL08", "signal_photons/ph_h", "photon"),
        ("ATL06", "segment_quality/delta_time", None),
        ("ATL06", "land_ice_segments_extra/x", None),
        ("ATL24", "class_ph", "photon"),
        ("ATL24", "some_group/x", None),
        ("ATL03", "geophys_corr/geoid", "segment"),
        ("ATL03", "bckgrd_atlas/delta_time", None),
    ],
)
def test_rows_of_a_dataset(product: str, path: str, dimension: str | None) -> None:
    rate = PRODUCTS[product].rate_of(path)
    assert (None if rate is None else rate.dimension) == dimension


def test_paths_of_flat_products_have_no_group() -> None:
    assert PRODUCTS["ATL24"].main.path("lat_ph") == "lat_ph"
    assert PRODUCTS["ATL06"].main.path("h_li") == "land_ice_segments/h_li"


def test_types_are_known_where_no_file_tells_them() -> None:
    bathymetry = PRODUCTS["ATL24"]
    assert bathymetry.type_of("lat_ph") == bathymetry.type_of("confidence") == "f8"
    assert bathymetry.type_of("ellipse_h") == "f4"
    assert PRODUCTS["ATL08"].type_of("signal_photons/d_flag") == "i1"
    # 0.4 to 0.8 m, and so they stay.
    assert PRODUCTS["ATL08"].type_of("land_segments/latitude") == "f4"
