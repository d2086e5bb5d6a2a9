"""Why a service gave no answer, in words for people."""

from __future__ import annotations

import re
from typing import Any

import requests
import urllib3.exceptions


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
        return "no answer in time"
    text = re.sub(r"^.*\[(Errno -?\d+|SSL: \w+)\] |^[^\[]*?: | \(_ssl\.c.*$", "", str(inner))
    return text.strip("()'\" ") or type(error).__name__
