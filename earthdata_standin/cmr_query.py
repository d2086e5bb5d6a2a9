"""A search of the stand-in CMR: its parameters, read and checked as CMR does.

Source of names, limits and messages: the CMR Search API documentation, and CMR's answers. Areas
are read in :mod:`~earthdata_standin.cmr_areas`, times in :mod:`~earthdata_standin.cmr_times`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

from earthdata_standin.cmr_areas import AREAS
from earthdata_standin.cmr_times import Interval, read_instant, read_interval
from earthdata_standin.extents import Box

Concept = Literal["collections", "granules"]
Value = TypeVar("Value")

MAX_PAGE_SIZE: Final = 2000
MAX_DEPTH: Final = 1_000_000

_PAGING: Final = {"page_size", "page_num", "offset", "scroll", "sort_key", "token", "pretty"}
_SHARED: Final = {
    "bounding_box",
    "circle",
    "concept_id",
    "entry_title",
    "line",
    "point",
    "polygon",
    "provider",
    "revision_date",
    "short_name",
    "temporal",
    "updated_since",
    "version",
}
_TEXTS: Final = {
    "cloud_hosted",
    "collection_concept_id",
    "concept_id",
    "entry_title",
    "granule_ur",
    "producer_granule_id",
    "provider",
    "readable_granule_name",
    "short_name",
    "version",
}
_KNOWN: Final[dict[Concept, set[str]]] = {
    "granules": _PAGING
    | _SHARED
    | {"collection_concept_id", "granule_ur", "producer_granule_id", "readable_granule_name"},
    "collections": _PAGING | _SHARED | {"cloud_hosted", "has_granules", "include_granule_counts"},
}
_OPTIONS: Final = {"exclude_boundary", "ignore_case", "or", "pattern"}
_SORT_KEYS: Final[dict[Concept, set[str]]] = {
    "granules": {
        "end_date",
        "entry_title",
        "granule_ur",
        "producer_granule_id",
        "provider",
        "readable_granule_name",
        "revision_date",
        "short_name",
        "start_date",
        "version",
    },
    "collections": {
        "entry_title",
        "provider",
        "revision_date",
        "short_name",
        "start_date",
        "version",
    },
}
_COLLECTION_KEYS: Final = {
    "collection_concept_id",
    "concept_id",
    "entry_title",
    "provider",
    "short_name",
}
_OPTION_NAME: Final = re.compile(r"options\[(\w+)\]\[(\w+)\]")


class CmrRefusal(Exception):  # noqa: N818 - an answer, not a fault of the program
    """What CMR answers instead of a result."""

    def __init__(self, status: int, *errors: str) -> None:
        self.status = status
        self.errors = errors
        super().__init__("; ".join(errors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """A condition on a text: any of these values."""

    values: tuple[str, ...]
    pattern: bool = False
    """``*`` and ``?`` are wild."""
    ignore_case: bool = True

    def matcher(self) -> Callable[[str], bool]:
        """The test, ready to be put to many texts."""
        if self.pattern:
            wild = "|".join(
                re.escape(value).replace(r"\*", ".*").replace(r"\?", ".") for value in self.values
            )
            test = re.compile(wild, re.IGNORECASE if self.ignore_case else 0).fullmatch
            return lambda text: test(text) is not None
        if self.ignore_case:
            wanted = {value.lower() for value in self.values}
            return lambda text: text.lower() in wanted
        exact = set(self.values)
        return lambda text: text in exact


@dataclass(frozen=True, slots=True, kw_only=True)
class CmrQuery:
    """A search, read. Conditions add up; within one, any value will do."""

    concept: Concept
    texts: tuple[tuple[str, Texts], ...] = ()
    temporal: tuple[Interval, ...] = ()
    revised: tuple[Interval, ...] = ()
    updated: tuple[Interval, ...] = ()
    areas: tuple[tuple[tuple[Box, ...], bool], ...] = ()
    """Per parameter: its boxes, and whether any of them will do (else all must)."""
    has_granules: bool | None = None
    granule_counts: bool = False
    sort_keys: tuple[tuple[str, bool], ...] = ()
    """Name, and whether it descends."""
    page_size: int = 10
    offset: int = 0

    @property
    def whole(self) -> CmrQuery:
        """The same search for all of its pages."""
        return replace(self, page_size=0, offset=0)


def parse_query(
    concept: Concept, parameters: Iterable[tuple[str, str]], *, search_after: bool
) -> CmrQuery:
    """Read the parameters of a request; raises :class:`CmrRefusal`, 400, for what CMR refuses."""
    values: dict[str, list[str]] = {}
    options: dict[str, dict[str, bool]] = {}
    errors: list[str] = []
    for key, value in parameters:
        if match := _OPTION_NAME.fullmatch(key):
            name, option = match.groups()
            if name not in _KNOWN[concept]:
                errors.append(f"Parameter [{name}] with option was not recognized.")
            elif option not in _OPTIONS:
                errors.append(f"Option [{option}] is not supported for param [{name}]")
            options.setdefault(name, {})[option] = value == "true"
            continue
        name = re.sub(r"\[\d*\]$", "", key).replace("-", "_")
        if name not in _KNOWN[concept]:
            errors.append(f"Parameter [{name}] was not recognized.")
        elif value:
            values.setdefault(name, []).append(value)
    if search_after:
        errors += [
            f"{name} is not allowed with search-after"
            for name in ("page_num", "offset", "scroll")
            if name in values
        ]
    if concept == "granules" and not _COLLECTION_KEYS & values.keys():
        errors.append(
            "The CMR does not allow querying across granules in all collections"
            f"{' when using search-after' if search_after else ''}. You should limit your query "
            "using conditions that identify one or more collections such as provider, "
            "concept_id, short_name, or entry_title."
        )
    if errors:
        raise CmrRefusal(400, *dict.fromkeys(errors))
    size, offset = _paging(values)
    _flag("cloud_hosted", values)

    def intervals(name: str) -> tuple[Interval, ...]:
        # Times are whole milliseconds: half of one is a boundary left out.
        inset = 0.5 if options.get(name, {}).get("exclude_boundary") else 0.0
        return tuple(
            (first + inset, last - inset)
            for first, last in (_read(read_interval, name, text) for text in values.get(name, ()))
        )

    return CmrQuery(
        concept=concept,
        texts=tuple(
            (name, _texts(name, values[name], options.get(name, {})))
            for name in sorted(_TEXTS & values.keys())
        ),
        temporal=intervals("temporal"),
        revised=intervals("revision_date"),
        updated=tuple(
            (_read(read_instant, "updated_since", text), math.inf)
            for text in values.get("updated_since", ())
        ),
        areas=tuple(
            (_areas(name, values[name]), options.get(name, {}).get("or", False))
            for name in sorted(AREAS.keys() & values.keys())
        ),
        has_granules=_flag("has_granules", values),
        granule_counts=bool(_flag("include_granule_counts", values)),
        sort_keys=tuple(_sort_key(concept, text) for text in values.get("sort_key", ())),
        page_size=size,
        offset=offset,
    )


def _texts(name: str, values: list[str], options: Mapping[str, bool]) -> Texts:
    return Texts(
        values=tuple(values),
        pattern=options.get("pattern", False),
        # Concept ids are always matched as they are.
        ignore_case=not name.endswith("concept_id") and options.get("ignore_case", True),
    )


def _areas(name: str, values: list[str]) -> tuple[Box, ...]:
    def read(_: str, text: str) -> Box:
        return AREAS[name](text)

    return tuple(_read(read, name, text) for text in values)


def _read(read: Callable[[str, str], Value], name: str, text: str) -> Value:
    """A parameter's value, read; 400 with the reader's words where it is not valid."""
    try:
        return read(name, text)
    except ValueError as error:
        raise CmrRefusal(400, str(error)) from None


def _paging(values: dict[str, list[str]]) -> tuple[int, int]:
    """Page size and offset of the first item."""

    def number(name: str, default: int, lowest: int, highest: int, message: str) -> int:
        text = values.get(name, [str(default)])[-1]
        if not re.fullmatch(r"-?\d+", text) or not lowest <= int(text) <= highest:
            raise CmrRefusal(400, message)
        return int(text)

    size = number(
        "page_size", 10, 0, MAX_PAGE_SIZE, "page_size must be a number between 0 and 2000"
    )
    page = number("page_num", 1, 1, 10**9, "page_num must be a number greater than or equal to 1")
    offset = number(
        "offset", 0, 0, MAX_DEPTH, f"offset must be an integer between zero and {MAX_DEPTH}"
    )
    if page > 1 and offset:
        raise CmrRefusal(400, "Only one of offset or page-num may be specified")
    if page * size > MAX_DEPTH:
        raise CmrRefusal(
            400,
            f"The paging depth (page_num * page_size) of [{page * size}] exceeds the limit of "
            f"{MAX_DEPTH}.",
        )
    return size, offset or (page - 1) * size


def _flag(name: str, values: dict[str, list[str]]) -> bool | None:
    text = values.get(name, [None])[-1]
    if text not in {None, "true", "false"}:
        raise CmrRefusal(
            400, f"Parameter {name} must take value of true or false but was [{text}]"
        )
    return None if text is None else text == "true"


def _sort_key(concept: Concept, text: str) -> tuple[str, bool]:
    name = text.lstrip("+- ")  # a plus sign that was not encoded arrives as a blank
    if name not in _SORT_KEYS[concept]:
        raise CmrRefusal(400, f"The sort key [{name}] is not a valid field for sorting {concept}.")
    return name, text.startswith("-")
