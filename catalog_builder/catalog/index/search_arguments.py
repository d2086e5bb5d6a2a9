"""The arguments of a search, checked once for Python, for intake and for ``find``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import index
from typing import Any, Final, Self, TypedDict, get_args

from catalog_builder.errors import WindowError
from catalog_builder.geo.area import read_geometry
from catalog_builder.geo.area_input import read_shape
from catalog_builder.geo.window import Box, Moment, interval_text, parse_box
from catalog_builder.products.granule_name import REGIONS, TRACKS, OrbitState

COLUMNS: Final = {
    "rgt": "sat:relative_orbit",
    "cycle": "sat:orbit_cycle",
    "region": "icesat2:region",
    "orbit_state": "sat:orbit_state",
    "revision": "icesat2:revision",
}
"""Arguments that a column of the index must equal, and that column."""

_NUMBERS: Final[dict[str, tuple[int, int | None]]] = {
    "rgt": (1, TRACKS),
    "cycle": (1, 99),
    "region": (1, REGIONS),
    "revision": (1, 99),
    "limit": (0, None),
}
"""Lowest and highest value of arguments that are whole numbers."""

WHOLE_NUMBERS: Final = frozenset(_NUMBERS)
"""Arguments that are whole numbers."""

Value = int | str | tuple[int, ...]
"""What a column must be; of several numbers, one."""

Numbers = int | Collection[int] | None
"""One number, or several, one of which it must be."""

SORTS: Final = ("datetime", "-datetime")
"""Orders of what is found: by start, or from the latest to the earliest."""


class SearchOptions(TypedDict, total=False):
    """Keyword arguments of :meth:`SearchArguments.parse`; None is as if not given."""

    bbox: Sequence[float] | str | None
    intersects: Any
    datetime: Moment | Sequence[Moment]
    area: Any
    rgt: Numbers
    cycle: Numbers
    region: Numbers
    orbit_state: str | None
    revision: Numbers
    precise: bool | None
    limit: int | None
    ids: Collection[str] | None
    sortby: str | None
    collections: Collection[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchArguments:
    """Conditions that must all hold; None is no condition. Made by :meth:`parse`."""

    bbox: Box | None = None
    """West, south, east, north, degrees; west > east crosses ±180."""
    intersects: Mapping[str, Any] | None = None
    """A GeoJSON Polygon or MultiPolygon as plain lists of longitude and latitude, degrees."""
    datetime: str | None = None
    """A time, or an interval ``A/B`` with ``..`` for an open end; a date is the whole day."""
    rgt: int | tuple[int, ...] | None = None
    """Number of the reference ground track, 1 to 1387; of several numbers, here and below, one."""
    cycle: int | tuple[int, ...] | None = None
    """Number of the 91-day cycle, from 1."""
    region: int | tuple[int, ...] | None = None
    """Part of the revolution, 1 to 14."""
    orbit_state: str | None = None
    """``ascending``, ``descending``, or ``crossing``: regions 4 and 11, where the direction
    changes."""
    revision: int | tuple[int, ...] | None = None
    """Number of the granule's revision, from 1."""
    precise: bool = False
    """Whether the ground track of a beam must meet ``bbox`` and ``intersects`` instead of the
    footprint, which is 12 km wide; only for items that have tracks."""
    limit: int | None = None
    """The most granules to find, once all conditions hold."""
    ids: tuple[str, ...] | None = None
    """Ids of granules, of which it must be one."""
    sortby: str | None = None
    """``datetime``: by start; ``-datetime``: the latest first. None is the order of the index."""
    collections: tuple[str, ...] | None = None
    """Collections, of which it must be in one: ``ATL08_007``, or a product, ``ATL08``."""

    @classmethod
    def parse(cls, **options: Any) -> Self:
        """Check the arguments of a search; see :class:`SearchOptions`.

        ``area`` is anything that :func:`~catalog_builder.geo.area_input.read_area` takes, and
        becomes ``bbox`` or ``intersects``;
        ``intersects`` is also a feature, JSON text, or an object with a ``__geo_interface__``;
        ``datetime`` also a date, a datetime, or a pair with None for an open end. Raises
        :class:`~catalog_builder.errors.WindowError` for an impossible condition, and TypeError for
        an unknown argument.
        """
        names = {field.name for field in fields(cls)} | {"area"}
        if unknown := sorted(options.keys() - names):
            raise TypeError(f"search() got an unexpected keyword argument {unknown[0]!r}")
        present = {name: value for name, value in options.items() if value is not None}
        if (area := present.pop("area", None)) is not None:
            shape = read_shape(area)
            name = "intersects" if isinstance(shape, dict) else "bbox"
            if name in present:
                raise WindowError(f"Give the area by area= or by {name}=, not both.")
            present[name] = shape
        parsers: dict[str, Callable[[Any], Any]] = {
            "bbox": parse_box,
            "intersects": read_geometry,
            "datetime": interval_text,
            "orbit_state": _orbit_state,
            "precise": bool,
            "ids": _ids,
            "sortby": _order,
            "collections": _collections,
        }
        checked: dict[str, Any] = {
            name: parsers[name](value) if name in parsers else _numbers(name, value)
            for name, value in present.items()
        }
        return cls(**checked)

    @property
    def values(self) -> tuple[tuple[str, Value], ...]:
        """Columns of the index, and the value, or one of several, that each must have."""
        found = ((column, getattr(self, name)) for name, column in COLUMNS.items())
        return tuple((column, value) for column, value in found if value is not None)

    def to_dict(self) -> dict[str, Any]:
        """The conditions, as lists, texts and numbers that YAML can store."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value is not None and value is not False
        }


def _numbers(name: str, value: Any) -> int | tuple[int, ...]:
    """One number; of several, each once and in order."""
    if name == "limit" or isinstance(value, str | bytes | Mapping):
        return _number(name, value)
    try:
        several = sorted({_number(name, one) for one in value})
    except TypeError:  # no collection
        return _number(name, value)
    if not several:
        raise WindowError(f"{COLUMNS.get(name, name)} is an empty list: name a number, or none.")
    return several[0] if len(several) == 1 else tuple(several)


def _order(value: Any) -> str:
    if value not in SORTS:
        raise WindowError(f"sortby is {value!r}: expected {' or '.join(SORTS)}.")
    return str(value)


def _number(name: str, value: Any) -> int:
    low, high = _NUMBERS[name]
    expected = f"{low} or more" if high is None else f"{low} to {high}"
    column = COLUMNS.get(name, name)
    try:
        number = index(value)
    except TypeError as error:
        raise WindowError(
            f"{column} is {value!r}: expected a whole number, {expected}."
        ) from error
    if number < low or (high is not None and number > high):
        raise WindowError(f"{column} is {value}: expected {expected}.")
    return number


def _orbit_state(value: str) -> str:
    states = get_args(OrbitState)
    if value not in states:
        raise WindowError(f"sat:orbit_state is {value!r}: expected {', '.join(states)}.")
    return value


def _collections(value: Collection[str]) -> tuple[str, ...]:
    """Each name once, sorted; a search takes them in any case of letters."""
    names = {value} if isinstance(value, str) else {*value}
    if not names or not all(isinstance(one, str) and one.strip() for one in names):
        raise WindowError(
            f"collections is {value!r}: expected names of collections or products, like 'ATL08'."
        )
    return tuple(sorted({one.strip() for one in names}))


def _ids(value: Collection[str]) -> tuple[str, ...]:
    ids = {value} if isinstance(value, str) else set(value)
    if invalid := [each for each in ids if not isinstance(each, str)]:
        raise WindowError(f"ids are names of granules, not {invalid[0]!r}.")
    return tuple(sorted(ids))
