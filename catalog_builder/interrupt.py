"""Ctrl-C is answered within two seconds, whatever a verb's threads wait for."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""

PATIENCE: Final = 1.5
"""Seconds that a verb has to end by itself. What it leaves then, it would leave if it were killed:
the next run removes it, or goes on from there."""

_SHOW_CURSOR: Final = "\x1b[?25h"
"""Bars hide it."""


@contextmanager
def answering_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt at Ctrl-C, and end the process if it is still there afterwards.

    Only in the main thread, and where nobody else handles the signal.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def answer(number: int, frame: FrameType | None) -> None:
        leave = threading.Timer(PATIENCE, _leave)
        leave.daemon = True
        leave.start()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, answer)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave() -> None:
    """End the process and its workers now: a request that hangs is not waited for."""
    with suppress(Exception):
        import multiprocessing  # not by --help, which it would slow down

        for child in multiprocessing.active_children():
            child.terminate()
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR.encode())
    os._exit(INTERRUPTED)
