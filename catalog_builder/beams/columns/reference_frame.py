"""In which frame places and heights of a Dataset are, as the CF conventions tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from catalog_builder.beams.loading import as_variable
from catalog_builder.products.atl03 import reference_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

CRS: Final = "crs"
"""Name of the grid mapping variable."""

_EPSG: Final = {"ITRF2014": "EPSG:7912", "ITRF2020": "EPSG:9989"}
"""Longitude, latitude and ellipsoidal height in each frame."""

_ELLIPSOID: Final = {
    "reference_ellipsoid_name": "WGS 84",
    "semi_major_axis": 6378137.0,
    "inverse_flattening": 298.257223563,
    "prime_meridian_name": "Greenwich",
    "longitude_of_prime_meridian": 0.0,
}


def with_reference_frame(
    data: Mapping[str, xr.Variable], release: str
) -> tuple[dict[str, xr.Variable], dict[str, str]]:
    """The grid mapping as a coordinate, and attributes of the Dataset.

    ``release`` is that of the ATL03 granule, or of the product made from it. Heights among
    ``data`` name the grid mapping; their values stay as they are.
    """
    frame = reference_frame(release)
    for name, variable in data.items():
        if is_height(name, variable.attrs):
            variable.attrs["grid_mapping"] = CRS
    attrs: dict[str, Any] = {
        "grid_mapping_name": "latitude_longitude",
        "geographic_crs_name": frame,
        "horizontal_datum_name": f"International Terrestrial Reference Frame {frame[-4:]}",
        **_ELLIPSOID,
        "epsg_code": _EPSG[frame],
        "comment": f"realisation of the frame by release {release}; each place at its own time",
    }
    return {CRS: as_variable((), np.array(0, np.int32), attrs)}, frame_attributes(release)


def frame_attributes(release: str) -> dict[str, str]:
    """Attributes of a Dataset of a release: what its places and heights refer to."""
    return {
        "reference_frame": reference_frame(release),
        "vertical_reference": (
            "ellipsoid WGS 84, metres upward; heights that say so are above other surfaces"
        ),
    }


def is_height(name: str, attrs: Mapping[str, Any]) -> bool:
    """Whether a variable is a height above some surface, by its name and unit."""
    words = name.split("_")
    metres = str(attrs.get("units", "")).lower() in ("m", "meter", "meters", "metre", "metres")
    return metres and not {"h", "ht"}.isdisjoint(words)
