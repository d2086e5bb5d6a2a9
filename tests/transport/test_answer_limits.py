"""The limits of answers, and the seconds that a user may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.errors import AccessError
from catalog_builder.transport.answer_limits import (
    CMR_PAGE,
    SLOWEST,
    TIMEOUT_VARIABLE,
    SlowServerError,
    require_pace,
    seconds_of_silence,
    timeouts,
)


def test_a_minute_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TIMEOUT_VARIABLE, raising=False)
    assert (seconds_of_silence(), timeouts()) == (60, (10, 60))
    monkeypatch.setenv(TIMEOUT_VARIABLE, " 300 ")
    assert timeouts() == (10, 300)
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.5")
    assert timeouts() == (0.5, 0.5)


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan", "inf", "1e9"])
def test_what_is_no_number_of_seconds(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, text)
    with pytest.raises(AccessError, match=f"{TIMEOUT_VARIABLE} = '{text}' is no number"):
        timeouts()


def test_an_answer_may_be_slow_but_not_for_ever() -> None:
    require_pace(0, 59, 60)
    require_pace(100 * SLOWEST, 159, 60)
    with pytest.raises(SlowServerError, match="only 17 bytes came in 61 s"):
        require_pace(17, 61, 60)


def test_a_page_of_real_records_fits_twice_over(real_data: Path) -> None:
    with (real_data / "cmr/atl03_v007_granules.umm.jsonl").open("rb") as lines:
        sizes = [len(line) for line in lines]
    sizes.append((real_data / "cmr/ecs_atl03_v005_granule.umm.json").stat().st_size)
    assert max(sizes) * 2_000 * 2 < CMR_PAGE
    with (real_data / "recorded/recorded_answers.jsonl").open("rb") as lines:
        assert max(map(len, lines)) * 2 < CMR_PAGE
