"""Attempts to log in: one at a time, and none again after a refusal."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog_builder.auth.login_attempts import OneAtATime, TokenAcceptance, without_traceback
from catalog_builder.errors import CredentialsError, EulaError, LoginRejectedError


def test_threads_that_waited_get_the_error_and_later_ones_try_again() -> None:
    attempts, count, begun, go = OneAtATime(), Counter[str](), threading.Event(), threading.Event()

    def fail() -> None:
        count["fail"] += 1
        begun.set()
        assert go.wait(10)
        raise EulaError("Accept it.", resolution_url="https://there")

    def succeed() -> str:
        count["succeed"] += 1
        return "done"

    with ThreadPoolExecutor(4) as pool:
        failing = pool.submit(attempts.run, fail)
        assert begun.wait(10)
        waiting = [pool.submit(attempts.run, succeed) for _ in range(3)]
        time.sleep(0.1)
        go.set()
        errors = [future.exception() for future in (failing, *waiting)]
    assert [(str(one), getattr(one, "resolution_url", None)) for one in errors] == [
        ("Accept it.", "https://there")
    ] * 4
    assert len({id(one) for one in errors}) == 4
    assert attempts.run(succeed) == "done"
    assert count == {"fail": 1, "succeed": 1}


def test_a_failure_of_another_kind_is_not_shared() -> None:
    attempts = OneAtATime()

    def fail() -> None:
        raise ValueError("a fault of ours")

    for _ in range(2):
        with pytest.raises(ValueError, match="a fault of ours"):
            attempts.run(fail)
    assert attempts.run(lambda: "done") == "done"


class Host:
    """Answers requests as it is told to, and counts them."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.requests = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.requests += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.02)
        with self._lock:
            self.at_once -= 1
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_refused_token_is_sent_once() -> None:
    host, acceptance = Host(LoginRejectedError("no", certain=True)), TokenAcceptance()

    def send(_: int) -> str:
        try:
            return acceptance.send(host)
        except LoginRejectedError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(30))) == {"no"}
    assert send(0) == "no"
    assert host.requests == 1


def test_until_the_host_has_answered_requests_go_one_at_a_time() -> None:
    host, acceptance = Host("first", "later"), TokenAcceptance()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: acceptance.send(host), range(8)))
    assert Counter(answers) == {"first": 1, "later": 7}
    assert host.most_at_once > 1  # once it had answered


@pytest.mark.parametrize(
    "passing",
    [
        EulaError("accept it", resolution_url="https://there"),
        LoginRejectedError("a web page", certain=False),
        CredentialsError("HTTP 500"),
    ],
)
def test_what_may_pass_is_sent_again(passing: Exception) -> None:
    host, acceptance = Host(passing, "keys"), TokenAcceptance()
    with pytest.raises(type(passing)):
        acceptance.send(host)
    assert acceptance.send(host) == "keys"
    assert host.requests == 2


def test_a_token_may_be_refused_after_it_was_accepted() -> None:
    host = Host("keys", LoginRejectedError("revoked", certain=True))
    acceptance = TokenAcceptance()
    assert acceptance.send(host) == "keys"
    for _ in range(3):
        with pytest.raises(LoginRejectedError, match="revoked"):
            acceptance.send(host)
    assert host.requests == 2


def test_a_copy_of_an_error_has_no_traceback() -> None:
    try:
        raise EulaError("accept it", resolution_url="https://there")
    except EulaError as error:
        copied = without_traceback(error)
    assert copied.__traceback__ is None
    assert (str(copied), copied.resolution_url) == ("accept it", "https://there")
