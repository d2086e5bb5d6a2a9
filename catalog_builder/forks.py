"""Fork safety: what a forked child must not share with its parent, locks, threads, connections.

Only the forking thread exists in the child. A lock that another thread held stays locked there for
ever, results of other threads never arrive, and a connection belongs to two processes at once. So
objects that hold such things create them again in the child (:class:`Lock`,
:func:`in_forked_child`); what cannot be created again is not used there
(:func:`obstore_is_lost`).

Importing this module registers the hooks (:func:`os.register_at_fork`); where there is no fork, it
does nothing.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 (its hooks must be registered before ours)
import logging  # noqa: F401 (the same)
import os
import sys
import threading
import time
import weakref
from contextlib import suppress
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

IMPORTS_WAIT: Final = 3.0
"""Seconds that a fork waits, at most, for other threads to finish their imports."""

_STEP: Final = 0.005

_actions: Final[weakref.WeakKeyDictionary[Any, list[Callable[[Any], None]]]] = (
    weakref.WeakKeyDictionary()
)
_kept: Final[list[Any]] = []
"""Objects of the parent that are never freed here: freeing them would affect the parent."""

_obstore_lost = False
_forking: Final = threading.local()
"""What the forking thread holds during the fork."""


def in_forked_child(method: Callable[[], None]) -> None:
    """Call a bound method in every child that this process forks, while its object lives.

    It runs in the child before any other code, and must neither wait nor fail.
    """
    assert isinstance(method, MethodType)
    _actions.setdefault(method.__self__, []).append(method.__func__)


def keep(thing: Any) -> None:
    """Keep an object alive until this process ends, even if nothing else refers to it."""
    _kept.append(thing)


def obstore_is_lost() -> bool:
    """True if this process was forked from one that had loaded obstore.

    obstore's threads, one pool for all stores, do not exist in the child: any read would wait for
    ever, also that of a new store.
    """
    return _obstore_lost


def require_obstore(href: str) -> None:
    """Raise :class:`~catalog_builder.errors.AccessError` where :func:`obstore_is_lost`."""
    if _obstore_lost:
        raise AccessError(
            f"{href} was opened by the process that this one was forked from, whose connections "
            "do not reach here: open it again, or start processes by the method 'spawn' or "
            "'forkserver'."
        )


class Lock:
    """A lock for ``with``, which is free in a forked child even if the parent held it."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._make_anew()
        in_forked_child(self._make_anew)

    def _make_anew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()


def _before() -> None:
    """In the parent, before it forks: wait for what a child could never finish."""
    _wait_for_imports()
    # h5py takes its own global lock here, so that no thread is inside HDF5. One that is may wait
    # for a block that a pool fetches: so the pool's locks must not be taken before this one.
    phil = getattr(sys.modules.get("h5py._objects"), "phil", None)
    if phil is not None:
        phil.acquire()
    _forking.phil = phil
    # Now, because fsspec drops it in the child.
    _forking.loop = getattr(sys.modules.get("fsspec.asyn"), "loop", [None])[0]


def _after() -> None:
    """In parent and child: undo :func:`_before`."""
    phil, _forking.phil, _forking.loop = getattr(_forking, "phil", None), None, None
    if phil is not None:
        phil.release()


def _in_child() -> None:
    global _obstore_lost
    _obstore_lost = _obstore_lost or "obstore" in sys.modules
    _detach_from_loop(getattr(_forking, "loop", None))
    _detach_from_fsspec()
    _detach_from_dask()
    for owner, actions in list(_actions.items()):
        for action in actions:
            action(owner)
    _after()


def _wait_for_imports() -> None:
    """Wait while another thread imports a module: a child could never import it."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return  # this thread imports
    until = time.monotonic() + IMPORTS_WAIT
    while any(map(_is_importing, list(sys.modules.values()))) and time.monotonic() < until:
        time.sleep(_STEP)


def _is_importing(module: Any) -> bool:
    try:  # not module.__spec__, which would load a lazy module
        spec = object.__getattribute__(module, "__dict__").get("__spec__")
    except AttributeError:
        return False
    return bool(getattr(spec, "_initializing", False))


def _detach_from_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Detach a child from the connections of fsspec's event loop, which no thread runs here.

    The kernel's selector is shared with the parent: a connection that is closed, and so
    unregistered, here would be lost to the parent too.
    """
    selector = getattr(loop, "_selector", None)
    if selector is None:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    with suppress(OSError, ValueError, AttributeError):
        for number in [key.fd for key in selector.get_map().values()] + [selector.fileno()]:
            os.dup2(nothing, number, inheritable=False)
    os.close(nothing)


def _detach_from_fsspec() -> None:
    """Keep the parent's file systems: freeing one waits a second for its loop."""
    asyn: Any = sys.modules.get("fsspec.asyn")
    if not hasattr(asyn, "reset_lock"):
        return  # not there, or not yet
    asyn.reset_lock()  # fsspec's own hook resets the loop, but not the lock
    classes = [asyn.AbstractFileSystem]
    while classes:
        each = classes.pop()
        classes += each.__subclasses__()
        keep(list(getattr(each, "_cache", {}).values()))


def _detach_from_dask() -> None:
    """Let dask start new threads, and xarray write: neither notices that it was forked."""
    threaded: Any = sys.modules.get("dask.threaded")
    if hasattr(threaded, "pools"):
        keep((threaded.default_pool, dict(threaded.pools)))
        threaded.default_pool, threaded.pools_lock = None, threading.Lock()
        threaded.pools.clear()
    lock: Any = getattr(sys.modules.get("xarray.backends.locks"), "HDF5_LOCK", None)
    if hasattr(lock, "lock"):
        lock.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
