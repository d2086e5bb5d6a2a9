"""The tree of errors is drawn as it is."""

from __future__ import annotations

import inspect
import re

from catalog_builder import errors
from catalog_builder.errors import CatalogBuilderError

OUTSIDE = {
    "AccessWarning",
    "LoginWarning",
    "PhotonsWarning",
    "ReferencesWarning",
    "SegmentsWarning",
}
"""Warnings, which the text below the drawing names."""


def drawn() -> dict[str, str | None]:
    """Each class of the drawing, and the one that it hangs below."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    (?P<lines>[│├└─ ]*)(?P<name>[A-Z]\w+)(\s|$)", line)
        if match is None:
            continue
        depth = len(match["lines"]) // 4
        assert match["name"] not in parents, f"{match['name']} is drawn twice"
        del above[depth:]
        parents[match["name"]] = above[-1] if above else None
        above.append(match["name"])
    return parents


def test_every_class_is_drawn_once_below_its_own_base() -> None:
    classes = {
        name: each
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if each.__module__ == errors.__name__
    }
    warnings = {name for name, each in classes.items() if issubclass(each, Warning)}
    assert warnings == OUTSIDE
    assert all(f"``{name}``" in (errors.__doc__ or "") for name in OUTSIDE)
    tree = drawn()
    assert set(tree) == set(classes) - OUTSIDE
    for name, parent in tree.items():
        bases = [base for base in classes[name].__bases__ if base.__module__ == errors.__name__]
        assert parent in [base.__name__ for base in bases] or (not bases and parent is None)
    assert tree[CatalogBuilderError.__name__] is None
