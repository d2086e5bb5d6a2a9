"""Strategies that harm a document or bytes in a few places."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st

RAW: Final[dict[str, bytes]] = {
    "@raw: invalid UTF-8": b'"\xff\xfe"',
    "@raw: a number beyond all": b"1e999",
    "@raw: nested 3,000 times": b"[" * 3000 + b"]" * 3000,
    "@raw: a control character": b'"a\x01b"',
    "@raw: nothing": b"",
    "@raw: a name twice": b'{"id": 1, "id": "x", "href": [], "href": "y"}',
    "@raw: a long number": b"9" * 5000,
}
"""What :func:`dump` writes in place of these texts: JSON that cannot be, or that few expect."""

NOWHERE: Final = "http://127.0.0.1:9/x"
"""Nobody answers there."""

HOSTILE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2, 7, 255, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1),
    *(10**18, 10**30, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), -float("inf")),
    *("", " ", "x", "é", "\ud800", "\0", "\x1b[2J\x07", "a\nb", "\u202e", "x" * 300, "1" * 5000),
    *("../../x", "/etc/passwd", "file:///etc/passwd", "//x/y", "~", "s3://bucket/key.h5", NOWHERE),
    *(
        f"simplecache::{NOWHERE}",
        "webhdfs://127.0.0.1:9/x",
        "s3://",
        "http://",
        "http://[::1",
        "?",
    ),
    *("NaN", "1e5", "-1", "007", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
    *("2018-13-45T99:99:99Z", "2018-10-14", "2018-10-14T00:00:00+99:99", "ATL03", "gt1l", "[1]"),
    *("ATL03_20181014031924_02370102_007_01", "G12-NSIDC_CPRD", "d50110" + "0" * 32),
    *([], {}, [[]], [None], {"": None}, {"href": 1}, [0, 0, 0, 0], [[0.0, 0.0]] * 4, ["x"] * 50),
    *RAW,
)
"""Values that are put in the place of right ones."""


def dump(document: Any) -> bytes:
    """JSON of a document, with the raw bytes of :data:`RAW`."""
    body = json.dumps(document).encode()
    for name, raw in RAW.items():
        body = body.replace(json.dumps(name).encode(), raw)
    return body


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys or indices."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield document, key
            yield from places(value)
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield document, number
            yield from places(value)


def _near(draw: Any, value: Any) -> Any:
    """A value of the same type, a little off."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return draw(st.sampled_from((value + 1, value - 1, -value, value * 1000, value / 7)))
    if isinstance(value, float):
        return draw(
            st.sampled_from((value + 360, -value, value * 1e9, -1 / (value or 1), str(value)))
        )
    if isinstance(value, str):
        at = draw(st.integers(0, len(value)))
        put = draw(
            st.sampled_from(("", "x", "0", "9", "/", "..", "\0", " ", "é", "-", "%2e", "["))
        )
        return value[:at] + put + value[at + draw(st.integers(0, 2)) :]
    if isinstance(value, list):
        return draw(st.sampled_from((value * 2, value[1:], value[::-1], [*value, None])))
    if isinstance(value, bytes):
        return value[: draw(st.integers(0, len(value)))] + draw(st.binary(max_size=4))
    return {**value, "x": value} if isinstance(value, dict) else None


def _harm(draw: Any, document: Any) -> None:
    """Change one place of a document."""
    known = list(places(document))
    if not known:
        return
    holder, key = known[draw(st.integers(0, len(known) - 1))]
    how = draw(st.sampled_from(("put", "near", "put", "near", "remove", "copy", "wrap", "rename")))
    if how == "put":
        holder[key] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
    elif how == "near":
        holder[key] = _near(draw, holder[key])
    elif how == "remove":
        del holder[key]
    elif how == "copy":
        other, name = known[draw(st.integers(0, len(known) - 1))]
        holder[key] = copy.deepcopy(other[name])
    elif how == "wrap":
        holder[key] = draw(st.sampled_from(([holder[key]], {"x": holder[key]}, [[holder[key]]])))
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(("", "x", "id", "href", "type", "\0")))] = holder.pop(key)


@st.composite
def harmed(draw: Any, document: Any, most: int = 3) -> Any:
    """A document that is changed in one to ``most`` places."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, most))):
        _harm(draw, changed)
    return changed


@st.composite
def damaged(
    draw: Any, data: bytes, spans: Sequence[tuple[int, int]], *, moves: bool = True
) -> bytes:
    """Bytes that are changed in one to four places within spans.

    Unless ``moves``, what lies behind the places stays where it is.
    """
    found = bytearray(data)
    changes = ("flip", "flip", "set", "zero", "copy", *(("cut", "add", "end") if moves else ()))
    for _ in range(draw(st.integers(1, 4))):
        first, stop = spans[draw(st.integers(0, len(spans) - 1))]
        at = draw(st.integers(first, max(first, min(stop, len(found)) - 1)))
        if at >= len(found):
            continue
        length = min(draw(st.sampled_from((1, 2, 4, 8, 40))), max(1, stop - at), len(found) - at)
        how = draw(st.sampled_from(changes))
        if how == "flip":
            found[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            found[at : at + length] = draw(st.binary(min_size=length, max_size=length))
        elif how == "zero":
            found[at : at + length] = draw(st.sampled_from((b"\0", b"\xff"))) * length
        elif how == "copy":
            source = draw(st.integers(0, len(data) - length))
            found[at : at + length] = data[source : source + length]
        elif how == "cut":
            del found[at : at + length]
        elif how == "add":
            found[at:at] = draw(st.binary(min_size=1, max_size=20))
        else:
            del found[at:]
    return bytes(found)


def harmed_or_damaged(document: Any, most: int = 3) -> st.SearchStrategy[bytes]:
    """The bytes of a JSON document: changed in its structure, one time in four in its bytes."""
    whole = dump(document)
    structure = harmed(document, most).map(dump)
    return st.one_of(structure, structure, structure, damaged(whole, [(0, len(whole))]))


Door = Callable[[], Any]
