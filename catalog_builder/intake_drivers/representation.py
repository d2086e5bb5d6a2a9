"""How a source or a catalog is written down: as HTML for a notebook, as YAML for intake."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any


def without_options(data: dict[str, Any]) -> dict[str, Any]:
    """What intake would write to YAML, without ``storage_options``: keys may be in them."""
    for source in data["sources"].values():
        source["args"].pop("storage_options", None)
    return data


def html_table(title: str, rows: Iterable[tuple[str, Any]], hint: str) -> str:
    """Names and values, those that are None left out, and what to call next."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(key)}</th>"
        f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
        for key, value in rows
        if value is not None
    )
    return f"<div><b>{title}</b><table>{cells}</table><code>{escape(hint)}</code></div>"
