"""Ctrl-C ends a process whose threads wait, with the exit code that shells have for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from catalog_builder.interrupt import INTERRUPTED, answering_interrupts

HANGS = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
from catalog_builder.interrupt import answering_interrupts
from catalog_builder.cli import main
import catalog_builder.cli as cli, click

@click.command()
def hang():
    with ThreadPoolExecutor(1) as pool:  # its end waits for the thread
        waits = pool.submit(time.sleep, 60)
        print("waiting", flush=True)
        waits.result()

cli.VERBS["hang"] = ""
cli.LazyGroup.get_command = lambda self, ctx, name: hang
main(["hang"])
"""


def test_a_thread_that_hangs_is_not_waited_for() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == INTERRUPTED


def test_other_handlers_and_threads_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    with answering_interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler or (
            before is not signal.default_int_handler
        )
    assert signal.getsignal(signal.SIGINT) is before
    seen = []

    def elsewhere() -> None:
        with answering_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]
