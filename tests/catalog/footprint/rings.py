"""Rings of granules as NASA's records draw them, and what a sound footprint is."""

from __future__ import annotations

import numpy as np
from shapely.geometry import box, shape

from catalog_builder.catalog.footprint.swath import Footprint
from catalog_builder.geo import orbit
from catalog_builder.products.granule_name import REGION_MIDDLES

HALF_SPAN = {4: 10.0, 11: 11.0}
"""Degrees of flight from a region's middle to its end; the others are 13 or longer."""


def ring_of(
    node: float, region: int, *, vertices: int = 12, half_width: float = 0.056
) -> tuple[np.ndarray, np.ndarray]:
    """A ring as NASA writes them: sparse, closed, unsplit at ±180."""
    half = HALF_SPAN.get(region, 12.0)
    side = REGION_MIDDLES[region - 1] + np.linspace(-half, half, vertices)
    u = np.concatenate([side, side[::-1], side[:1]])
    cross = np.repeat([half_width, -half_width], vertices)
    lon, lat = orbit.from_orbit(u, np.append(cross, half_width), node)
    return ((lon + 180) % 360 - 180).round(5), lat.round(5)


def assert_sound(footprint: Footprint) -> None:
    """Valid by shapely and by RFC 7946, and inside its box."""
    geometry = shape(footprint.geometry)
    assert geometry.is_valid
    parts = list(getattr(geometry, "geoms", [geometry]))
    west, south, east, north = footprint.bbox
    assert -180 <= west <= 180
    assert -180 <= east <= 180
    assert -88.2 < south < north < 88.2  # no false pole
    for part in parts:
        assert part.exterior.is_ccw
        assert not part.interiors
        lon = np.array(part.exterior.coords)[:, 0]
        assert np.abs(np.diff(lon)).max() < 180
        inside = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
        assert inside.all()
    crosses = west > east
    assert crosses == (len(parts) > 1)
    if crosses:
        eastern, western = box(west, south, 180, north), box(-180, south, east, north)
        assert eastern.union(western).buffer(1e-9).covers(geometry)
