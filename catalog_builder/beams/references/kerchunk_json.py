"""Decodes the JSON of a reference set: types are checked, and sizes limited.

A set comes from an address that a catalog names: neither its length nor its content is trusted.
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
"""Limit of a set's JSON: six times that of the longest beams, 46 million photons in chunks of
10,000."""

_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Mask = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Scalar = str | int | float | bool | None
_Value = str | int | float | bool | list[_Scalar | list[_Scalar | list[_Scalar]]] | None
_Attributes = dict[str, _Value]


class _Set(Struct):
    refs: dict[str, str | tuple[str, _Number, _Number]]


class _Format(Struct):
    format: int


class PrivateDataset(Struct):
    """A dataset that is hidden from other readers, because they would decode it wrongly."""

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


class PackageRecord(Struct):
    """What only this package reads of a set, under ``kerchunk_writer.KEY``."""

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
    others: dict[str, PrivateDataset]
    unwritten: dict[str, _Number] = {}


class Array(Struct):
    """A ``.zarray``."""

    shape: tuple[_Number, ...]
    chunks: tuple[_Number, ...]
    dtype: str
    filters: list[dict[str, str | int]] | None
    fill_value: _Value


def decode_set(data: bytes) -> tuple[dict[str, Any], dict[str, Any], PackageRecord]:
    """References by key, attributes of the beam's group, and what only this package reads.

    Raises :class:`~catalog_builder.errors.ReferencesError` where the set is too long or of another
    format, and other errors that :func:`damage_as_references_error` turns into one.
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
    return refs, values, json.decode(own, type=PackageRecord)


def decode_array(refs: Mapping[str, Any], name: str) -> Array:
    """How an array of the set is stored; raises as :func:`decode_set` does."""
    return json.decode(_text(refs, f"{name}/.zarray"), type=Array)


def decode_attributes(
    refs: Mapping[str, Any], name: str
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Dimension names and attributes of an array; raises as :func:`decode_set` does."""
    attrs = json.decode(_text(refs, f"{name}/.zattrs"), type=_Attributes)
    return msgspec.convert(attrs.pop("_ARRAY_DIMENSIONS"), tuple[str, ...]), attrs


def _text(refs: Mapping[str, Any], key: str) -> str:
    value = refs[key]
    if not isinstance(value, str):
        raise ReferencesError(f"{key} is no text.")
    return value


@contextmanager
def damage_as_references_error(what: str) -> Iterator[None]:
    """Raise the errors that damaged data cause as a ReferencesError."""
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
