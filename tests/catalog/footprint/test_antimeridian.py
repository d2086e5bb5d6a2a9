from __future__ import annotations

import numpy as np
import shapely

from catalog_builder.catalog.footprint.antimeridian import halves, split
from catalog_builder.catalog.footprint.ragged_rings import RaggedRings
from catalog_builder.catalog.footprint.swath import _halved

ACROSS = [[178, 10], [182, 10], [182, 11], [178, 11], [178, 10]]
FROM_BEYOND = [[182, 11], [178, 11], [178, 10], [182, 10], [182, 11]]
TWICE = [[178, 0], [182, 0], [182, 1], [179, 2], [182, 3], [182, 4], [178, 4], [178, 0]]
TOUCHES = [[178, 0], [180, 0], [182, 1], [178, 1], [178, 0]]
SLIVER = [[179, 0], [181, 0.000001], [179, 0.000002], [179, 0]]


def rings(*corners: list[list[float]]) -> RaggedRings:
    arrays = [np.array(one, dtype=np.float64) for one in corners]
    return RaggedRings.of([one[:, 0] for one in arrays], [one[:, 1] for one in arrays])


def test_a_ring_is_cut_in_two() -> None:
    before, beyond, cut = halves(rings(ACROSS, FROM_BEYOND))
    assert cut.tolist() == [True, True]
    for polygons, expected in ((before, (178, 10, 180, 11)), (beyond, (-180, 10, -178, 11))):
        for polygon in polygons.polygons():
            assert polygon.equals(shapely.box(*expected))
            assert polygon.exterior.is_ccw


def test_only_rings_that_cross_once_there_and_once_back_are_cut_so() -> None:
    before, beyond, cut = halves(rings(TWICE, ACROSS, TOUCHES, SLIVER))
    assert cut.tolist() == [False, True, False, False]
    assert len(before) == len(beyond) == 1


def test_none_can_be_cut_so() -> None:
    others = rings(TWICE, TOUCHES, SLIVER)
    assert _halved(others, np.ones(3, dtype=bool)) == [None] * 3
    assert _halved(others, np.zeros(3, dtype=bool)) == []


def test_the_others_are_cut_as_shapes() -> None:
    for corners, parts in ((TWICE, 3), (TOUCHES, 2)):
        polygon = shapely.Polygon(corners)
        found = split(polygon)
        assert shapely.get_num_geometries(found) == parts
        assert found.is_valid
        assert found.bounds[0] == -180
        assert np.isclose(found.area, polygon.area)
    whole = shapely.box(170, 0, 180, 1)
    assert split(whole) is whole
