"""Why a service gave no answer, in words for people."""

from __future__ import annotations

import re
from typing import Any

import requests
import urllib3.exceptions

from catalog_builder.transport.answer_limits import SlowServerError


def _slowness(error: BaseException | None) -> str:
    """What a server did for so long, as the connection says."""
    while error is not None:
        if isinstance(error, SlowServerError):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


def reason(error: requests.RequestException) -> str:
    """The innermost of what requests and urllib3 say, without their class names."""
    inner: Any = error.args[0] if error.args else error
    inner = getattr(inner, "reason", None) or inner
    if isinstance(inner, urllib3.exceptions.ProtocolError) and len(inner.args) > 1:
        inner = inner.args[1]
    if isinstance(inner, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    refused = isinstance(inner, urllib3.exceptions.NewConnectionError)  # is a TimeoutError too
    if isinstance(inner, (urllib3.exceptions.TimeoutError, TimeoutError)) and not refused:
        slow = _slowness(inner)
        return f"no answer in time: {slow}" if slow else "no answer in time"
    text = re.sub(r"^.*\[(Errno -?\d+|SSL: \w+)\] |^[^\[]*?: | \(_ssl\.c.*$", "", str(inner))
    return text.strip("()'\" ") or type(error).__name__
