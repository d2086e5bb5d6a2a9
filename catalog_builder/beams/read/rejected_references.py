"""Which references this process found not to fit their granule, and the warning that says so."""

from __future__ import annotations

import warnings
from typing import Final

from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.errors import BeamError, ReferencesWarning, UnsupportedFilterError
from catalog_builder.forks import Lock

_Version = tuple[str, int, str | None]
"""Granule, size in bytes and ETag: what references are of."""

_rejected: Final[set[_Version]] = set()
_lock: Final = Lock()


def is_rejected(references: BeamReferences) -> bool:
    """Whether this process found these references not to fit their granule."""
    return _version(references) in _rejected


def reject(references: BeamReferences) -> bool:
    """Remember that these references do not fit their granule; returns whether that is new."""
    with _lock:
        new = not is_rejected(references)
        _rejected.add(_version(references))
    return new


def leave_references(references: BeamReferences, error: BeamError, *, calls: int = 3) -> None:
    """Warn that h5py reads the granule instead, and reject references that do not fit it.

    Those that lead to a filter which only h5py undoes do fit. ``calls`` is as in
    :func:`warn_without_references`.
    """
    if not isinstance(error, UnsupportedFilterError):
        reject(references)
    warn_without_references(error, calls=calls + 1)


def warn_without_references(error: Exception, *, calls: int = 3) -> None:
    """Warn that h5py reads the granule instead, and why.

    The warning names the user's line, ``calls`` calls up: the caller of this function is called by
    a public one, or by one that is.
    """
    warnings.warn(
        f"Read without references, which is slower: {error}",
        ReferencesWarning,
        stacklevel=calls + 1,
    )


def _version(references: BeamReferences) -> _Version:
    return references.granule, references.size, references.etag
