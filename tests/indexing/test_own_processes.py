"""Worker processes of our own: their login, Ctrl-C, and their end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.errors import LoginMissingError
from catalog_builder.indexing.own_processes import own_processes, usable_cores
from earthdata_standin import EarthdataStandin


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are not bound here")
def test_only_cores_that_this_process_may_use_count() -> None:
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)
    assert usable_cores() == len(cores)


def test_a_worker_does_not_see_ctrl_c() -> None:
    with own_processes(1, login=False) as pool:
        worker = pool.submit(os.getpid).result()
        os.kill(worker, signal.SIGINT)
        assert pool.submit(os.getpid).result() == worker != os.getpid()
        blocked = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
        assert signal.SIGINT in blocked
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_workers_are_killed_after_an_interruption() -> None:
    def interrupted() -> None:
        with own_processes(1, login=False) as pool:
            workers.append(pool.submit(os.getpid).result())
            pool.submit(time.sleep, 60)
            raise KeyboardInterrupt

    workers: list[int] = []
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - began < 40
    assert not Path(f"/proc/{workers[0]}").exists()


@pytest.mark.parametrize("login", [True, False])
def test_a_worker_has_the_token_only_where_it_is_handed(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, login: bool
) -> None:
    monkeypatch.setenv("NETRC", os.devnull)
    with own_processes(1, login=login) as pool:
        for name in ("EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"):
            monkeypatch.delenv(name, raising=False)  # before the worker starts
        answer = pool.submit(bearer_token)
        if login:
            assert answer.result() == cloud.token
        else:
            assert isinstance(answer.exception(), LoginMissingError)
