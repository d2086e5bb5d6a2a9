"""When a request is sent again, and after what pause.

Answers whose status says that trying again may help are repeated by urllib3 (:func:`retries`).
What urllib3 cannot see, such as a body that breaks off or is no JSON, is repeated by
:func:`repeat`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import count
from typing import Final, TypeVar

from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

T = TypeVar("T")

TRANSIENT_STATUSES: Final = (429, 500, 502, 503, 504)
"""Answers after which the same request may succeed."""

LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries, unless the server asks for more."""

LONGEST_WAIT: Final = 300.0
"""Seconds that a server may ask to wait; where it asks for more, its answer is an error."""


REPEATS: Final = 2
"""How often a request for a file is repeated whose body ended early."""


class _Retry(Retry):
    """urllib3's, for which a ``Retry-After`` that is no time is none."""

    def parse_retry_after(self, retry_after: str) -> float:
        """Seconds that a header asks to wait; 0, and the usual pause follows, where it is odd."""
        try:
            return super().parse_retry_after(retry_after)
        except (InvalidHeader, OverflowError, ValueError):  # ValueError: over 4,300 digits
            return 0.0


def retries(total: int = 4, *, connect: int = 2, read: int | None = None) -> Retry:
    """How urllib3 repeats requests: at most ``total`` times, fewer where no connection is made.

    ``read`` limits repeats after a connection that was made gave no answer. The last answer is
    returned, whatever its status. POST is repeated too: none of ours changes anything.
    """
    return _Retry(
        total=total,
        connect=min(connect, total),
        read=None if read is None else min(read, total),
        backoff_factor=0.3,
        status_forcelist=TRANSIENT_STATUSES,
        allowed_methods=None,
        raise_on_status=False,
        retry_after_max=int(LONGEST_PAUSE),
    )


NO_RETRIES: Final = retries(0)
"""Every answer as it came, for callers that repeat by :func:`repeat`."""


class TransientError(Exception):
    """A fault that may pass: ``error`` is what to raise if it does not.

    ``retry_after`` is the seconds that the server asks to wait, if it does.
    """

    def __init__(self, error: Exception, *, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after

    @property
    def brief(self) -> str:
        """The fault without its details."""
        return str(self.error).partition(": ")[0].partition(" (HTTP")[0]


def repeat(
    attempt: Callable[[], T],
    *,
    most: int | Callable[[], int],
    pause: Callable[[TransientError, float], None] = lambda _, seconds: time.sleep(seconds),
) -> T:
    """Call ``attempt`` until it raises no :class:`TransientError`; its last error is raised.

    ``most`` is how often it is repeated at most, or tells so after each fault. Between two tries
    lie the seconds that the server asks for, else 1, 2, 4 and so on; a little more, so that
    clients that were turned away together do not come back together. ``pause`` is called with the
    fault and these seconds, to wait.
    """
    for tried in count():
        try:
            return attempt()
        except TransientError as fault:
            problem, asked = fault.error, fault.retry_after
            last = tried >= (most if isinstance(most, int) else most())
            if last or (asked is not None and asked > LONGEST_WAIT):
                break
            seconds = min(LONGEST_PAUSE, 2.0**tried) if asked is None else asked
            seconds *= random.uniform(1.0, 1.25)
            pause(fault, seconds)
    # Out here: chained to the fault, whose cause it is, it would have itself among its causes.
    raise problem
