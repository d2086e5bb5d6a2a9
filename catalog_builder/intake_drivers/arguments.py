"""Arguments of the drivers, from Python values or from the text that intake makes of them.

intake renders the arguments of a YAML entry as text: a list arrives as ``"['h_ph']"``, and nothing
at all as ``""``, as ``"None"``, or as the template itself. Pure: nothing here opens anything.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterable, Mapping
from operator import index as whole_number
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from catalog_builder.beams.storage.links import Access
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.search_arguments import (
    WHOLE_NUMBERS,
    SearchArguments,
)
from catalog_builder.errors import AddressError, BeamNotFoundError
from catalog_builder.geo.area import read_geometry
from catalog_builder.geo.window import Box, interval_text, parse_box
from catalog_builder.products.atl03 import BEAMS, Beam, beam_named
from catalog_builder.transport.hosts import origin
from catalog_builder.transport.location import Location, is_remote, shown

Address = TypeVar("Address", str | None, str | CatalogLocation | None)

_TEMPLATE = re.compile(r"\{\{\s*\w+\s*\}\}")


def read_text(name: str, value: Any) -> str | None:
    """A line of text or a path, as text; None where it is not set."""
    value = _unset_as_none(value)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{name} must be text, not {value!r}.")


def read_catalog(value: Any) -> str | CatalogLocation | None:
    """Path or URL of a catalog, or the location that a pickle has for it."""
    return value if isinstance(value, CatalogLocation) else read_text("catalog", value)


def read_beam(value: Any) -> Beam:
    """One of the six beams; the first where none is named."""
    wanted = read_text("beam", value) or BEAMS[0]
    try:
        return beam_named(wanted)
    except BeamNotFoundError as error:
        raise ValueError(f"beam={wanted!r} is none of {', '.join(BEAMS)}.") from error


def read_access(value: Any) -> Access:
    """How to reach the granule; ``auto`` where nothing is named."""
    wanted = read_text("access", value) or "auto"
    known: tuple[Access, ...] = get_args(Access)
    for access in known:
        if wanted == access:
            return access
    raise ValueError(f"access={wanted!r} is none of {', '.join(known)}.")


def read_references(value: Any) -> str | Literal[False] | None:
    """Where a reference set lies; False for none, None for the one that the catalog has."""
    return False if value is False or value == "False" else read_text("references", value)


def read_names(name: str, value: Any) -> list[str] | None:
    """Names from a list, or from text: ``"['h_ph', 'quality_ph']"``, ``"h_ph, quality_ph"``."""
    value = _unset_as_none(value)
    if isinstance(value, str):
        value = _literal(name, value) if value[0] in "([" else value.split(",")
    if value is None:
        return None
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        names = [part.strip() if isinstance(part, str) else "" for part in value]
        if all(names):
            return names or None
    raise TypeError(f'{name} must be a list of names, such as ["h_ph"], not {value!r}.')


def read_box(name: str, value: Any) -> Box | None:
    """West, south, east, north, degrees, from numbers or from text: ``"-135,58,-133,59"``."""
    value = _unset_as_none(value)
    if isinstance(value, str) and value[0] in "([":
        value = _literal(name, value)
    return None if value is None else parse_box(value)


def read_polygon(name: str, value: Any) -> dict[str, Any] | None:
    """A GeoJSON Polygon or MultiPolygon as plain lists, from what holds one, or from text."""
    value = _unset_as_none(value)
    if isinstance(value, str) and value[0] == "{" and "'" in value:
        value = _literal(name, value)
    return None if value is None else read_geometry(value)


def read_area_argument(name: str, value: Any) -> Any:
    """Polygons, or the path of a file of such, from what holds them, or from text."""
    value = _unset_as_none(value)
    if isinstance(value, str) and value[0] == "{" and "'" in value:
        value = _literal(name, value)
    return value


def read_conditions_argument(name: str, value: Any) -> Mapping[str, Any] | None:
    """Conditions on photons, from a mapping, or from the text of one."""
    value = _unset_as_none(value)
    if isinstance(value, str):
        value = _literal(name, value)
    if value is None or isinstance(value, Mapping):
        return value or None
    raise TypeError(f'{name} must be a mapping, as in {{"quality_ph": [0]}}; not {value!r}.')


def read_period(name: str, value: Any) -> str | None:
    """A time or an interval as text, ``A/B`` with ``..`` for an open end.

    Takes that text, a date or datetime, or a pair of them (None for an open end).
    """
    value = _unset_as_none(value)
    if isinstance(value, str) and value[0] in "([":
        value = _literal(name, value)
    return None if value is None else interval_text(value)


def read_search(options: Mapping[str, Any]) -> SearchArguments:
    """The arguments of a search, in Python or as text of YAML.

    Raises what :meth:`~catalog_builder.catalog.index.search_arguments.SearchArguments.parse`
    does, and TypeError for a number that is none.
    """
    readers: dict[str, Callable[[str, Any], Any]] = {
        "bbox": read_box,
        "intersects": read_polygon,
        "datetime": read_period,
        "orbit_state": read_text,
        "ids": read_names,
        "area": read_area_argument,
        "sortby": read_text,
        **dict.fromkeys(WHOLE_NUMBERS, _numbers),
    }
    read = {
        name: readers[name](name, value) if name in readers else value
        for name, value in options.items()
        if value is not None
    }
    return SearchArguments.parse(**read)


def _numbers(name: str, value: Any) -> Any:
    """A number, or several as a list or its text."""
    value = _unset_as_none(value)
    if isinstance(value, str) and value[0] in "([":
        value = _literal(name, value)
    return value if value is None or isinstance(value, list | tuple) else whole_number(value)


def read_document(catalog: Any) -> str | None:
    """Path or URL of the YAML that an intake catalog was read from; None of one made in Python."""
    path = getattr(catalog, "path", None)
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        return None
    text = os.fspath(path)
    return text if is_remote(text) else str(Path(text).absolute())


def read_location(value: Address, document: str | None) -> Address:
    """An address among the arguments of an entry, as one that its YAML may name."""
    if not isinstance(value, str) or not is_remote(document):
        return value
    return Location.parse(value, named_by=document).address


def require_own_options(
    options: Mapping[str, Any] | None, catalog_address: str | CatalogLocation | None, catalog: Any
) -> None:
    """Raise AddressError unless ``storage_options`` are the user's own, for the same host.

    They decide who gets the user's keys, as ``endpoint_url`` does: only those passed
    to ``intake.open_catalog`` are used, only at the host or in the bucket of the YAML; an entry
    may say ``anon: true``, with which no keys are sent.
    """
    if not options or dict(options) == {"anon": True}:
        return
    address = catalog_address
    if isinstance(address, CatalogLocation):
        address = address.folder
    document = read_document(catalog)
    files = getattr(catalog, "filesystem", None)
    own = [getattr(catalog, "storage_options", None), getattr(files, "storage_options", None)]
    if document is None or dict(options) not in [dict(one or {}) for one in own]:
        raise AddressError(
            f"storage_options in the entry of {shown(document or 'an intake catalog')} are not "
            "used: they decide where keys go. Give them to intake.open_catalog(url, "
            "storage_options=...), or open the source by its class."
        )
    if address is not None and is_remote(address) and origin(address) != origin(document):
        raise AddressError(
            f"storage_options were given for {shown(document)}, whose entry leads to "
            f"{shown(address)}: they go to no other host or bucket."
        )


def _unset_as_none(value: Any) -> Any:
    """The value; None where neither the catalog nor the caller set it."""
    if isinstance(value, str):
        value = value.strip()
        # Where the caller says None, intake leaves the template in place, unrendered.
        return None if value in ("", "None") or _TEMPLATE.fullmatch(value) else value
    return None if isinstance(value, list | tuple) and not value else value


def _literal(name: str, text: str) -> Any:
    """The list that ``str`` made text of; nothing is run."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{name} cannot be read as a list: {text!r}.") from error
