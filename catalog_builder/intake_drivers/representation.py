"""How a source or a catalog is written down: as HTML for a notebook, as YAML for intake."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

_ADDRESSES: Final = ("catalog", "href", "granule", "references")


def without_secrets(data: dict[str, Any]) -> dict[str, Any]:
    """What intake would write to YAML, without ``storage_options`` and queries: they may sign."""
    for source in data["sources"].values():
        arguments = source["args"]
        arguments.pop("storage_options", None)
        for name in _ADDRESSES:
            if name in arguments:
                arguments[name] = shown_address(arguments[name])
    return data


def shown_address(value: Any) -> Any:
    """An address without its query, which may sign; anything else as it is."""
    return value.partition("?")[0] if isinstance(value, str) and "://" in value else value


def html_table(title: str, rows: Iterable[tuple[str, Any]], hint: str) -> str:
    """Names and values, those that are None left out, and what to call next."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(key)}</th>"
        f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
        for key, value in rows
        if value is not None
    )
    return f"<div><b>{title}</b><table>{cells}</table><code>{escape(hint)}</code></div>"
