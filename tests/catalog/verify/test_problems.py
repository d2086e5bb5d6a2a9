"""Problems that a verification finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.catalog.verify.checks import verify
from catalog_builder.catalog.verify.problems import Problems


def test_many_problems_are_counted_and_some_are_shown(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog_builder.catalog.verify.problems.MOST_PROBLEMS", 10)
    for item in published.glob("ATL03_007/*/*/ATL03_*.json"):
        item.write_text("{")
    report = verify(published)
    assert (len(report.problems), report.problem_count) == (10, 39)


def test_each_problem_is_a_sentence_with_its_file() -> None:
    problems = Problems()
    problems("catalog.json", "is not JSON")
    problems("a.json", "is not a STAC object.")
    assert problems.texts == ["catalog.json is not JSON.", "a.json is not a STAC object."]
    assert problems.count == 2


def test_many_names_are_one_problem_that_lists_the_first() -> None:
    problems = Problems()
    problems.list_names("The folder", "holds files that no page links to", [])
    assert problems.count == 0
    problems.list_names("The folder", "holds", {"b", "a"})
    problems.list_names("The folder", "holds", [f"{number}" for number in range(7)])
    assert problems.texts == [
        "The folder holds: a, b.",
        "The folder holds: 0, 1, 2, 3, 4 and 2 more.",
    ]
