"""Some of the cases that ``make fuzz`` runs, in this process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.hostile.fuzz.__main__ import environment
from tests.hostile.fuzz.blocks import KINDS, run_block

CASES = 60


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves this machine, whatever a case names."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("kind", KINDS)
def test_odd_input_is_answered_rightly_or_refused(kind: str, tmp_path: Path) -> None:
    made = KINDS[kind](tmp_path)
    try:
        results = run_block(made, 20261129, CASES)
    finally:
        made.close()
    findings = [one for one in results if one.outcome in ("wrong", "other")]
    assert not findings, findings[0].trace
    outcomes = Counter(one.outcome for one in results)
    assert len(results) == CASES
    assert outcomes["answered"] > 0
    assert outcomes["refused"] > 0
