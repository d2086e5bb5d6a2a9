"""The definition of a catalog: a small TOML file that says which granules it holds.

::

    title = "ATL03 over the Juneau Icefield"
    short_name = "ATL03"
    version = "007"
    provider = "NSIDC_CPRD"
    bounding_box = [-135.1977, 58.3325, -133.3410, 58.9839]
    temporal = ["2018-10-13T00:00:00Z", ".."]

``short_name`` may be that of any product in :data:`~catalog_builder.products.facts.PRODUCTS`. A
catalog of several collections names each in a table of its own; what they share stands above::

    title = "Photons and canopy over the Juneau Icefield"
    provider = "NSIDC_CPRD"
    bounding_box = [-135.1977, 58.3325, -133.3410, 58.9839]

    [[collections]]
    short_name = "ATL03"
    version = "007"

    [[collections]]
    short_name = "ATL08"
    version = "007"
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.errors import DefinitionError, ProductError, WindowError
from catalog_builder.geo.window import Box, Interval, parse_box, parse_interval
from catalog_builder.products.facts import product_named
from catalog_builder.system_files import require_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FILE_NAME: Final = "definition.toml"

_REQUIRED = ("title", "short_name", "version", "provider")
_TEXTS = (*_REQUIRED, "description", "on_premises_provider")
_COLLECTIONS = "collections"
_KEYS = (*_TEXTS, "bounding_box", "temporal", _COLLECTIONS)
_OF_CATALOG = ("title", "description", _COLLECTIONS)
_OF_COLLECTION = tuple(key for key in _KEYS if key not in _OF_CATALOG)
_OWN = ("short_name", "version")
"""Keys that collections do not share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Which granules a catalog holds, and what it is called."""

    name: str
    """Name of the folder of a ``definition.toml``; else the file's own name without suffix."""
    title: str
    """Title of the catalog."""
    short_name: str
    """The product: ``ATL03``, ``ATL08``, ...; here and below of several collections the first."""
    version: str
    """Release of the product, three digits: ``007``."""
    provider: str
    """CMR's name of the archive in the cloud: ``NSIDC_CPRD``."""
    bounding_box: Box | None = None
    """West, south, east, north, degrees; west > east crosses ±180. None is the whole Earth."""
    temporal: Interval = (None, None)
    """First and last moment, UTC, both included; None is open."""
    description: str | None = None
    """Description of the catalog."""
    on_premises_provider: str = "NSIDC_ECS"
    """CMR's name of the on-premises archive, for comparisons."""
    collections: tuple[Definition, ...] = ()
    """Where the catalog holds several collections, the definition of each."""

    @property
    def each(self) -> tuple[Definition, ...]:
        """The definition of each collection, of one or more."""
        return self.collections or (self,)

    @property
    def collection_id(self) -> str:
        """Id of the collection in the catalog: ``ATL03_007``; of several, the first."""
        return f"{self.short_name}_{self.version}"

    def only(self, collection: str | None = None) -> Definition:
        """The definition of the one collection of this id or product, ``ATL08``.

        Raises :class:`~catalog_builder.errors.DefinitionError` where several, or none, are meant.
        """
        found = [
            one
            for one in self.each
            if collection is None or collection.upper() in (one.short_name, one.collection_id)
        ]
        if len(found) == 1:
            return found[0]
        known = ", ".join(one.collection_id for one in self.each)
        raise DefinitionError(
            f"{self.title!r} has {'no' if not found else 'several'} collections"
            f"{'' if collection is None else f' {collection!r}'}: name one of {known}."
        )

    @classmethod
    def load(cls, path: str | Path) -> Definition:
        """Read a definition from its file, or from the folder that holds a ``definition.toml``.

        Raises :class:`~catalog_builder.errors.DefinitionError`, naming file, key and value, for
        anything that is missing, unknown or impossible.
        """
        file = Path(path)
        try:
            if file.is_dir():
                file /= FILE_NAME
            require_file(file)
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DefinitionError(
                f"There is no definition {file}: give a {FILE_NAME}, or the folder that holds one."
            ) from error
        except PermissionError as error:
            raise DefinitionError(f"{file} may not be read by this user.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise DefinitionError(f"{file} cannot be read: {error}.") from error
        except tomllib.TOMLDecodeError as error:
            raise DefinitionError(f"{file} is not TOML: {error}.") from error
        name = file.resolve().parent.name if file.name == FILE_NAME else file.stem
        try:
            return cls._read(name, values)
        except DefinitionError as error:
            raise DefinitionError(f"{file}: {error}") from error

    @classmethod
    def read(cls, name: str, text: str) -> Definition:
        """Read a definition's TOML; raises as :meth:`load` does, without the file's name."""
        try:
            return cls._read(name, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise DefinitionError(f"{name} is not TOML: {error}.") from error

    def to_toml(self) -> str:
        """The text of its file."""
        if not self.collections:
            return _toml(self, _KEYS)
        tables = (_toml(one, _OF_COLLECTION) for one in self.collections)
        return "\n".join((_toml(self, _OF_CATALOG), *(f"[[{_COLLECTIONS}]]\n{t}" for t in tables)))

    @classmethod
    def _read(cls, name: str, values: Mapping[str, Any]) -> Definition:
        if _COLLECTIONS not in values:
            return cls._read_one(name, values)
        tables = values[_COLLECTIONS]
        if not isinstance(tables, list) or not tables or not all(map(_is_table, tables)):
            raise DefinitionError(
                f"{_COLLECTIONS}: expected a table [[{_COLLECTIONS}]] for each, with "
                f"{' and '.join(_OWN)}."
            )
        shared = {key: value for key, value in values.items() if key != _COLLECTIONS}
        if misplaced := [key for key in _OWN if key in shared]:
            raise DefinitionError(
                f"Above [[{_COLLECTIONS}]], in no table of it: {', '.join(misplaced)}. Put what "
                "belongs to one collection into its table."
            )
        several: list[Definition] = []
        for table in tables:
            if misplaced := [key for key in table if key in _OF_CATALOG]:
                raise DefinitionError(
                    f"In a table of [[{_COLLECTIONS}]]: {', '.join(misplaced)}. Put what belongs "
                    "to the whole catalog above the tables."
                )
            one = cls._read_one(name, {**shared, **table})
            if one.collection_id in [other.collection_id for other in several]:
                raise DefinitionError(f"{one.collection_id} is named twice: name each once.")
            several.append(one)
        return several[0] if len(several) == 1 else replace(several[0], collections=(*several,))

    @classmethod
    def _read_one(cls, name: str, values: Mapping[str, Any]) -> Definition:
        """The definition of one collection."""
        for key in values:
            if key not in _KEYS:
                raise DefinitionError(f"unknown key {key!r}; the keys are {', '.join(_KEYS)}.")
        if missing := [key for key in _REQUIRED if key not in values]:
            raise DefinitionError(
                f"{', '.join(missing)} missing; required are {', '.join(_REQUIRED)}."
            )
        read: dict[str, Any] = {key: _text(key, values[key]) for key in _TEXTS if key in values}
        try:
            read["short_name"] = product_named(read["short_name"]).short_name
        except ProductError as error:
            raise DefinitionError(f"short_name: {error}") from error
        if not re.fullmatch(r"\d{3}", read["version"]):
            raise DefinitionError(
                f"version = {read['version']!r}: expected three digits in quotes, like '007'."
            )
        for key in ("provider", "on_premises_provider"):
            if key in read and not re.fullmatch(r"[A-Za-z0-9_]+", read[key]):
                raise DefinitionError(
                    f"{key} = {read[key]!r}: expected CMR's name of a provider, like 'NSIDC_CPRD'."
                )
        if "bounding_box" in values:
            read["bounding_box"] = _box(values["bounding_box"])
        if "temporal" in values:
            read["temporal"] = _interval(values["temporal"])
        return cls(name=name, **read)


def _toml(definition: Definition, keys: Collection[str]) -> str:
    """The lines of these keys."""
    values: dict[str, Any] = {
        key: value
        for key in _TEXTS
        if key in keys and (value := getattr(definition, key)) is not None
    }
    if definition.on_premises_provider == "NSIDC_ECS":
        values.pop("on_premises_provider", None)
    if definition.bounding_box is not None and "bounding_box" in keys:
        values["bounding_box"] = [*definition.bounding_box]
    if definition.temporal != (None, None) and "temporal" in keys:
        values["temporal"] = [
            ".." if moment is None else moment.isoformat().replace("+00:00", "Z")
            for moment in definition.temporal
        ]
    # Text, and lists of numbers and of text, are written in TOML as in JSON.
    return "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()
    )


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _box(value: object) -> Box:
    shown = f"bounding_box = {value!r}"
    if not isinstance(value, list) or len(value) != 4:
        raise DefinitionError(f"{shown}: expected four numbers, [west, south, east, north].")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise DefinitionError(f"{shown}: {number!r} is not a number.")
    try:
        return parse_box(value)
    except WindowError as error:
        raise DefinitionError(f"{shown}: {error}") from error


def _interval(value: object) -> Interval:
    shown = f"temporal = {_as_written(value)}"
    if not isinstance(value, list) or len(value) != 2:
        raise DefinitionError(f"{shown}: expected two times, [first, last]; '..' leaves one open.")
    try:
        return parse_interval(value)
    except WindowError as error:
        raise DefinitionError(f"{shown}: {error}") from error


def _text(key: str, value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        example = f"{value:03g}" if key == "version" else str(value)
        raise DefinitionError(f"{key} = {value!r}: put it in quotes, like '{example}'.")
    raise DefinitionError(f"{key} = {value!r}: expected text that is not empty.")


def _as_written(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_as_written(one) for one in value)}]"
    return value.isoformat() if isinstance(value, datetime | date | time) else repr(value)
