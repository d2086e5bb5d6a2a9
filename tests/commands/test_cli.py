from __future__ import annotations

import json
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
from click.testing import CliRunner, Result

from catalog_builder._version import __version__
from catalog_builder.cli import VERBS, main
from catalog_builder.commands import terminal
from catalog_builder.errors import EarthdataError
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin

ROOT = Path(__file__).parent.parent.parent
FIJI = str(ROOT / "catalogs" / "fiji")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


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
    assert "No such command" in result.stderr


@contextmanager
def failing(error: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While it lasts, the verb ``collections`` does nothing but fail."""
    from catalog_builder.commands import collections

    with monkeypatch.context() as patch:
        patch.setattr(collections, "collections", click.command("collections")(error))
        yield


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EarthdataError("No login was found."), "Error: No login was found.\n"),
        (FileNotFoundError(2, "No such file", "x.toml"), "Error: No such file: x.toml.\n"),
        (ConnectionError("the peer\nwent away"), "Error: the peer went away\n"),
        (ZeroDivisionError("oops"), "Error: ZeroDivisionError: oops. This should not happen"),
    ],
)
def test_an_error_is_one_sentence(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    with failing(fail, monkeypatch):
        result = run("collections")
        debugged = run("--debug", "collections")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 1
    assert debugged.exception is error


def test_warnings_are_told_as_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
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


# The verbs that ask CMR


def test_collections(cloud: EarthdataStandin) -> None:
    lines = [line.split("\t") for line in run("collections").stdout.splitlines()]
    assert lines[0] == ["concept id", "version", "provider", "cloud", "granules", "title"]
    assert [line[1:4] for line in lines[1:]] == [
        ["006", "NSIDC_CPRD", "yes"], ["007", "NSIDC_CPRD", "yes"], ["006", "NSIDC_ECS", "no"]
    ]  # fmt: skip
    assert lines[2][0] == "C3326974349-NSIDC_CPRD"


def test_collections_of_one_provider_as_json(cloud: EarthdataStandin) -> None:
    found = json.loads(run("collections", "--provider", "NSIDC_ECS", "--json").stdout)
    assert [one["concept_id"] for one in found] == ["C2559919423-NSIDC_ECS"]
    assert found[0]["cloud_hosted"] is False
    assert json.loads(run("collections", "--on-premises", "--json").stdout) == found


def test_no_collections(cloud: EarthdataStandin) -> None:
    result = run("collections", "--short-name", "ATL99", "--json")
    assert json.loads(result.stdout) == []
    assert "no such collection of ATL99" in result.stderr


def test_search(cloud: EarthdataStandin) -> None:
    result = run("search", FIJI)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0][:2] == ["id", "start"]
    starts = [line[1] for line in lines[1:]]
    assert starts == sorted(starts)
    assert len(starts) > 1
    assert result.stderr == f"{len(starts)} of the {len(starts)} granules that CMR lists.\n"


def test_search_stops_at_its_limit(cloud: EarthdataStandin) -> None:
    result = run("search", FIJI, "--limit", "1", "--json")
    (found,) = json.loads(result.stdout)
    assert found["id"].startswith("ATL03_")
    assert len(found["bbox"]) == 4
    assert "1 of the " in result.stderr
    asked = [request for request in cloud.requests if "granules" in request.path]
    assert len(asked) == 1
    assert "page_size=1&" in f"{asked[0].query}&"


@pytest.mark.parametrize(("links", "start"), [("s3", "s3://nsidc-"), ("https", "http://127.")])
def test_search_gives_links(cloud: EarthdataStandin, links: str, start: str) -> None:
    lines = run("search", FIJI, "--links", links).stdout.splitlines()
    assert len(lines) > 1
    assert all(line.startswith(start) and line.endswith(".h5") for line in lines)


def test_a_restricted_collection_takes_the_login(cloud: EarthdataStandin) -> None:
    cloud.faults.restricted = {"C3326974349-NSIDC_CPRD"}
    assert run("search", FIJI).exit_code == 1
    result = run("search", FIJI, "--login", "--limit", "1")
    assert result.exit_code == 0
    assert cloud.token not in result.output


def test_waiting_for_cmr_is_told(cloud: EarthdataStandin) -> None:
    found = run("collections").stdout
    cloud.faults.retry_after = 1
    cloud.faults.retry_after_seconds = 0
    with_pause = run("collections")
    assert with_pause.stdout == found
    assert with_pause.stderr == "CMR cannot answer now. Asking again in 0 s.\n"


def test_compare(cloud: EarthdataStandin) -> None:
    found = json.loads(run("compare", FIJI, "--json").stdout)
    text = run("compare", FIJI).stdout
    assert f"in both              {found['both']}\n" in text
    for ids in (found["only_cloud"], found["only_on_premises"]):
        assert all(f"  {one}\n" in text for one in ids)


def test_a_definition_that_is_not_there() -> None:
    result = run("search", "catalogs/nowhere")
    assert result.exit_code == 1
    assert "There is no definition catalogs/nowhere" in result.stderr


# The terminal


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.emit_table(("a", "b"), [(1408, None), ("x\ty", True)])
    terminal.emit_facts([("photons", 5_200_000), ("none", None), ("beam", "gt1l")])
    assert capsys.readouterr().out == "a\tb\n1408\t\nx y\tyes\nphotons  5,200,000\nbeam     gt1l\n"


def test_a_terminal_gets_a_table_and_bars() -> None:
    code = (
        "from catalog_builder.commands import terminal\n"
        "from catalog_builder.progress import Progress\n"
        "with terminal.progress_bars() as report:\n"
        "    report(Progress(stage='reading CMR', done=2000, total=41000))\n"
        "terminal.emit_table(('id', 'photons'), [('[b]gt1l', 1408)])\n"
    )
    shown = in_a_terminal(code)
    assert "reading CMR" in shown
    assert "2000/41000" in shown
    assert "[b]gt1l  1,408" in shown


def in_a_terminal(code: str) -> str:
    main_end, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=terminal, stderr=terminal, stdin=subprocess.DEVNULL
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(main_end, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(main_end)
    assert process.wait() == 0
    return shown.decode()


def test_elsewhere_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bars() as report:
        report(Progress(stage="reading CMR", done=1))
    assert capsys.readouterr() == ("", "")


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
