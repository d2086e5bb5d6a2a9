"""Keeps secrets out of the logs of the libraries that a login passes through.

At level DEBUG botocore logs session tokens, urllib3 signed URLs and one-time codes. What this
package hands to them must not end up in a log that someone attaches to a question.
"""

from __future__ import annotations

import logging
import re
from typing import Final

_LOGGERS: Final = (
    "botocore.auth",
    "botocore.endpoint",
    "botocore.parsers",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)

_SECRET: Final = re.compile(
    r"(x-amz-security-token(?:[:=]|': b?')"  # a header, in a canonical request or a dictionary
    r"|[?&](?:code|sig|(?:access_?)?token|signature|x-(?:amz|goog)-(?:signature|credential))="
    # (in a URL; Azure signs by sig)
    r"|<Token-0>)"  # in S3's answer to a token that has ended
    r"[^\s'&<]+",
    re.IGNORECASE,
)


class _Redact(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without what is secret in it."""
        message = record.getMessage()
        redacted = _SECRET.sub(r"\1***", message)
        if redacted != message:
            record.msg, record.args = redacted, None
        return True


_REDACT: Final = _Redact()


def redact_logs() -> None:
    """Take secrets out of what these libraries log from now on; may be called many times."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_REDACT)
