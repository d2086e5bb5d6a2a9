"""What a server says of an error in the body of its answer, short and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import requests

from catalog_builder.plain_text import visible

LONGEST: Final = 200
"""Characters of a server's words that are shown."""

_MOST_BYTES: Final = 16 * 2**10
"""Of a body in which words are looked for."""

_KEYS: Final = (
    *("errors", "error_description", "message", "Message", "errorMessage"),
    *("description", "detail", "error"),
)
"""Where services put them: CMR, Earthdata Login, API gateways, STAC APIs."""

_XML: Final = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
"""Where S3 puts them."""

_NO_TEXT: Final = re.compile(r"<(script|style|head)\b.*?(</\1>|\Z)|<!--.*?-->", re.DOTALL | re.I)
_TAG: Final = re.compile(r"<[^>]*>")
_QUERY: Final = re.compile(r"(?<=://)([^\s'\"<>?]*)\?[^\s'\"<>]*")
_TOKEN: Final = re.compile(
    r"eyJ[\w-]+\.[\w-]+(\.[\w-]*)?|(?<=[Bb]earer )\S{20,}|(?<=Basic )\S{8,}"
)


def server_words(body: bytes | str, *, hide: Iterable[str | None] = ()) -> str:
    """The readable part of a body that tells of an error; empty where there is none.

    Of JSON its message, of a page its text; on one line, with control characters written out,
    without queries of URLs and tokens, and without the texts of ``hide``.
    """
    data = body.encode() if isinstance(body, str) else bytes(body)
    text = data[:_MOST_BYTES].decode(errors="replace")
    try:
        text = _of_json(orjson.loads(data)) or text
    except orjson.JSONDecodeError:
        found = _XML.search(text)
        text = found[1] if found else _NO_TEXT.sub(" ", text)
    for secret in filter(None, hide):
        text = text.replace(secret, "***")
    text = _TOKEN.sub("***", _QUERY.sub(r"\1", _TAG.sub(" ", text)))
    text = visible(" ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _of_json(answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return " ".join(filter(None, map(_of_json, answer)))
    if isinstance(answer, Mapping):
        return next(filter(None, (_of_json(answer.get(key)) for key in _KEYS)), "")
    return ""


def answer_words(answer: requests.Response, *, hide: Iterable[str | None] = ()) -> str:
    """Status of an answer, and what its body says: ``HTTP 403 Forbidden: Not for you``."""
    body = bytearray()
    try:
        for piece in answer.iter_content(_MOST_BYTES):
            body += piece
            if len(body) >= _MOST_BYTES:
                break
    except (requests.RequestException, RuntimeError):  # it broke off, or was read before
        pass
    said = server_words(bytes(body), hide=hide).rstrip(".")
    status = f"HTTP {answer.status_code} {visible(answer.reason or '')}".rstrip()
    return f"{status}: {said}" if said else status
