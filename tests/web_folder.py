"""A folder as a plain web server shows it, ranges included."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from scripted_server import Answer, Asked, Script

_RANGE = re.compile(r"bytes=(\d*)-(\d+)")


def serve_folder(folder: Path) -> Script:
    """A script for ``ScriptedServer``."""

    def answer(asked: Asked) -> Answer:
        file = folder / unquote(asked.path).lstrip("/")
        if not file.is_file():
            return Answer(status=404)
        body = file.read_bytes()
        headers = {"Accept-Ranges": "bytes"}
        if wanted := _RANGE.fullmatch(asked.headers.get("Range", "")):
            first, last = max(len(body) - int(wanted[2]), 0), len(body) - 1
            if wanted[1]:
                first, last = int(wanted[1]), min(int(wanted[2]), len(body) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            return Answer(status=206, headers=headers, body=body[first : last + 1])
        if asked.method == "HEAD":
            return Answer(headers=headers, length=len(body))
        return Answer(headers=headers, body=body)

    return answer
