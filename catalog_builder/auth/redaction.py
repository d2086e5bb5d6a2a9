"""Keeps secrets out of the logs of the libraries that a login passes through.

At level DEBUG botocore logs session tokens, urllib3 signed URLs and one-time codes. What this
package hands to them must not end up in a log that someone attaches to a question.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

_LIBRARIES: Final = (
    *("aiobotocore", "aiohttp", "asyncio", "botocore", "catalog_builder", "fsspec", "intake"),
    *("obstore", "requests", "s3fs", "urllib3"),
)
"""What logs, by the first part of its loggers' names."""

_LOGGERS: Final = (
    *("botocore.auth", "botocore.endpoint", "botocore.hooks", "botocore.httpsession"),
    *("botocore.parsers", "botocore.retryhandler", "botocore.retries.standard"),
    *("aiobotocore.endpoint", "aiobotocore.httpsession", "fsspec.http", "fsspec.local"),
    *("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry"),
)
"""Loggers that may be made later: a filter holds for one logger, not for those below it."""

_SECRET: Final = re.compile(
    r"(x-amz-security-token(?:[:=]|': b?')"  # a header, in a canonical request or a dictionary
    r"|[?&](?:code|sig|(?:access_?)?token|signature|x-(?:amz|goog)-(?:signature|credential))="
    # (in a URL; Azure signs by sig)
    r"|<Token-0>)"  # in S3's answer to a token that has ended
    r"[^\s'&<]+",
    re.IGNORECASE,
)

_SHORTEST: Final = 6
"""Characters of a value that may be a secret: shorter ones, such as versions, stay."""

_names: set[str] = set()
"""Names in queries of users' addresses, whose long values are kept out of logs."""

_values: set[str] = set()
"""Texts among users' options, which are kept out of logs."""


def hide(query: str = "", options: Mapping[str, Any] | None = None) -> None:
    """Keep the values of a query, and the texts among ``storage_options``, out of logs."""
    named = parse_qsl(query, keep_blank_values=True)
    # As they stand in the query too: a name may be written with %20 in it.
    for part in query.removeprefix("?").split("&"):
        name, _, value = part.partition("=")
        named.append((name, value))
    _names.update(name for name, value in named if len(value) >= _SHORTEST)
    _values.update(name for name, value in named if not value and len(name) >= _SHORTEST)
    _values.update(text for text in _texts(options or {}) if len(text) >= _SHORTEST)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple, set)):
        for inner in value:
            yield from _texts(inner)


def redacted(text: str) -> str:
    """A text without what is secret in it."""
    text = _SECRET.sub(r"\1***", text)
    if _names:
        names = "|".join(map(re.escape, sorted(_names)))
        text = re.sub(rf"([?&](?:{names})=)[^\s'\"&<]{{{_SHORTEST},}}", r"\1***", text)
    for value in sorted(_values, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


class _Redact(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without what is secret in it, or in the error it tells of."""
        message = record.getMessage()
        hidden = redacted(message)
        if hidden != message:
            record.msg, record.args = hidden, None
        if record.exc_info and not record.exc_text:
            record.exc_text = redacted(_PLAIN.formatException(record.exc_info))
        return True


_PLAIN: Final = logging.Formatter()
_REDACT: Final = _Redact()
_known = -1
"""Loggers that there were at the last call."""


def redact_logs() -> None:
    """Take secrets out of what these libraries log from now on; may be called many times."""
    global _known
    there = logging.root.manager.loggerDict
    if len(there) == _known:
        return
    for name in (*_LIBRARIES, *_LOGGERS, *there):
        if name.partition(".")[0] in _LIBRARIES:
            logging.getLogger(name).addFilter(_REDACT)
    _known = len(there)
