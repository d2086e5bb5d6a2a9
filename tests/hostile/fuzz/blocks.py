"""Blocks of cases: the same seed gives the same cases, whatever comes of them."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.hostile.fuzz.catalog_kinds import Indexes, Items
from tests.hostile.fuzz.granule_kinds import Granules, References
from tests.hostile.fuzz.kind import Kind, WrongAnswerError
from tests.hostile.fuzz.metadata_kinds import Definitions, Pages, Records

KINDS: Final[dict[str, Callable[[Path], Kind]]] = {
    "records": Records,
    "pages": Pages,
    "definitions": Definitions,
    "items": Items,
    "indexes": Indexes,
    "references": References,
    "granules": Granules,
}

Outcome = Literal["answered", "refused", "wrong", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a case."""

    number: int
    """In its block."""
    outcome: Outcome
    """An answer, an error of the tree, a wrong answer, another exception."""
    seconds: float
    """What it took."""
    trace: str = ""
    """Of what is a finding."""


def run_block(
    kind: Kind,
    block: int,
    cases: int,
    *,
    begin: Callable[[int, Any], bool] = lambda *_: True,
    end: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Run the cases of a block, which is the seed; returns what came of each.

    ``begin`` is called with the number of a case and what was drawn; False leaves it out.
    """
    results: list[Result] = []
    number = -1

    @seed(block)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.cases)
    def run(case: Any) -> None:
        nonlocal number
        number += 1
        if begin(number, case):
            results.append(_result(kind, number, case))
            end(results[-1])

    run()
    return results


def _result(kind: Kind, number: int, case: Any) -> Result:
    outcome: Outcome
    trace = ""
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome = "refused" if kind.run(case) else "answered"
    except WrongAnswerError:
        outcome, trace = "wrong", traceback.format_exc()
    except Exception:
        outcome, trace = "other", traceback.format_exc()
    seconds = time.monotonic() - began
    return Result(number=number, outcome=outcome, seconds=seconds, trace=trace)
