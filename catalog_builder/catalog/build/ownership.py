"""Checks that a folder belongs to a definition, so that its build may write there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.stac.intake_yaml import COMMENT
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    CATALOG_YML,
    REPORT,
    require_known_collections,
)
from catalog_builder.errors import CatalogError, FolderError

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.safe_folder import SafeFolder

_HEAL: Final = "build with --full (full=True), which writes all files again"


def require_own_folder(files: SafeFolder, definition: Definition, *, full: bool) -> None:
    """Raise CatalogError unless the catalog of this definition may be built in the folder.

    The folder may be missing or empty, or contain the catalog of this definition, or the remains
    of an interrupted first build. If ``catalog.json`` or ``build-report.json`` is missing or
    damaged, the other one and ``catalog.yml`` identify the catalog, and only a ``full`` build may
    repair it. A catalog that a newer version wrote is never written to.
    """
    root = files.root
    if not root.exists():
        if root.is_symlink():
            raise FolderError(f"{root} is a link that leads nowhere: remove it.")
        return
    if not root.is_dir():
        raise CatalogError(f"{root} is a file: choose a folder to build into.")
    require_known_collections(files)
    interrupted = files.has_folder(STAGING)
    page, report = files.read(CATALOG), files.read(REPORT)
    if page is None and not any(not entry.name.startswith(".") for entry in files.entries()):
        return
    if page is None and report is None and interrupted:
        return
    owner = _text(page, "id") or _text(report, "definition")
    if owner not in (None, definition.name):
        raise CatalogError(
            f"{root} contains another catalog, {owner!r}, not {definition.name!r}: "
            "choose another folder, or remove it first."
        )
    if _text(page, "id") is not None and (interrupted or report is not None):
        return
    if not (interrupted or _text(report, "definition") or _has_our_yaml(files, definition)):
        if page is None:
            raise CatalogError(
                f"{root} is not empty and not a catalog: nothing was written there. "
                "Choose another folder."
            )
        raise CatalogError(
            f"{root} contains another catalog: its {CATALOG} was not made by catalog-builder for "
            f"{definition.name!r}. Choose another folder, or remove it first."
        )
    if not full:
        name = REPORT if _text(page, "id") is not None else CATALOG
        state = "damaged" if files.size(name) is not None else "missing"
        raise CatalogError(f"{root / name} is {state}: {_HEAL}.")


def _text(body: bytes | None, key: str) -> str | None:
    """The text under a key of a JSON object; None if there is none."""
    try:
        value = orjson.loads(body or b"")[key]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None


def _has_our_yaml(files: SafeFolder, definition: Definition) -> bool:
    """True if ``catalog.yml`` was made by a build, with the definition's title."""
    import yaml

    text = (files.read(CATALOG_YML) or b"").decode(errors="replace")
    if not text.startswith(COMMENT):
        return False
    try:
        title: Any = yaml.safe_load(text)["metadata"]["title"]
    except (yaml.YAMLError, RecursionError, LookupError, TypeError, ValueError):
        return False
    return bool(title == definition.title)
