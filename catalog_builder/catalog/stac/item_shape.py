"""The shape of an item: members that are read of it, by type. Items come from anyone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, field

from catalog_builder.errors import RecordError


class _Beam(Struct):
    """What ``icesat2:beams`` says of a beam."""

    photons: Annotated[int, Meta(ge=0, le=2**40)]


class _Properties(Struct):
    beams: dict[str, _Beam] | None = field(default=None, name="icesat2:beams")
    storage: dict[str, dict[str, Any]] = field(default_factory=dict, name="storage:schemes")
    auth: dict[str, dict[str, Any]] = field(default_factory=dict, name="auth:schemes")


class _Asset(Struct):
    storage: list[str] = field(default_factory=list, name="storage:refs")
    auth: list[str] = field(default_factory=list, name="auth:refs")
    checksum: str | None = field(default=None, name="file:checksum")


class _Assets(Struct):
    """The file of the granule; references that are none are looked at where they are loaded."""

    data: _Asset | None = None
    https: _Asset | None = None


class _Item(Struct):
    properties: _Properties
    assets: _Assets


_WORDS: Final = 300
"""Characters of what is wrong, at most."""


def require_shape(item: Mapping[str, Any]) -> None:
    """Raise RecordError unless what is read of an item is of its type: links, beams, schemes."""
    try:
        msgspec.convert(item, _Item)
    except (ValueError, TypeError, RecursionError) as error:
        granule = item.get("id") if isinstance(item, Mapping) else item
        raise RecordError(
            f"{granule!r:.80} is no STAC Item as a catalog holds it: {error!s:.{_WORDS}}."
        ) from error
