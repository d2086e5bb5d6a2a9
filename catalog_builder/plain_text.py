"""Text for a terminal: nothing in it is obeyed, and its lines are broken between words."""

from __future__ import annotations

import re
import shutil
from typing import Final, TextIO

_OBEYED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but for tab and newline, signs that turn the direction of text, and what is
no Unicode."""


def visible(text: str) -> str:
    r"""The text with everything that a terminal would obey written out, such as ``\x1b``."""
    return _OBEYED.sub(_written, text)


_COMMAND: Final = re.compile("`[^`\n]*`")
"""What is to be copied stays in one piece."""


def sentence(text: str, stream: TextIO) -> str:
    """A message as a stream shows it: see :func:`visible`; a terminal gets lines that fit."""
    text = visible(text)
    columns = shutil.get_terminal_size().columns
    if len(text) <= columns or not stream.isatty():
        return text
    from textwrap import wrap  # not by --help, which it would slow down

    return "\n".join(
        broken.replace("\0", " ")
        for line in text.split("\n")
        for broken in wrap(
            _COMMAND.sub(lambda found: found[0].replace(" ", "\0"), line),
            columns,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [""]
    )


def _written(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
