"""The wheel, installed with what it declares and nothing else, does what a bare install should.

The environment that the other tests run in holds far more, which hides what is not declared.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
from published_catalog import publish

from catalog_builder.cli import VERBS
from earthdata_standin import EarthdataStandin

ROOT = Path(__file__).parent.parent
OPEN_CATALOG = """
import sys
import intake

catalog = intake.open_catalog(sys.argv[1])
granules = catalog.granules
[first, *_] = list(granules)
dataset = granules[first](beam="gt1l", variables=["h_ph"]).read()
try:
    granules[first](beam="gt1l", variables=["h_ph"]).to_dask()
except ImportError as error:
    print(first, dataset.sizes["photon"], error)
"""
FIRST_BEAM = """
import sys
import catalog_builder as cb

index = cb.open_index(sys.argv[1])
item = next(iter(index))
beam = cb.open_beam(item, "gt1l")
middle = float(beam.lat_ph[beam.sizes["photon"] // 2])
box = [-180, middle - 0.01, 180, middle + 0.01]
photons = cb.open_photons([item], box, beams="gt1l")
"""
USES = {
    "build": "from catalog_builder.catalog.compare.stac_api import StacApi",
    "dask": """
from catalog_builder.opening.one_granule import open_lazy
assert open_lazy(item, "gt1l").h_ph.chunks
import distributed
""",
    "geo": """
assert len(index.to_geodataframe()) == len(index)
cb.photons_to_geodataframe(photons).to_file("photons.gpkg")
from catalog_builder.geo.area_input import read_area
index.to_geodataframe()[["id", "geometry"]].to_parquet("area.parquet")
assert read_area("area.parquet").bounds
""",
    "las": "cb.write_photons(photons, 'photons.laz')",
    "plot": "cb.plot_beam(beam).savefig('beam.png'); cb.plot_photons(photons).savefig('area.png')",
    "zarr": "cb.write_photons(photons, 'photons.zarr')",
}
"""What each extra is for; none of it works without."""

MOST_PACKAGES, MOST_MEGABYTES = 75, 600


def pythons() -> dict[str, str]:
    """Every Python that the package is for and that is at hand, by its version."""
    found = {f"3.{sys.version_info.minor}": sys.executable}
    for minor in range(11, 20):
        name = f"python3.{minor}"
        installed = (Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/{name}")
        for path in (*map(str, sorted(installed)), shutil.which(name)):
            # A name on the path may stand for a Python that is not installed.
            if path and not subprocess.run([path, "-c", ""], capture_output=True).returncode:
                found.setdefault(f"3.{minor}", path)
    return found


OPTIONAL = {
    "cartopy",
    "matplotlib",
    "dask",
    "distributed",
    "folium",
    "geopandas",
    "ipympl",
    "harmony",
    "laspy",
    "lazrs",
    "pystac_client",
    "zarr",
    "_typeshed",
}
"""Of extras, or imported where the caller has them already, or by type checkers alone."""


def test_what_is_imported_is_declared() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    declared = {
        re.split(r"[\[><=~! ]", line)[0].replace("_", "-") for line in project["dependencies"]
    }
    imported = set()
    packages = (ROOT / "catalog_builder", ROOT / "earthdata_standin")
    for path in chain.from_iterable(package.rglob("*.py") for package in packages):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    imported -= {*sys.stdlib_module_names, "catalog_builder", "earthdata_standin", *OPTIONAL}
    assert len(imported) > 20
    known = {
        module: {re.sub(r"[-_.]+", "-", name).lower() for name in names}
        for module, names in packages_distributions().items()
    }
    assert {module for module in imported if not known[module] & declared} == set()
    # What intake renders catalogs with is imported by it, but not declared.
    assert "jinja2" in declared


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    probe = pip(sys.executable, "download", "--no-deps", "--dest", str(folder / "probe"), "jinja2")
    if probe.returncode:
        pytest.skip(f"No package registry answers: {probe.stderr.strip().splitlines()[-1]}")
    made = pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    assert not made.returncode, made.stderr
    [path] = folder.glob("*.whl")
    return path


def environment(folder: Path, python: str, package: str) -> Path:
    """The programs of an environment that holds one package and what that declares."""
    made = subprocess.run([python, "-m", "venv", str(folder)], capture_output=True, text=True)
    assert not made.returncode, made.stdout + made.stderr
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    installed = pip(str(programs / "python"), "install", "--quiet", package)
    assert not installed.returncode, installed.stderr
    return programs


@pytest.fixture(scope="module", params=[*pythons()])
def bare(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of programs of an environment that holds the wheel and what it declares."""
    folder = tmp_path_factory.mktemp("bare")
    return environment(folder / "venv", pythons()[request.param], str(wheel))


def pip(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        env=clean_environment(),
    )


def clean_environment() -> dict[str, str]:
    """This one, but not leading to what is installed or checked out here."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(program: Path, *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean_environment(),
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.heavy
def test_it_opens_a_published_catalog(bare: Path, cloud: EarthdataStandin, tmp_path: Path) -> None:
    folder = publish(tmp_path / "catalog")
    output = run(bare / "python", "-c", OPEN_CATALOG, str(folder / "catalog.yml"), folder=tmp_path)
    granule, photons, refusal = output.split(maxsplit=2)
    assert granule.startswith("ATL03_")
    assert int(photons) > 100
    assert "pip install 'icesat2-catalog-builder[dask]'" in refusal


@pytest.mark.heavy
def test_every_verb_helps(bare: Path, tmp_path: Path) -> None:
    for verb in VERBS:
        assert "--help" in run(bare / "catalog-builder", verb, "--help", folder=tmp_path)


@pytest.mark.heavy
def test_every_module_can_be_imported(bare: Path, tmp_path: Path) -> None:
    """But for those that draw, and those of STAC APIs."""
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "catalog_builder").rglob("*.py")
        if path.name
        not in {"__main__.py", "track_map.py", "shown_figure.py", "stac_api.py", "stac_io.py"}
    )
    program = f"from importlib import import_module as load\nfor each in {modules}: load(each)"
    run(bare / "python", "-c", program, folder=tmp_path)


@pytest.mark.heavy
def test_the_demo_ends_well_without_the_plot(bare: Path, tmp_path: Path) -> None:
    output = run(bare / "catalog-builder", "demo", "--out", "demo", folder=tmp_path)
    assert "The plot was left out. A plot needs the extra 'plot'" in output
    assert "intake.open_catalog('demo/saved/local.yml') lists ATL03_" in output
    assert "Done in" in output
    assert not (tmp_path / "demo" / "beam.png").exists()


@pytest.mark.heavy
def test_the_doctor_and_find_need_no_extra(
    bare: Path, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    folder = publish(tmp_path / "catalog")
    assert "ATL03_" in run(bare / "catalog-builder", "find", str(folder), folder=tmp_path)
    assert "credentials" in run(bare / "catalog-builder", "doctor", folder=tmp_path)
    report = run(bare / "catalog-builder", "verify", str(folder), "--json", folder=tmp_path)
    assert '"problems": []' in report


@pytest.mark.heavy
def test_it_is_small(bare: Path) -> None:
    listed = subprocess.run(
        [str(bare / "python"), "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(listed.stdout.splitlines()) <= MOST_PACKAGES
    size = sum(path.lstat().st_size for path in bare.parent.rglob("*") if path.is_file())
    assert size < MOST_MEGABYTES * 1e6


@pytest.mark.heavy
@pytest.mark.parametrize("extra", [*USES])
def test_an_extra_alone_does_what_it_is_for(
    extra: str, wheel: Path, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    catalog = publish(tmp_path / "catalog")
    programs = environment(tmp_path / "venv", sys.executable, f"{wheel}[{extra}]")
    run(programs / "python", "-c", FIRST_BEAM + USES[extra], str(catalog), folder=tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("extra", [*USES])
def test_without_it_the_error_names_the_extra(
    extra: str, bare: Path, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    catalog = publish(tmp_path / "catalog")
    use = USES[extra].replace("\n", "\n    ")
    program = f"{FIRST_BEAM}try:\n    {use}\nexcept ImportError as error:\n    print(error)"
    output = run(bare / "python", "-c", program, str(catalog), folder=tmp_path)
    if extra == "build":  # the command line names it
        assert "pystac_client" in output
    else:
        assert f"pip install 'icesat2-catalog-builder[{extra}]'" in output
