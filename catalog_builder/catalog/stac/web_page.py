"""``index.html``: the page for people that is published beside ``catalog.json``.

It is one file with its script and style in it, bundled from the folder ``web/`` by ``make page``,
and the same for every catalog: it reads title, counts and items from the catalog's files when it
is looked at, by relative addresses, and asks no other host. Its content security policy lets run
only the script whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Final

_MARK: Final = b'<meta name="generator" content="catalog-builder page">'

_SCRIPT: Final = re.compile(rb"<script>(.*)</script>", re.DOTALL)


@cache
def web_page() -> bytes:
    """The page, in UTF-8."""
    return files("catalog_builder.catalog.stac").joinpath("web_page.html").read_bytes()


def is_our_page(body: bytes) -> bool:
    """True if a file is this page, of any version; a page that a user put there is not."""
    return _MARK in body[:4096]


def is_whole_page(body: bytes) -> bool:
    """True if browsers run the page's script: it has the hash that its policy allows."""
    script = _SCRIPT.search(body)
    if script is None or not body.rstrip().endswith(b"</html>"):
        return False
    digest = base64.b64encode(hashlib.sha256(script[1]).digest())
    return b"script-src 'sha256-" + digest + b"'" in body[:4096]
