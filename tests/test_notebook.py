from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from conftest import forget_keys
from matplotlib.figure import Figure

from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that a notebook leaves, run from top to bottom in this folder."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    return names


@pytest.fixture(scope="module")
def cloud_of_siblings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A small cloud with ATL08 and ATL24, which the environment leads to."""
    world = World.simulate(granules=4, photons=4_000, folder=tmp_path_factory.mktemp("siblings"))
    world = with_siblings(world, ("ATL08", "ATL24"))
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in cloud.environment.items():
            environment.setenv(name, value)
        forget_keys(environment)
        yield


@pytest.mark.usefixtures("cloud")
def test_the_notebook_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run("juneau-icefield", tmp_path, monkeypatch)
    output = capsys.readouterr().out
    assert "C3326974349-NSIDC_CPRD" in output
    assert "in the cloud" in output
    assert "s3://nsidc-cumulus-prod-protected/ATLAS/ATL03/007/" in output
    assert names["beam"].sizes["photon"] > 0
    assert float(names["beam"].lat_ph.min()) >= 58
    figure = names["cb"].plot_beam(names["beam"])
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.usefixtures("cloud")
@pytest.mark.filterwarnings("ignore:.*without references:catalog_builder.errors.ReferencesWarning")
@pytest.mark.parametrize(("name", "cycles"), [("glacier-through-all-cycles", 4), ("coast", 3)])
def test_photons_at_a_place(
    name: str, cycles: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import geopandas

    names = run(name, tmp_path, monkeypatch)
    photons = names["photons"]
    assert len(set(photons.pass_cycle.values.tolist())) == cycles
    [written] = tmp_path.glob("*.parquet")
    assert len(geopandas.read_parquet(written)) == photons.sizes["photon"] > 1000


@pytest.mark.usefixtures("cloud_of_siblings")
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
@pytest.mark.parametrize(
    "name", ["classic-flow", "hub-operator", "tool-builder", "forest", "reef"]
)
def test_one_for_each_kind_of_user(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = run(name, tmp_path, monkeypatch)
    made = {key: one for key, one in names.items() if isinstance(one, xr.Dataset)}
    assert made or name == "tool-builder"
    assert all(one.sizes["photon"] > 0 for one in made.values())


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_outputs_are_stored_and_name_no_folder_of_the_machine(path: Path) -> None:
    text = path.read_text()
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert outputs, "make notebooks stores them"
    assert all(cell["execution_count"] for cell in cells)
    assert not [one for one in outputs if one["output_type"] == "error"]
    assert not re.search(r"/tmp/|/home/|/work/|127\.0\.0\.1", text)


def test_the_stand_in_is_not_named_in_the_notebooks() -> None:
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        assert EarthdataStandin.__module__.split(".")[1] not in notebook.read_text()
