"""How a source or a catalog is written down: for a notebook, as YAML for intake, as a pickle."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.plain_text import visible

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


def pickled(
    driver: type, state: dict[str, Any], options: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What intake would pickle of a source, with a location for ``catalog``.

    A location leaves its query, and the ``storage_options``, out of pickles, and says so where it
    is read in another process.
    """
    names = inspect.signature(driver).parameters
    arguments = dict(zip(names, state["args"], strict=False)) | state["kwargs"]
    if isinstance(address := arguments.get("catalog"), str):
        arguments["catalog"] = CatalogLocation.parse(address, options)
    arguments.pop("storage_options", None)
    return {**state, "args": [], "kwargs": arguments}


def shown_address(value: Any) -> Any:
    """An address without its query, which may sign; anything else as it is."""
    if isinstance(value, CatalogLocation):
        return value.folder
    return value.partition("?")[0] if isinstance(value, str) and "://" in value else value


def html_table(title: str, rows: Iterable[tuple[str, Any]], hint: str) -> str:
    """Names and values, those that are None left out, and what to call next."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{_text(key)}</th>"
        f"<td style='text-align:left'>{_text(value)}</td></tr>"
        for key, value in rows
        if value is not None
    )
    return f"<div><b>{_text(title)}</b><table>{cells}</table><code>{_text(hint)}</code></div>"


def _text(value: Any) -> str:
    return escape(visible(str(value)))
