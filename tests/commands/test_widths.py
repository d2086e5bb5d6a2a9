"""Every verb in narrow and wide terminals, without colours, and in a pipe."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pseudo_terminal import in_a_terminal
from published_catalog import publish
from rich.cells import cell_len

from catalog_builder.cli import VERBS
from earthdata_standin import EarthdataStandin, World
from tests.commands.running import FIJI
from tests.conftest import forget_keys

RUN = """
import sys
from catalog_builder.cli import main
for line in {lines!r}:
    print("\\n=>", line, flush=True)
    code = 0
    try:
        main(line.split())
    except SystemExit as end:
        code = end.code
    print("\\n=<", code, flush=True)
"""
ID = re.compile(r"ATL03_\d{14}_\d{8}_\d{3}_\d{2}")
TYPED = {
    "collections": 0,
    "search {definition} --limit 2": 0,
    "search --bbox=1,2": 1,
    "init juneau --bbox=-135.2,58.3,-133.3,59.0": 0,
    "build {definition} --out built": 0,
    "find {catalog}": 0,
    "find {catalog} --datetime 1999": 0,
    "info {catalog} {granule}": 0,
    "info {catalog} ATL03_20990101000000_00010101_007_01": 1,
    "photons {catalog} --bbox=-180,-90,180,90 --estimate": 0,
    "compare {definition}": 0,
    "verify {catalog}": 0,
    "publish {catalog} published": 0,
    "index nowhere": 1,
    "serve nowhere": 1,
    "standin nowhere": 1,
    "nasa-check --realease 007": 2,
    "demo --outt here": 2,
    "serach": 2,
    "--help": 0,
}
"""What is typed, and its exit code; 130 is that of Ctrl-C, see ``test_cli``."""

SLOW = {
    "plot {catalog} {granule} --out beam.png": 0,
    "download {catalog} {granule} --beam gt1l --to saved": 0,
    "download {catalog} {granule} --beam gt1l --to saved ": 1,
    "photons {catalog} --bbox=-180,-90,180,90 --beams gt1l --out photons.parquet": 0,
    "index {catalog} --limit 1": 0,
    "doctor": 0,
    **{f"{verb} --help": 0 for verb in VERBS},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A catalog of a small cloud, which is there meanwhile."""
    world = World.simulate(granules=3, photons=200, folder=tmp_path_factory.mktemp("world"))
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        patch.delenv("ATL03_SCHEMAS", raising=False)
        forget_keys(patch)
        catalog = publish(tmp_path_factory.mktemp("catalog"))
        granule = next(catalog.rglob("ATL03_*_01.json")).stem
        yield {"catalog": str(catalog), "definition": FIJI, "granule": granule}


def shown(text: str) -> list[str]:
    """Lines that were on a terminal at some time, without its commands."""
    return re.split(r"[\r\n]|\x1b\[[0-9;?]*[A-HJKf]", re.sub(r"\x1b\[[0-9;?]*[hlm]", "", text))


@pytest.mark.parametrize("columns", [50, 80, 140])
@pytest.mark.parametrize("typed", [TYPED, pytest.param(SLOW, marks=pytest.mark.heavy)])
def test_nothing_is_torn(
    typed: dict[str, int],
    columns: int,
    places: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    lines = [one.format(**places) for one in typed]
    text = in_a_terminal(RUN.format(lines=lines), columns)
    ends = re.findall(r"=< (\d+)", text)
    codes = dict(zip(typed, map(int, ends), strict=True))
    assert codes == typed, text
    assert "Traceback" not in text
    assert "\u2026" not in text  # a bar that has no place
    for line in shown(text):
        if line.startswith(("=>", "http", "export")):
            continue
        words = line.split()
        # What cannot be broken, an address or a command, is left to the terminal.
        if cell_len(line) > columns:
            assert max(map(cell_len, words)) > 25 or "`" in line, line
        for word in words:
            if "ATL03_2" in word:
                assert ID.search(word), line


def test_a_pipe_and_no_color_get_plain_lines(places: dict[str, str], tmp_path: Path) -> None:
    lines = [one.format(**places) for one in ("find {catalog}", "collections", "--help", "serach")]
    piped = subprocess.run(
        [sys.executable, "-c", RUN.format(lines=lines)],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert "\x1b" not in piped.stdout + piped.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        plain = in_a_terminal(RUN.format(lines=lines))
    assert re.findall(r"\x1b\[[0-9;]*m", plain) == []
