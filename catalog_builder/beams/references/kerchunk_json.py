"""The JSON of a reference set, decoded by the types that it must have, and within limits.

A set comes from wherever a catalog names it: neither its length nor anything in it is trusted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final

import msgspec
import zstandard
from msgspec import Meta, Struct, json

from catalog_builder.atl03 import Beam
from catalog_builder.beams.references.kerchunk_writer import FORMAT, KEY
from catalog_builder.errors import ReferencesError

MOST_BYTES: Final = 2**24
"""Of a set's JSON: six times that of the longest beams, 46 million photons in chunks of 10,000."""

_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Mask = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Scalar = str | int | float | bool | None
_Value = str | int | float | bool | list[_Scalar | list[_Scalar | list[_Scalar]]] | None
_Attributes = dict[str, _Value]


class _Set(Struct):
    refs: dict[str, str | tuple[str, _Number, _Number]]


class _Format(Struct):
    format: int


class Other(Struct):
    """The record of a dataset that other readers must not try to read."""

    dims: tuple[str, ...]
    shape: tuple[_Number, ...]
    chunks: tuple[_Number, ...]
    dtype: str
    filters: tuple[str, ...]
    offsets: list[_Number]
    sizes: list[_Number]
    filter_masks: list[_Mask]
    inline: str | None
    attrs: _Attributes


class Own(Struct):
    """What stands under :data:`~catalog_builder.beams.references.kerchunk_writer.KEY`."""

    beam: Beam
    granule: str
    href: str
    size: _Number
    etag: str | None
    orientation: int | None
    short_name: str
    chunk: _Number
    photons: _Number
    paths: list[str]
    types: dict[str, dict[str, str]]
    fill_attributes: _Attributes
    fill_values: _Attributes
    others: dict[str, Other]
    unwritten: dict[str, _Number] = {}


class Array(Struct):
    """A ``.zarray``."""

    shape: tuple[_Number, ...]
    chunks: tuple[_Number, ...]
    dtype: str
    filters: list[dict[str, str | int]] | None
    fill_value: _Value


def decode_set(data: bytes) -> tuple[dict[str, Any], dict[str, Any], Own]:
    """References by key, attributes of the beam's group, and what only this package reads.

    Raises :class:`~catalog_builder.errors.ReferencesError` where the set is too long or of another
    format, and what :func:`damage_told` makes one of.
    """
    if zstandard.frame_content_size(data) > MOST_BYTES:
        raise ReferencesError(
            f"These {len(data)} bytes inflate to more than {MOST_BYTES}, which no beam's "
            "references take."
        )
    text = zstandard.ZstdDecompressor().decompress(data, max_output_size=MOST_BYTES)
    refs = json.decode(text, type=_Set).refs
    attrs = json.decode(_text(refs, ".zattrs"), type=dict[str, msgspec.Raw])
    own = attrs.pop(KEY)
    if (version := json.decode(own, type=_Format).format) != FORMAT:
        raise ReferencesError(
            f"Beam references of format {version!r}: this version reads {FORMAT}. "
            "Make them again, or use another version of the package."
        )
    values = {name: json.decode(value, type=_Value) for name, value in attrs.items()}
    return refs, values, json.decode(own, type=Own)


def decode_array(refs: Mapping[str, Any], name: str) -> Array:
    """How an array of the set is stored; raises as :func:`decode_set` does."""
    return json.decode(_text(refs, f"{name}/.zarray"), type=Array)


def decode_attributes(
    refs: Mapping[str, Any], name: str
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Names of the dimensions of an array of the set, and its attributes; raises so, too."""
    attrs = json.decode(_text(refs, f"{name}/.zattrs"), type=_Attributes)
    return msgspec.convert(attrs.pop("_ARRAY_DIMENSIONS"), tuple[str, ...]), attrs


def _text(refs: Mapping[str, Any], key: str) -> str:
    found = refs[key]
    if not isinstance(found, str):
        raise ReferencesError(f"{key} is no text.")
    return found


@contextmanager
def damage_told(what: str) -> Iterator[None]:
    """Raise what comes of damaged data as an error of this package."""
    try:
        yield
    except ReferencesError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
        msgspec.MsgspecError,
        zlib.error,
        zstandard.ZstdError,
    ) as error:
        raise ReferencesError(f"{what} ({type(error).__name__}: {error}).") from error
