"""One request at a time where a login may be refused, so that a refused one is not sent again.

Many threads that find out by themselves that a password is wrong lock the account. So the first of
them asks, the others wait, and all of them are told what it was told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

from catalog_builder.errors import EarthdataError, EulaError, LoginRejectedError
from catalog_builder.forks import Lock

T = TypeVar("T")


class Turns:
    """Threads take turns at something; who waits while a turn fails is told its failure.

    Only an :class:`~catalog_builder.errors.EarthdataError` is handed on like this, and only to
    those that waited: who comes later has a turn. A forked child finds the lock open.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        """Held during a turn."""
        self._taken = 0
        self._failure: EarthdataError | None = None

    def take(self, turn: Callable[[], T]) -> T:
        """Wait for those before, then call ``turn``, which is not to take another turn here."""
        before = self._taken
        with self.lock:
            if self._failure is not None and self._taken != before:
                raise again(self._failure)
            self._failure = None
            try:
                return turn()
            except EarthdataError as error:
                self._failure = again(error)
                raise
            finally:
                self._taken += 1


class Admission:
    """Whether a host lets a token in: one request finds out, for all threads of the process.

    A refusal is remembered. An agreement that is missing is not, for it may be accepted at any
    moment; nor is anything else that goes wrong, which says nothing of the token.
    """

    def __init__(self) -> None:
        self._turns = Turns()
        self._asked = False
        self._refusal: LoginRejectedError | None = None

    def send(self, request: Callable[[], T]) -> T:
        """What ``request`` returns, which sends the token.

        It raises a :class:`~catalog_builder.errors.LoginRejectedError` where the token is refused:
        that is raised from then on without a request. Until the host was asked once, threads take
        turns.
        """
        answers: list[T] = []

        def first() -> None:
            if not self._asked:
                answers.append(self._send(request))

        if not self._asked:
            self._turns.take(first)
        return answers[0] if answers else self._send(request)

    def _send(self, request: Callable[[], T]) -> T:
        if self._refusal is not None:
            raise again(self._refusal)
        try:
            answer = request()
        except LoginRejectedError as error:
            if error.certain:
                self._asked, self._refusal = True, again(error)
            raise
        except EulaError:
            raise
        except Exception:
            self._asked = True
            raise
        self._asked = True
        return answer


Error = TypeVar("Error", bound=EarthdataError)


def again(error: Error) -> Error:
    """The same error without its traceback, to be raised elsewhere."""
    return copy.copy(error)
