from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from catalog_builder import cli
from catalog_builder._version import __version__
from catalog_builder.cli import VERBS
from catalog_builder.errors import EarthdataError
from earthdata_standin import EarthdataStandin
from tests.commands.running import FIJI, run


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own."""
    command = [sys.executable, "-m", "catalog_builder.cli", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


# The group


def test_help_lists_every_verb_and_imports_none() -> None:
    code = (
        "import sys\n"
        "from catalog_builder.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'requests', 'rich', 'numpy', 'xarray', 'h5py', 'pyarrow', 'intake', 'shapely'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        "assert not [m for m in sys.modules if m.startswith('catalog_builder.commands.')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for verb in VERBS:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0, result.output
    assert f"main {verb}" in result.output


def test_version() -> None:
    assert run("--version").output == f"catalog-builder, version {__version__}\n"


def test_a_verb_that_is_none() -> None:
    result = run("guess")
    assert result.exit_code == 2
    assert "There is no verb" in result.stderr


@contextmanager
def failing(error: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, the verb ``collections`` does nothing but fail."""
    from catalog_builder.commands import collections

    with monkeypatch.context() as patch:
        patch.setattr(collections, "collections", click.command("collections")(error))
        yield


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (EarthdataError("No login was found."), "Error: No login was found.\n"),
        (FileNotFoundError(2, "No such file", "x.toml"), "Error: No such file: x.toml.\n"),
        (ConnectionError("the peer\nwent away"), "Error: the peer went away\n"),
        (ZeroDivisionError("oops"), "Error: ZeroDivisionError: oops. This should not happen"),
    ],
)
def test_an_error_is_one_sentence(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    with failing(fail, monkeypatch):
        result = run("collections")
        debugged = run("--debug", "collections")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert debugged.exception is error


@pytest.mark.parametrize("verb", ["index", "publish", "serve", "build"])
def test_a_signed_address_in_place_of_a_folder_is_not_quoted_whole(
    verb: str, tmp_path: Path
) -> None:
    more = {"publish": [str(tmp_path)], "build": ["--out", str(tmp_path)]}.get(verb, [])
    result = CliRunner().invoke(
        cli.main, [verb, "https://host.org/catalog?sig=hunter2secret", *more]
    )
    assert result.exit_code == 1
    assert "hunter2" not in result.output


def test_warnings_are_shown_as_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    def warn() -> None:
        import warnings

        warnings.simplefilter("default")
        warnings.warn("S3 refuses; reading over HTTPS.", stacklevel=1)

    with failing(warn, monkeypatch):
        result = run("collections")
    assert result.exit_code == 0
    assert result.stderr == "S3 refuses; reading over HTTPS.\n"


def test_ctrl_c(cloud: EarthdataStandin) -> None:
    cloud.faults.slow = 30
    with started("collections") as process:
        deadline = threading.Event()
        while not cloud.requests and not deadline.wait(0.05):
            pass
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr == "Interrupted.\n"


def test_a_reader_that_goes_away(cloud: EarthdataStandin) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "catalog_builder.cli", "search", FIJI, "--links", "s3"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == ""


def test_no_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMR_URL", "http://127.0.0.1:9/search")
    result = run("search", FIJI)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "Error: CMR at 127.0.0.1:9 cannot be reached: Connection refused. "
        "Check the network and HTTPS_PROXY, or set CMR_URL to a CMR within reach.\n"
    )


@pytest.mark.parametrize("stdout", ["closed", "full"])
@pytest.mark.parametrize("arguments", ["--help", "--version", "find --help", "search {FIJI}"])
@pytest.mark.usefixtures("cloud")
def test_a_stdout_that_is_closed_or_full(stdout: str, arguments: str) -> None:
    command = f"{sys.executable} -m catalog_builder.cli {arguments.format(FIJI=FIJI)}"
    goes = ">&-" if stdout == "closed" else ">/dev/full"
    done = subprocess.run(
        f"{command} {goes}", shell=True, stderr=subprocess.PIPE, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert "should not happen" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if stdout == "full":
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
    else:
        assert done.returncode == 0


def test_a_mistyped_verb_gets_a_suggestion() -> None:
    result = run("serach")
    assert result.exit_code == 2
    assert "There is no verb 'serach'. Did you mean" in result.stderr
    assert "search" in result.stderr


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setitem(cli.VERBS, "shown", "")
    shown = click.Command("shown", callback=lambda: seen.append(click.get_current_context().color))
    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: shown)
    run("shown")
    assert seen == [False]
