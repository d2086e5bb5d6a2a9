from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from earthdata_standin import EarthdataStandin

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that a notebook leaves, run from top to bottom in this folder."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]:
        assert not cell.get("outputs"), "the notebook is kept without outputs"
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    return names


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


def test_the_stand_in_is_not_named_in_the_notebooks() -> None:
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        assert EarthdataStandin.__module__.split(".")[1] not in notebook.read_text()
