"""How granules that were found show in a notebook: facts, and a map of their footprints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from catalog_builder.plain_text import visible

MOST_DRAWN: Final = 100
"""Footprints on a map; of more, every so many."""

_WIDTH, _HEIGHT = 360.0, 200.0
"""Pixels of a map, at most."""

_WIDEST: Final = 1.2
"""How much wider than high a map is, at least: footprints are long and thin."""

_STEPS: Final = (60.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1)
"""Degrees between the lines of a map."""

_STYLE: Final = (
    "text-align:left;font-weight:600;padding:1px 12px 1px 0",
    "text-align:left;padding:1px 0",
)


def html_summary(title: str, facts: Iterable[tuple[str, Any]], shapes: Sequence[Any]) -> str:
    """A title, names and values (those that are None left out), and a map of shapely geometries.

    The geometries are split at ±180.
    """
    head, body = _STYLE
    rows = "".join(
        f"<tr><th style='{head}'>{_text(name)}</th><td style='{body}'>{_text(value)}</td></tr>"
        for name, value in facts
        if value is not None
    )
    drawn = svg_map(shapes) if len(shapes) else ""
    return f"<div><b>{_text(title)}</b><table>{rows}</table>{drawn}</div>"


def span(values: Iterable[Any]) -> str | None:
    """The first and last of some values, and how many; None without any."""
    known = sorted({*values})
    if not known:
        return None
    if len(known) <= 3:
        return ", ".join(map(str, known))
    return f"{known[0]} … {known[-1]} ({len(known)})"


def svg_map(shapes: Sequence[Any]) -> str:
    """Geometries, degrees, on a map of longitude and latitude, as an SVG element.

    Those on both sides of ±180 are drawn side by side.
    """
    every = -(-len(shapes) // MOST_DRAWN)
    geometries = np.array([*shapes][::every], dtype=object)
    parts = shapely.get_parts(geometries)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    parts = parts[~shapely.is_empty(parts)]
    if not len(parts):
        return ""
    west, south, east, north = shapely.total_bounds(parts)
    if east - west > 180 and not _is_global(parts):
        parts = np.array([_eastward(one) for one in parts], dtype=object)
        west, south, east, north = shapely.total_bounds(parts)
    room = max(0.08 * max(east - west, north - south), 0.05)
    narrowed = max(np.cos(np.radians((south + north) / 2)), 0.15)
    wide = min(_WIDEST * (north - south + 2 * room) / narrowed, 360.0)
    beside = max(room, (wide - (east - west)) / 2)
    west, east = west - beside, east + beside
    south, north = max(south - room, -90.0), min(north + room, 90.0)
    narrow = max(np.cos(np.radians((south + north) / 2)), 0.15)
    scale = min(_WIDTH / ((east - west) * narrow), _HEIGHT / (north - south))
    width, height = (east - west) * narrow * scale, (north - south) * scale

    def placed(lon: Any, lat: Any) -> tuple[Any, Any]:
        return (lon - west) * narrow * scale, (north - lat) * scale

    step = next((s for s in _STEPS if max(east - west, north - south) / s >= 3), _STEPS[-1])
    lines, words = [], []
    for lon in np.arange(np.ceil(west / step) * step, east, step):
        x, _ = placed(lon, north)
        lines.append(f"M{x:.1f} 0V{height:.1f}")
        words.append(_label(x + 2, height - 3, _degrees((lon + 180) % 360 - 180, "EW")))
    for lat in np.arange(np.ceil(south / step) * step, north, step):
        _, y = placed(west, lat)
        lines.append(f"M0 {y:.1f}H{width:.1f}")
        words.append(_label(2, y - 2, _degrees(lat, "NS")))
    paths = "".join(_path(one, placed) for one in parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.0f} {height:.0f}' role='img' aria-label='Map of footprints'>"
        f"<rect width='100%' height='100%' fill='#f4f6f8'/>"
        f"<path d='{''.join(lines)}' stroke='#c5ced8' stroke-width='.6' fill='none'/>"
        f"<path d='{paths}' fill='#0072b2' fill-opacity='.25' stroke='#0072b2' "
        f"stroke-width='.7'/>"
        f"<g font-size='8' font-family='sans-serif' fill='#55626f'>{''.join(words)}</g></svg>"
    )


def _is_global(parts: NDArray[np.object_]) -> bool:
    """Whether longitudes are spread all round: moving them would not help."""
    bounds = shapely.bounds(parts)
    return bool(((bounds[:, 0] < 90) & (bounds[:, 2] > -90)).any())


def _eastward(shape: Any) -> Any:
    """A geometry of the western half moved to the east of ±180."""
    if shape.bounds[2] > 0:
        return shape
    return shapely.transform(shape, lambda places: places + np.array([360.0, 0.0]))


def _path(shape: Any, placed: Any) -> str:
    x, y = placed(*shapely.get_coordinates(shape.exterior).T)
    steps = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f"M{steps}Z"


def _label(x: float, y: float, text: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}'>{text}</text>"


def _degrees(value: float, signs: str) -> str:
    sign = "" if value == 0 else signs[0] if value > 0 else signs[1]
    return f"{abs(value):g}°{sign}"


def _text(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return escape(visible(text))
