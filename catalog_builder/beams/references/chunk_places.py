"""Where the chunks of a beam lie, decoded from the text of its frame one dataset at a time.

Of some fifty datasets a read takes a few, and decoding all takes longer than planning it.
The writer puts the chunks of a frame last, those of a dataset together.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, json

from catalog_builder.errors import ReferencesError

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An offset, or a size."""


class ChunkPlace(Struct, array_like=True, frozen=True, gc=False):
    """Where a chunk lies. Not a tuple: thousands of those keep the garbage collector busy."""

    href: Literal["{{u}}"]
    offset: Number
    size: Number


NOWHERE: Final = ChunkPlace("{{u}}", 0, 0)
"""Of a chunk that was never written."""

References = dict[str, str | ChunkPlace]
"""Members of a reference set: metadata and inline values are text."""

_PLACE: Final = b'":["{{u}}",'
"""Ends the key of a chunk. No text within JSON has it: quotes are escaped there."""

_NEXT: Final = b',"'
"""Between two members. Neither text within JSON nor a place has it."""


class ChunkPlaces:
    """The members of a frame from the first chunk in the file on."""

    def __init__(self, text: bytes) -> None:
        """``text`` begins with the comma before a member."""
        self._text = text

    def below(self, name: str) -> References:
        """Members of an array or group, by key.

        Raises :class:`~catalog_builder.errors.ReferencesError` where they do not stand together,
        each once, and :class:`msgspec.MsgspecError` for what is no JSON or of another kind.
        """
        begins = b"," + json.encode(f"{name}/")[:-1]
        first = self._text.find(begins)
        if first < 0:
            return {}
        last = self._text.rfind(begins)
        end = self._text.find(_NEXT, last + len(begins))
        end = end if end > 0 else len(self._text)
        found = json.decode(b"{" + self._text[first + 1 : end] + b"}", type=References)
        if self._text.count(begins, first, end) != len(found):
            raise ReferencesError(f"The chunks of {name} do not stand together, each once.")
        return found


def split(text: bytes) -> tuple[bytes, bytes]:
    """The members of a frame before the first chunk in the file, and those from it on."""
    place = text.find(_PLACE)
    if place < 0:
        return text, b""
    begin = max(text.rfind(_NEXT, 0, place), 0)
    return text[:begin], text[begin:]
