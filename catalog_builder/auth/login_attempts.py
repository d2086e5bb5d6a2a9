"""Attempts to log in, one at a time, so that a refused login is not sent again and again.

Earthdata Login locks an account after a few wrong passwords. If twenty threads try the same login
at once, only the first may send it; the others wait and get its result.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

from catalog_builder.errors import EarthdataError, EulaError, LoginRejectedError
from catalog_builder.forks import Lock

T = TypeVar("T")


class OneAtATime:
    """Runs attempts one after another; threads that wait while one fails get its error.

    Only an :class:`~catalog_builder.errors.EarthdataError` is shared like this, and only with
    threads that were already waiting: a thread that comes later makes an attempt of its own. In a
    forked child the lock is free.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        """Held during an attempt."""
        self._finished = 0
        """Attempts so far."""
        self._failure: EarthdataError | None = None
        """Error of the last attempt."""

    def run(self, attempt: Callable[[], T]) -> T:
        """Wait for earlier attempts, then call ``attempt``, which must not call this method."""
        finished_before = self._finished
        with self.lock:
            if self._failure is not None and self._finished != finished_before:
                raise without_traceback(self._failure)
            self._failure = None
            try:
                return attempt()
            except EarthdataError as error:
                self._failure = without_traceback(error)
                raise
            finally:
                self._finished += 1


class TokenAcceptance:
    """Whether one host accepts one token, found out by one request for all threads.

    A refusal is remembered for the life of the process. A missing agreement is not, because the
    user may accept it at any moment; nor are other errors, which say nothing about the token.
    """

    def __init__(self) -> None:
        self._attempts = OneAtATime()
        self._host_answered = False
        self._refusal: LoginRejectedError | None = None

    def send(self, request: Callable[[], T]) -> T:
        """Return what ``request`` returns, which sends the token to the host.

        ``request`` raises :class:`~catalog_builder.errors.LoginRejectedError` if the token is
        refused; later calls then raise the same error and send nothing. Until the host has
        answered once, requests are sent one at a time.
        """
        answers: list[T] = []

        def first_request() -> None:
            if not self._host_answered:
                answers.append(self._send(request))

        if not self._host_answered:
            self._attempts.run(first_request)
        return answers[0] if answers else self._send(request)

    def _send(self, request: Callable[[], T]) -> T:
        if self._refusal is not None:
            raise without_traceback(self._refusal)
        try:
            answer = request()
        except LoginRejectedError as error:
            if error.certain:
                self._host_answered, self._refusal = True, without_traceback(error)
            raise
        except EulaError:
            raise
        except Exception:
            self._host_answered = True
            raise
        self._host_answered = True
        return answer


Error = TypeVar("Error", bound=EarthdataError)


def without_traceback(error: Error) -> Error:
    """A copy of an error, to be raised in another thread or later."""
    return copy.copy(error).with_traceback(None)  # tblib, where it is installed, copies it too
