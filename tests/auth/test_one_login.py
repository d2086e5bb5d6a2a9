"""A login that is refused leaves this machine once, and a password that is right makes one token.

What was sent is counted at the stand-in cloud, whatever thread or process it came from.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import pickle
import shutil
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import dask
import intake
import pytest
from click.testing import CliRunner
from published_catalog import publish
from scripted_server import Answer, ScriptedServer
from stored_files import use_password

from catalog_builder import open_beam, open_beams, open_granule, open_index
from catalog_builder.auth.earthdata import bearer_token, send_token
from catalog_builder.auth.login import HandedToken, Login
from catalog_builder.auth.s3_credentials import CredentialProvider, find_credentials
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.beams.storage.logging_in import log_in
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.cli import main
from catalog_builder.doctor import diagnose
from catalog_builder.errors import (
    CredentialsError,
    EulaError,
    LoginMissingError,
    LoginRejectedError,
)
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.indexing.scan_task import ScannedGranule, ScanTask
from catalog_builder.indexing.scan_workers import scan_all
from catalog_builder.opening.one_granule import open_lazy
from catalog_builder.opening.resolve import resolve
from catalog_builder.saving import save_beams, save_granules
from earthdata_standin import EarthdataStandin, World

Item = dict[str, Any]
Kind = Literal["password", "token"]

TOKEN_PATH = "/api/users/find_or_create_token"
WRONG = "hunter2secret"


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[EarthdataStandin]:
    """One stand-in for the whole module."""
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        yield cloud


@pytest.fixture
def cloud(
    running: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EarthdataStandin]:
    """It, with nothing of the tests before: what it refused and let in, asked and got wrong."""
    for name in list(os.environ):
        if name in {"CMR_URL", "NETRC"} or name.startswith(("EARTHDATA_", "AWS_")):
            monkeypatch.delenv(name)
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    forget(monkeypatch)
    running.requests.clear()
    yield running
    running.faults.slow = 0.0
    running.faults.eula_pending = running.faults.html_login = False


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be one that has not logged in yet."""
    for name in ("earthdata._accounts", "earthdata._acceptances", "s3_credentials._providers"):
        monkeypatch.setattr(f"catalog_builder.auth.{name}", {})
    for name in ("_stores", "_filesystems"):
        monkeypatch.setattr(f"catalog_builder.beams.storage.s3.{name}", {})
    monkeypatch.setattr("catalog_builder.beams.storage.https._signed_urls", OrderedDict())


