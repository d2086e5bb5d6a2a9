"""Facts and a map of footprints, as HTML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import shapely

from catalog_builder.catalog.html_summary import MOST_DRAWN, html_summary, span, svg_map


def size(svg: str) -> tuple[float, float]:
    root = ET.fromstring(svg)
    return float(root.attrib["width"]), float(root.attrib["height"])


@pytest.mark.parametrize(
    "shapes",
    [
        [shapely.box(-135, 58, -134, 60)],
        [shapely.box(179, -20, 180, -10), shapely.box(-180, -20, -179, -10)],
        [shapely.MultiPolygon([shapely.box(-180, 80, 180, 88)])],
        [shapely.box(-135, -89, 10, -80)] * 500,
    ],
)
def test_all_that_is_drawn_lies_on_the_map(shapes: list[shapely.Geometry]) -> None:
    svg = svg_map(shapes)
    width, height = size(svg)
    assert 0 < width <= 361
    assert 0 < height <= 201
    drawn = re.findall(r"M([-\d., ]+)Z", svg)
    assert 0 < len(drawn) <= max(MOST_DRAWN, 2)
    for one in drawn:
        places = np.array([part.split(",") for part in one.split()], dtype=float)
        assert (places >= -0.1).all()
        assert (places <= [width + 1, height + 1]).all()


def test_across_180_the_map_is_of_that_place_alone() -> None:
    svg = svg_map([shapely.box(179, -20, 180, -10), shapely.box(-180, -20, -179, -10)])
    width, height = size(svg)
    assert width < 1.6 * height
    assert "180°" in svg
    assert ">0°" not in svg


def test_text_is_escaped_and_what_is_none_left_out() -> None:
    html = html_summary("<b>", [("a<", "<script>"), ("none", None), ("many", 1408)], [])
    assert "<script>" not in html
    assert "none" not in html
    assert "1,408" in html
    assert "<svg" not in html


def test_spans() -> None:
    assert span([]) is None
    assert span([3, 1, 3]) == "1, 3"
    assert span(range(5)) == "0 … 4 (5)"
