"""When a request is sent again, and after which pause."""

from __future__ import annotations

import pytest

from catalog_builder.transport.retries import (
    LONGEST_PAUSE,
    LONGEST_WAIT,
    NO_RETRIES,
    TRANSIENT_STATUSES,
    TransientError,
    repeat,
    retries,
)


class Attempts:
    """Fails so many times, then returns; keeps the pauses in between."""

    def __init__(self, failures: int, retry_after: float | None = None) -> None:
        self.left = failures
        self.retry_after = retry_after
        self.pauses: list[float] = []

    def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise TransientError(OSError(f"{self.left} left"), retry_after=self.retry_after)
        return "done"

    def pause(self, _: TransientError, seconds: float) -> None:
        self.pauses.append(seconds)


def test_pauses_double_up_to_a_minute_and_differ_a_little() -> None:
    attempts = Attempts(9)
    assert repeat(attempts, most=9, pause=attempts.pause) == "done"
    for number, seconds in enumerate(attempts.pauses):
        least = min(LONGEST_PAUSE, 2.0**number)
        assert least <= seconds <= 1.25 * least
    assert len(attempts.pauses) == 9


def test_the_server_says_how_long() -> None:
    attempts = Attempts(2, retry_after=90.0)
    assert repeat(attempts, most=2, pause=attempts.pause) == "done"
    assert all(90.0 <= seconds <= 112.5 for seconds in attempts.pauses)


@pytest.mark.parametrize(
    ("failures", "most", "retry_after", "pauses"),
    [(1, 0, None, 0), (3, 2, None, 2), (1, 5, LONGEST_WAIT + 1, 0)],
)
def test_the_last_error_itself_is_raised(
    failures: int, most: int, retry_after: float | None, pauses: int
) -> None:
    attempts = Attempts(failures, retry_after)
    with pytest.raises(OSError, match="0 left"):
        repeat(attempts, most=most, pause=attempts.pause)
    assert len(attempts.pauses) == pauses


def test_the_limit_may_change_on_the_way() -> None:
    attempts, limits = Attempts(5), iter([9, 9, 0])
    with pytest.raises(OSError, match="2 left"):
        repeat(attempts, most=lambda: next(limits), pause=attempts.pause)


def test_other_errors_are_not_repeated() -> None:
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        repeat(attempt, most=5)
    assert calls == [1]


def test_the_brief_form_of_a_fault_has_no_details() -> None:
    assert TransientError(OSError("CMR gave no answer: timed out")).brief == "CMR gave no answer"
    assert TransientError(OSError("CMR is busy (HTTP 503 at x)")).brief == "CMR is busy"


def test_what_urllib3_repeats() -> None:
    for status in TRANSIENT_STATUSES:
        assert retries().is_retry("GET", status)
        assert retries().is_retry("POST", status)
    assert not retries().is_retry("GET", 404)
    assert NO_RETRIES.total == 0
    assert (retries(1).total, retries(1).connect, retries(9, read=3).read) == (1, 1, 3)


@pytest.mark.parametrize(
    "asked", ["", "soon", "-5", "1e400", "9" * 5000, "Sun, 29 Nov 99999999999 10:00:00 GMT"]
)
def test_a_time_to_wait_that_is_none_is_not_heeded(asked: str) -> None:
    assert retries().parse_retry_after(asked) == 0.0


def test_an_error_is_not_among_its_own_causes() -> None:
    """Who walks along the causes would never end."""

    def attempt() -> None:
        try:
            raise OSError("it broke off")
        except OSError as error:
            raise TransientError(error) from error

    with pytest.raises(OSError, match="broke off") as caught:
        repeat(attempt, most=1, pause=lambda *_: None)
    seen: list[BaseException] = []
    error: BaseException | None = caught.value
    while error is not None and len(seen) < 9:
        assert error not in seen
        seen.append(error)
        error = error.__cause__ or error.__context__
