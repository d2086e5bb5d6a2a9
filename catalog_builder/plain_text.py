"""Escapes text from outside, so that a terminal obeys nothing in it."""

from __future__ import annotations

import re
from typing import Final

_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but for tab and newline, signs that turn the direction of text, and what is
no Unicode."""


def visible(text: str) -> str:
    r"""The text with everything that a terminal would obey written out, such as ``\x1b``."""
    return _OBEYED.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
