from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from earthdata_standin import EarthdataStandin

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "juneau-icefield.ipynb"


@pytest.mark.usefixtures("cloud")
def test_the_notebook_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        assert not cell.get("outputs"), "the notebook is kept without outputs"
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    output = capsys.readouterr().out
    assert "C3326974349-NSIDC_CPRD" in output
    assert "in the cloud" in output
    assert "s3://nsidc-cumulus-prod-protected/ATLAS/ATL03/007/" in output
    assert names["beam"].sizes["photon"] > 0
    assert float(names["beam"].lat_ph.min()) >= 58
    figure = names["cb"].plot_beam(names["beam"])
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_the_stand_in_is_not_named_in_the_notebook() -> None:
    assert EarthdataStandin.__module__.split(".")[1] not in NOTEBOOK.read_text()
