"""The documentation has every name, and what it shows runs."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder import errors
from earthdata_standin import EarthdataStandin, World
from tests.make_pictures import PAGE, PICTURES, draw

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
OUR_OWN = (
    r"\"((?:(?:CMR_URL|NETRC|NO_COLOR)|(?:EARTHDATA|CATALOG_BUILDER|AWS|ATL03)_[A-Z][A-Z0-9_]+"
    r"|[A-Z_]+_(?:CA_BUNDLE|CERT_FILE|PROXY)))\""
)
TRIED_ELSEWHERE = {"photons.md", "siblings.md", "classes.md", "opened-by-others.md", PAGE.name}
"""Pages whose blocks run in tests of photons, of siblings, of other tools. A block ```py is not
run: it takes what is not here, such as a cluster."""
PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for path in DOCS.rglob("*.md")
    if "```python" in path.read_text() and path.name not in TRIED_ELSEWHERE
)


def test_every_public_name_has_an_entry() -> None:
    entries = re.findall(
        r"^\.\. auto(?:function|class|exception):: (\w+)$",
        (DOCS / "api.md").read_text(),
        re.MULTILINE,
    )
    assert sorted(entries) == cb.__all__


def test_every_error_is_explained_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "errors.md").read_text(), re.MULTILINE)
    classes = inspect.getmembers(errors, inspect.isclass)
    assert sorted(rows) == sorted(n for n, one in classes if one.__module__ == errors.__name__)


def test_every_environment_variable_is_named() -> None:
    read = {
        name
        for path in (ROOT / "catalog_builder").rglob("*.py")
        for name in re.findall(OUR_OWN, path.read_text())
    }
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (DOCS / "environment.md").read_text()))
    assert len(read) > 10
    assert read <= named


def test_the_site_is_built_without_warnings_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    built = subprocess.run(
        [*command, "-d", tmp_path / "trees", DOCS, tmp_path / "site"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    loaded = (
        r"<(?:script|img|iframe)[^>]*\ssrc=[\"'](?:https?:)?//"
        r"|<link[^>]*\shref=[\"'](?:https?:)?//"
    )
    for page in pages:
        assert not re.search(loaded, page.read_text()), page.name
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"(?:url\([\"']?|@import\s+[\"'])(?:https?:)?//", style.read_text())


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cb.ItemIndex]:
    """An indexed catalog of the stand-in's Juneau Icefield, while its cloud is there."""
    world = World.simulate(granules=4, photons=1_000, folder=tmp_path_factory.mktemp("world"))
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in cloud.environment.items():
            environment.setenv(name, value)
        environment.setenv("ROOT_URL", cloud.harmony_url)  # where harmony-py goes
        folder = tmp_path_factory.mktemp("catalog")
        cb.build(
            cb.Definition(
                name="juneau",
                title="Juneau",
                short_name="ATL03",
                version="007",
                provider="NSIDC_CPRD",
                bounding_box=(-135.2, 58.3, -133.3, 59.0),
            ),
            folder,
        )
        with ThreadPoolExecutor(2) as threads:
            cb.index_catalog(folder, executor=threads)
        yield cb.open_index(folder)


@pytest.mark.filterwarnings("ignore::catalog_builder.errors.ReferencesWarning")
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs(
    page: str, index: cb.ItemIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"cb": cb, "area": [-134.8, 58.4, -133.9, 58.8], "index": index}
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, names)
    made = [one for one in names.values() if isinstance(one, xr.Dataset)]
    made += [one.gt1l.to_dataset() for one in names.values() if isinstance(one, xr.DataTree)]
    assert all(one.sizes["photon"] > 0 for one in made)
    assert made or page in {"how-to/own-catalog.md", "references.md"}


def test_every_topic_has_a_page_that_is_in_the_site() -> None:
    listed = set(re.findall(r"^([\w/-]+)$", (DOCS / "index.md").read_text(), re.MULTILINE))
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.glob("how-to/*.md")
    }
    assert pages <= listed
    topics = "confidence areas across-180 cycles heights classes dask access own-catalog"
    assert {f"how-to/{topic}" for topic in topics.split(" ")} <= pages
    assert {"publishing", "api", "errors", "environment", "gallery"} <= listed


@pytest.mark.filterwarnings("ignore::catalog_builder.errors.ReferencesWarning")
def test_the_readme_shows_what_one_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = World.simulate(granules=12, folder=tmp_path / "world")
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        readme = (ROOT / "README.md").read_text().replace("```", "")
        shown = doctest.DocTestParser().get_doctest(readme, {}, "README.md", "README.md", 0)
        assert doctest.DocTestRunner().run(shown) == (0, 6)
    assert (tmp_path / "photons.png").stat().st_size > 20_000


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
def test_the_page_of_pictures_draws_them(tmp_path: Path) -> None:
    drawn = draw(tmp_path, photons=3_000)
    for picture in PICTURES:
        assert (tmp_path / picture).stat().st_size > 10_000
        assert (PAGE.parent / picture).stat().st_size > 10_000
        assert f"({picture})" in PAGE.read_text()
    forest, reef = drawn["forest.png"]["part"], drawn["reef.png"]["first"]
    ground = forest.h_ph.values[forest.class_atl08.values == 1]
    assert 4 < forest.h_ph.values[forest.class_atl08.values == 3].max() - np.median(ground) < 40
    floor = reef.ellipse_h_atl24.values[reef.class_atl24.values == 40]
    depth = np.median(reef.h_ph.values[reef.class_atl24.values == 41]) - floor
    assert 0 < depth.min() < depth.max() < 25
    above = drawn["glacier.png"]["glacier"]
    assert float(abs(above.h_ph - above.h_geoid).max()) < 30
