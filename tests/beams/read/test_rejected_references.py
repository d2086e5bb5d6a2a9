"""Which references are rejected, and whom the warning points at."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from stored_chunks import references_of

from catalog_builder.beams.read.rejected_references import (
    is_rejected,
    leave_references,
    reject,
    warn_without_references,
)
from catalog_builder.errors import (
    BeamError,
    ReferencesWarning,
    StaleReferencesError,
    UnsupportedFilterError,
)

KNOWN = references_of({}, size=1000, etag='"a"')


def test_references_of_one_version_are_rejected_together() -> None:
    assert not is_rejected(KNOWN)
    assert reject(KNOWN)
    assert is_rejected(KNOWN)
    assert is_rejected(replace(KNOWN, beam="gt3r"))
    assert not reject(replace(KNOWN, beam="gt3r"))


@pytest.mark.parametrize(
    "other", [{"size": 1001}, {"etag": '"b"'}, {"etag": None}, {"granule": "another"}]
)
def test_another_version_is_not_rejected_with_it(other: dict[str, object]) -> None:
    reject(KNOWN)
    assert not is_rejected(replace(KNOWN, **other))


def test_of_many_threads_one_is_the_first() -> None:
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: reject(KNOWN), range(200))) == 1


def test_the_warning_names_the_users_line() -> None:
    def find_problem() -> None:
        warn_without_references(StaleReferencesError("of another version"))

    def public_function() -> None:
        find_problem()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        public_function()
    (warning,) = caught
    assert warning.category is ReferencesWarning
    assert warning.filename == __file__
    assert str(warning.message) == "Read without references, which is slower: of another version"


@pytest.mark.parametrize(
    ("error", "rejected"),
    [(StaleReferencesError("old"), True), (UnsupportedFilterError("szip"), False)],
)
def test_references_are_left_and_rejected_only_where_they_do_not_fit(
    error: BeamError, rejected: bool
) -> None:
    def public_function() -> None:
        leave_references(KNOWN, error, calls=2)

    with pytest.warns(ReferencesWarning, match=str(error)) as warned:
        public_function()
    assert [warning.filename for warning in warned] == [__file__]
    assert is_rejected(KNOWN) == rejected