@pytest.fixture(scope="module")
def published(running: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog without references, to be looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CMR_URL", running.cmr_url)
        return publish(tmp_path_factory.mktemp("published") / "catalog")


@pytest.fixture
def folder(published: Path, cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A copy of it; nothing was sent yet."""
    folder = Path(shutil.copytree(published, tmp_path / "catalog"))
    cloud.requests.clear()
    return folder


@pytest.fixture
def items(folder: Path) -> list[Item]:
    """Twenty granules to open, some of them more than once."""
    known = [item.to_dict() for item in open_index(folder)]
    return [known[number % len(known)] for number in range(20)]


@dataclass(frozen=True, slots=True)
class Sent:
    """What left with a login."""

    passwords: int
    tokens: int
    """At the data centre's hosts."""


def sent(cloud: EarthdataStandin) -> Sent:
    return Sent(
        passwords=sum(one.authorization == "Basic" for one in cloud.requests),
        tokens=sum(one.authorization == "Bearer" for one in cloud.requests),
    )


def use_wrong(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    if kind == "token":
        monkeypatch.setenv("EARTHDATA_TOKEN", WRONG)
    else:
        use_password(cloud, monkeypatch)
        monkeypatch.setenv("EARTHDATA_PASSWORD", WRONG)


def once(kind: Kind) -> Sent:
    return Sent(passwords=1, tokens=0) if kind == "password" else Sent(passwords=0, tokens=1)


# -- a login that is refused, by every function


def compute_lazily(items: list[Item], access: Access) -> None:
    """Thirty tasks at once, in threads."""
    arrays = [
        open_lazy(item, "gt1l", ["h_ph"], access=access, chunks=100).h_ph.data for item in items
    ]
    dask.compute(*arrays, scheduler="threads", num_workers=16)


def in_threads(act: Callable[[Item], object], items: list[Item]) -> None:
    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(act, item) for item in items]
    for future in futures:
        assert isinstance(future.exception(), LoginRejectedError)
    futures[0].result()


FUNCTIONS: dict[str, Callable[[list[Item], Access, Path], object]] = {
    "open_beams": lambda items, access, to: open_beams(items, "gt1l", access=access),
    "open_beam": lambda items, access, to: in_threads(
        lambda item: open_beam(item, "gt1l", access=access), items
    ),
    "open_granule": lambda items, access, to: in_threads(
        lambda item: open_granule(item, access=access), items
    ),
    "open_lazy": lambda items, access, to: compute_lazily(items, access),
    "save_granules": lambda items, access, to: save_granules(items, to, access=access),
    "save_beams": lambda items, access, to: save_beams(items, to, access=access),
    "log_in": lambda items, access, to: in_threads(
        lambda item: log_in(resolve(item).links, access), items
    ),
}


@pytest.mark.parametrize("kind", ["password", "token"])
@pytest.mark.parametrize("access", ["auto", "https"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_sends_it_once(
    cloud: EarthdataStandin,
    items: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    access: Access,
    kind: Kind,
) -> None:
    use_wrong(cloud, monkeypatch, kind)
    cloud.faults.slow = 0.05
    for _ in range(2):
        with pytest.raises(LoginRejectedError, match="does not send it again") as caught:
            FUNCTIONS[function](items, access, tmp_path / "to")
        assert WRONG not in str(caught.value)
        assert sent(cloud) == once(kind)


@pytest.mark.parametrize("kind", ["password", "token"])
def test_all_of_them_together_send_it_once(
    cloud: EarthdataStandin,
    items: list[Item],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
) -> None:
    use_wrong(cloud, monkeypatch, kind)
    ways: tuple[Access, ...] = ("auto", "https", "s3")
    for access in ways:
        for function in FUNCTIONS.values():
            with pytest.raises(LoginRejectedError):
                function(items, access, tmp_path / "to")
        with pytest.raises(LoginRejectedError):
            index_catalog(folder, jobs=2, access=access)
    with pytest.raises(LoginRejectedError):
        intake.open_catalog(str(folder / "catalog.yml")).granules.to_dask(beam="gt1l")
    assert not diagnose().healthy
    assert sent(cloud) == once(kind)


@pytest.mark.parametrize("kind", ["password", "token"])
def test_beams_with_references_send_it_once_when_they_are_computed(
    cloud: EarthdataStandin, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    with ThreadPoolExecutor(2) as threads:
        index_catalog(folder, executor=threads, limit=2)
    known = [item for item in open_index(folder) if BEAM_FACTS in item.properties]
    cloud.requests.clear()
    use_wrong(cloud, monkeypatch, kind)
    forget(monkeypatch)
    tree = open_beams(known, "gt1l", chunks=100)
    assert not cloud.requests
    arrays = [node.h_ph.data for node in tree.children.values()]
    with pytest.raises(LoginRejectedError):
        dask.compute(*arrays, scheduler="threads", num_workers=16)
    assert sent(cloud) == once(kind)


# -- a login that is refused, by every verb


VERBS: dict[str, tuple[str, ...]] = {
    "index": ("index", "FOLDER", "--jobs", "8"),
    "download": ("download", "FOLDER", "ID", "ID2", "--to", "TO"),
    "download over https": ("download", "FOLDER", "ID", "ID2", "--to", "TO", "--access", "https"),
    "download beams": ("download", "FOLDER", "ID", "ID2", "--to", "TO", "--beam", "all"),
    "plot": ("plot", "FOLDER", "ID", "--out", "TO.png"),
    "info": ("info", "FOLDER", "ID"),
    "doctor": ("doctor",),
    "collections": ("collections", "--login"),
    "search": ("search", "DEFINITION", "--login"),
    "build": ("build", "DEFINITION", "--out", "TO", "--login"),
    "compare": ("compare", "DEFINITION", "--login"),
}


@pytest.mark.parametrize("kind", ["password", "token"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_sends_it_once(
    cloud: EarthdataStandin,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    kind: Kind,
) -> None:
    first, second, *_ = open_index(folder)
    (tmp_path / "definition.toml").write_text(
        'title = "One"\nshort_name = "ATL03"\nversion = "007"\nprovider = "NSIDC_CPRD"\n'
    )
    filled = {
        "FOLDER": folder,
        "ID": first.id,
        "ID2": second.id,
        "TO": tmp_path / "to",
        "TO.png": tmp_path / "to.png",
        "DEFINITION": tmp_path / "definition.toml",
    }
    cloud.requests.clear()
    use_wrong(cloud, monkeypatch, kind)
    answer = CliRunner().invoke(main, [str(filled.get(word, word)) for word in VERBS[verb]])
    if verb == "info":  # all that it tells is in the item
        assert sent(cloud).passwords <= 1
        return
    assert answer.exit_code == 1, answer.output
    assert "refuse" in answer.output
    assert WRONG not in answer.output
    assert sent(cloud) == once(kind)


# -- a login that is right


@pytest.mark.parametrize("access", ["auto", "https"])
def test_a_password_makes_one_token_for_all_threads(
    cloud: EarthdataStandin, items: list[Item], monkeypatch: pytest.MonkeyPatch, access: Access
) -> None:
    use_password(cloud, monkeypatch)
    cloud.faults.slow = 0.02
    tree = open_beams(items, "gt1l", ["h_ph"], access=access, chunks=100_000)
    arrays = [node.h_ph.data[:1] for node in tree.children.values()]
    dask.compute(*arrays, scheduler="threads", num_workers=16)
    assert posts(cloud) == sent(cloud).passwords == 1


@pytest.mark.parametrize("access", ["auto", "https"])
def test_a_password_makes_one_token_for_all_processes(
    cloud: EarthdataStandin,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    access: Access,
) -> None:
    caplog.set_level(logging.DEBUG)
    use_password(cloud, monkeypatch)
    answer = CliRunner().invoke(
        main,
        ["index", str(folder), "--jobs", "3", "--limit", "3", "--access", access, "--json"],
    )
    assert len(json.loads(answer.stdout)["indexed"]) == 3, answer.output
    assert posts(cloud) == sent(cloud).passwords == 1
    assert cloud.token not in answer.output + caplog.text
    assert cloud.token not in "".join(
        path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()
    )


def posts(cloud: EarthdataStandin) -> int:
    return sum(one.path == TOKEN_PATH for one in cloud.requests)


def test_processes_take_up_the_token_and_nothing_else(
    cloud: EarthdataStandin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would find a password in the environment that they inherit, but do not look."""
    use_password(cloud, monkeypatch)
    bearer_token()
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), take_up, (HandedToken(cloud.token, "a test"),)
    ) as pool:
        assert pool.submit(found_login).result() == (cloud.token, None, "a test")


def take_up(token: HandedToken) -> None:
    token.take_up()


def found_login() -> tuple[str | None, str | None, str]:
    login = Login.find()
    return login.token, login.password, login.source


def test_a_token_is_pickled_for_a_process_that_is_started_alone() -> None:
    handed = HandedToken(WRONG, "a test")
    assert WRONG not in repr(handed)
    with pytest.raises(RuntimeError, match="inheritance"):
        pickle.dumps(handed)


@pytest.mark.parametrize("access", ["auto", "https"])
@pytest.mark.parametrize("threads", [True, False], ids=["threads", "processes"])
@pytest.mark.parametrize("kind", ["password", "token"])
def test_on_an_executor_of_ones_own_it_is_sent_once(
    cloud: EarthdataStandin,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    threads: bool,
    access: Access,
    kind: Kind,
) -> None:
    use_wrong(cloud, monkeypatch, kind)
    with executor(threads) as pool:
        for _ in range(2 if threads else 1):
            with pytest.raises(LoginRejectedError):
                index_catalog(folder, executor=pool, access=access)
    assert sent(cloud) == once(kind)


@contextmanager
def executor(threads: bool) -> Iterator[Executor]:
    if threads:
        with ThreadPoolExecutor(8) as pool:
            yield pool
    else:
        with ProcessPoolExecutor(4, multiprocessing.get_context("spawn")) as processes:
            yield processes


def test_nothing_is_submitted_where_the_login_is_refused(
    cloud: EarthdataStandin, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_wrong(cloud, monkeypatch, "password")

    def start(*_: object, **__: object) -> None:
        raise AssertionError("A pool was started.")

    monkeypatch.setattr("catalog_builder.indexing.own_processes._UninterruptedPool", start)
    monkeypatch.setattr("catalog_builder.opening.many_granules.ThreadPoolExecutor", start)
    with pytest.raises(LoginRejectedError):
        index_catalog(folder, jobs=8)
    with pytest.raises(LoginRejectedError):
        open_beams([item.to_dict() for item in open_index(folder)], "gt1l")


def test_granules_on_disk_need_no_login(
    cloud: EarthdataStandin, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are processes handed one before a granule comes that does."""
    there = {item["id"]: resolve(item).links for item in items}
    [*kept, last] = [
        ScanTask(granule=granule, links=links, access="auto") for granule, links in there.items()
    ]
    paths = [cloud.world.objects.get((task.links.s3 or "").removeprefix("s3://")) for task in kept]
    local = [
        replace(task, links=GranuleLinks(local=str(path)))
        for task, path in zip(kept, paths, strict=True)
    ][:2]
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", os.devnull)
    assert {type(one) for one in scan_all(iter(local), jobs=1)} == {ScannedGranule}
    assert not cloud.requests
    monkeypatch.setenv("EARTHDATA_TOKEN", "")
    use_password(cloud, monkeypatch)
    found = list(scan_all(iter([local[0], last, local[1]]), jobs=1))
    assert {type(one) for one in found} == {ScannedGranule}
    assert len(found) == 3
    assert posts(cloud) == sent(cloud).passwords == 1


# -- what is no refusal, and what ends one


def test_a_password_that_is_corrected_is_sent(
    cloud: EarthdataStandin, items: list[Item], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_wrong(cloud, monkeypatch, "password")
    for access in ("auto", "https"):
        with pytest.raises(LoginRejectedError):
            open_beams(items, "gt1l", access=access)  # type: ignore[arg-type]
    monkeypatch.setenv("EARTHDATA_PASSWORD", cloud.password)
    for access in ("auto", "https"):
        assert open_beams(items, "gt1l", access=access).children  # type: ignore[arg-type]
    assert not index_catalog(folder, jobs=1, limit=1).failed
    assert sent(cloud).passwords == 2
    # The wrong one is still known for what it is.
    monkeypatch.setenv("EARTHDATA_PASSWORD", WRONG)
    with pytest.raises(LoginRejectedError):
        bearer_token()
    assert sent(cloud).passwords == 2


def test_a_token_that_is_corrected_is_sent(
    cloud: EarthdataStandin, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHDATA_TOKEN", WRONG)
    for access in ("s3", "https"):
        with pytest.raises(LoginRejectedError):
            open_beam(items[0], "gt1l", access=access)  # type: ignore[arg-type]
    monkeypatch.setenv("EARTHDATA_TOKEN", cloud.token)
    for access in ("s3", "https"):
        assert open_beam(items[0], "gt1l", access=access).sizes  # type: ignore[arg-type]


def test_the_same_login_found_elsewhere_is_not_sent_again(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_wrong(cloud, monkeypatch, "password")
    with pytest.raises(LoginRejectedError):
        bearer_token()
    monkeypatch.delenv("EARTHDATA_PASSWORD")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {cloud.username} password {WRONG}")
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(LoginRejectedError):
        find_credentials(cloud.credentials_endpoint)()
    assert sent(cloud).passwords == 1
    netrc.write_text(f"machine 127.0.0.1 login {cloud.username} password {cloud.password}")
    assert bearer_token() == cloud.token


def test_a_host_of_another_name_gets_the_login(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(lambda _: Answer(status=401)) as other:
        use_password(cloud, monkeypatch)
        with monkeypatch.context() as patch:
            patch.setenv("EARTHDATA_HOST", other.url)
            for _ in range(2):
                with pytest.raises(LoginRejectedError):
                    bearer_token()
        assert len(other.asked) == 1
        assert bearer_token() == cloud.token


@pytest.mark.parametrize("status", [400, 401, 403, 422, 423])
def test_whatever_refuses_a_password_is_remembered(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    with ScriptedServer(lambda _: Answer(status=status)) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        login = Login(source="a test", username="me", password="secret")
        for _ in range(3):
            with pytest.raises(LoginRejectedError):
                bearer_token(login)
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [418, 404])
def test_what_passes_is_no_refusal(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Those who waited are told the same; who comes later tries again."""
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    bad = Answer(status=status)
    good = Answer(body=b'{"access_token": "a-token"}')
    gone = threading.Event()

    def script(_: object) -> Answer:
        time.sleep(0.2)
        return good if gone.is_set() else bad

    with ScriptedServer(script) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        login = Login(source="a test", username="me", password="secret")
        with ThreadPoolExecutor(16) as pool:
            failures = [pool.submit(bearer_token, login) for _ in range(16)]
        assert {type(one.exception()) for one in failures} == {CredentialsError}
        assert len(server.asked) == 1
        gone.set()
        assert bearer_token(login) == "a-token"


def test_no_network_is_no_refusal(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_password(cloud, monkeypatch)
    with ScriptedServer(lambda _: Answer()) as server:
        gone = server.url
    login = Login(source="a test", username=cloud.username, password=cloud.password)
    with monkeypatch.context() as patch:
        patch.setenv("HTTP_PROXY", "")
        patch.setenv("EARTHDATA_HOST", gone)
        with pytest.raises(CredentialsError, match="gave no answer"):
            bearer_token(login)
    assert bearer_token(login) == cloud.token


def test_a_web_page_does_not_end_a_token(cloud: EarthdataStandin, items: list[Item]) -> None:
    """Such as one that tells of works on the service."""
    cloud.faults.html_login = True
    for access in ("s3", "https"):
        with pytest.raises(LoginRejectedError):
            open_beam(items[0], "gt1l", access=access)  # type: ignore[arg-type]
    cloud.faults.html_login = False
    for access in ("s3", "https"):
        assert open_beam(items[0], "gt1l", access=access).sizes  # type: ignore[arg-type]


@pytest.mark.parametrize("by_password", [True, False])
@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_missing_agreement_causes_few_requests(
    cloud: EarthdataStandin,
    items: list[Item],
    monkeypatch: pytest.MonkeyPatch,
    access: Access,
    by_password: bool,
) -> None:
    if by_password:
        use_password(cloud, monkeypatch)
    cloud.faults.eula_pending = True
    cloud.faults.slow = 0.1
    with pytest.raises(EulaError):
        open_beams(items, "gt1l", access=access)
    assert sent(cloud).tokens == 1
    cloud.requests.clear()
    cloud.faults.slow = 0.5
    together = threading.Barrier(len(items))

    def open_together(item: Item) -> None:
        together.wait(20)
        open_beam(item, "gt1l", access=access)

    with ThreadPoolExecutor(len(items)) as pool:
        futures = [pool.submit(open_together, item) for item in items]
    assert {type(future.exception()) for future in futures} == {EulaError}
    assert all(getattr(future.exception(), "resolution_url", "") for future in futures)
    # All wait for one, but those that come late on a busy machine.
    assert sent(cloud).tokens < len(items) / 2
    assert sent(cloud).passwords == 0
    cloud.faults.eula_pending = False
    assert open_beams(items, "gt1l", access=access).children


def test_a_token_that_was_revoked_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all threads, and not again where the new one is refused too."""
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    tokens = iter(["first", "second", "third"])
    taken = {"first"}

    def make(_: object) -> Answer:
        return Answer(body=json.dumps({"access_token": next(tokens)}).encode())

    def ask(login: Login) -> str:
        requests[login.token or ""] += 1
        if login.token not in taken:
            raise LoginRejectedError("It is refused.")
        return login.token or ""

    requests: Counter[str] = Counter()
    login = Login(source="a test", username="me", password="secret")
    with ScriptedServer(make) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        url = "http://127.0.0.1/data"
        assert send_token(url, ask, login) == "first"
        taken.symmetric_difference_update({"first", "second"})
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: send_token(url, ask, login), range(8))) == {"second"}
        assert len(server.asked) == 2
        taken.clear()
        requests.clear()
        for _ in range(3):
            with pytest.raises(LoginRejectedError):
                send_token(url, ask, login)
        assert len(server.asked) == 2
        assert requests == {"second": 1}


def test_one_host_that_refuses_a_token_says_nothing_of_another(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(lambda _: Answer(status=401)) as other:
        for _ in range(3):
            with pytest.raises(LoginRejectedError):
                CredentialProvider(f"{other.url}/s3credentials")()
        assert len(other.asked) == 1
    assert find_credentials(cloud.credentials_endpoint)()


def test_without_a_login_no_request_is_sent(
    cloud: EarthdataStandin, items: list[Item], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", os.devnull)
    with pytest.raises(LoginMissingError):
        open_beams(items, "gt1l")
    with pytest.raises(LoginMissingError):
        index_catalog(folder, jobs=2)
    assert not cloud.requests


# -- forked children


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system does not fork.")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_finds_no_lock_held(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is forked while another thread waits for Earthdata Login."""
    use_password(cloud, monkeypatch)
    cloud.faults.slow = 1.0
    provider = find_credentials(cloud.credentials_endpoint)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(provider)
        wait_for(lambda: any(one.path == TOKEN_PATH for one in cloud.requests))
        assert in_forked_child(partial(send_keys, provider)) == [cloud.token, "ASIA", "ASIA"]
        assert busy.result()["access_key_id"].startswith("ASIA")


def in_forked_child(act: Callable[[Connection], None]) -> Any:
    """What a child sends that is forked now."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    child = context.Process(target=act, args=(theirs,))
    child.start()
    theirs.close()
    try:
        assert mine.poll(30)
        return mine.recv()
    finally:
        child.kill()
        child.join()


def send_keys(provider: CredentialProvider, to: Connection) -> None:
    found = find_credentials(provider.endpoint)()
    to.send([bearer_token(), provider()["access_key_id"][:4], found["access_key_id"][:4]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system does not fork.")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_knows_what_was_refused(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_wrong(cloud, monkeypatch, "password")
    with pytest.raises(LoginRejectedError):
        bearer_token()
    assert in_forked_child(send_error) == "LoginRejectedError"
    assert sent(cloud).passwords == 1


def send_error(to: Connection) -> None:
    try:
        bearer_token()
    except Exception as error:
        to.send(type(error).__name__)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
