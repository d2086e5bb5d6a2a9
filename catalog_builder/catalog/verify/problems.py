"""Problems that a verification finds, and the report that lists them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

MOST_PROBLEMS: Final = 200
"""Most problems whose text is kept; further ones are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a verification found."""

    address: str
    """Folder or URL of the catalog."""
    pages: int
    """Number of catalogs and collections that were read."""
    items: int
    """Number of items that the pages link to."""
    items_read: int
    """Number of items that were read, checked, and compared with the index: all, or a sample."""
    validated: int
    """Number of those that were checked against the STAC schemas: all, or about 2,000."""
    index_rows: int
    """Number of rows in the index."""
    problems: tuple[str, ...]
    """The first 200 problems, a sentence each."""
    problem_count: int
    """Number of all problems."""
    notes: tuple[str, ...]
    """What was not checked, and other remarks."""

    @property
    def ok(self) -> bool:
        """True if nothing is wrong."""
        return self.problem_count == 0


class Problems:
    """Collects problems, each with the path of the file that has it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        """The first ones, a sentence each."""
        self.count = 0
        """Number of all problems."""

    def __call__(self, path: str, problem: str) -> None:
        """Add a problem of a file."""
        self.count += 1
        if len(self.texts) < MOST_PROBLEMS:
            self.texts.append(f"{path} {problem.rstrip('.')}.")

    def list_names(self, path: str, problem: str, names: Collection[str]) -> None:
        """Add one problem for all these names; nothing if there are none."""
        if names:
            first = ", ".join(sorted(names)[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            self(path, f"{problem}: {first}{more}")
