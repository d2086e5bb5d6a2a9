"""The driver of saved beams; tests/commands/test_download compares what it reads, bit for bit."""

from __future__ import annotations

import sys
from pathlib import Path

import intake
import numpy as np
import pytest
import xarray as xr
from scripted_server import ScriptedServer
from web_folder import serve_folder

from catalog_builder.errors import CatalogError, MissingExtraError
from catalog_builder.intake_drivers.saved_beam import SavedBeam

ENTRY = """
sources:
  beam:
    driver: catalog_builder.intake_drivers.saved_beam.SavedBeam
    args:
      urlpath: "{path}"
"""


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    heights = xr.DataArray(np.arange(3, dtype=np.float32), dims="photon")
    xr.Dataset({"h_ph": heights}, attrs={"beam": "gt1l"}).to_netcdf(
        tmp_path / "beam.nc", engine="h5netcdf"
    )
    return tmp_path / "beam.nc"


def test_the_whole_beam(saved: Path) -> None:
    source = SavedBeam(str(saved))
    assert source.read().h_ph.values.tolist() == [0, 1, 2]
    assert source.discover()["shape"] == {"photon": 3}
    assert source.to_dask().h_ph.chunks is not None
    assert str(saved) in repr(source)
    assert "read()" in source._repr_html_()


def test_without_dask(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingExtraError, match=r"\[dask\]"):
        SavedBeam(str(saved)).to_dask()


def test_no_file_is_named() -> None:
    with pytest.raises(CatalogError, match="No file is named"):
        SavedBeam().read()


def test_a_catalog_from_the_network_names_no_file_of_this_machine(
    saved: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "local.yml").write_text(ENTRY.format(path=saved))
    assert intake.open_catalog(str(folder / "local.yml")).beam.read().sizes["photon"] == 3
    with ScriptedServer(serve_folder(folder)) as server:
        catalog = intake.open_catalog(f"{server.url}/local.yml")
        with pytest.raises(FileNotFoundError, match="http"):  # there, not here
            catalog.beam.read()
