"""What a download leaves: whole granules or NetCDF beams, and a catalog that opens them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import intake
import numpy as np
import xarray as xr

from catalog_builder.opening.one_granule import open_beam
from earthdata_standin import EarthdataStandin
from tests.commands.running import run


def test_whole_granules(
    published: Path, tmp_path: Path, cloud: EarthdataStandin, granule: str
) -> None:
    to = tmp_path / "kept here"
    saved = json.loads(run("download", published, granule, "--to", to, "--json").stdout)
    assert saved == {"files": [str(to / f"{granule}.h5")], "catalog": str(to / "local.yml")}
    with h5py.File(to / f"{granule}.h5") as file:
        heights = file["gt2r/heights/h_ph"][...]
    local = intake.open_catalog(saved["catalog"])
    np.testing.assert_array_equal(local[granule](beam="gt2r").read().h_ph, heights)
    # What is there is not fetched again.
    cloud.requests.clear()
    run("download", published, granule, "--to", to)
    assert sum(request.bytes for request in cloud.requests if request.method == "GET") < 10_000


def test_saved_beams_open_with_intake_and_with_xarray(
    published: Path, tmp_path: Path, granule: str
) -> None:
    to = tmp_path / "beams {of} ice"
    names = ["h_ph", "signal_conf_ph", "geolocation/delta_time", "geophys_corr/geoid"]
    run(
        *("download", published, granule, "--to", to, "--beam", "gt1r", "--beam", "gt2l"),
        *("--variables", ",".join(names)),
    )
    assert sorted(path.name for path in to.iterdir()) == [
        f"{granule}_gt1r.nc",
        f"{granule}_gt2l.nc",
        "local.yml",
    ]
    local = intake.open_catalog(str(to / "local.yml"))
    assert sorted(local) == [f"{granule}_gt1r", f"{granule}_gt2l"]
    entry = local._entries[f"{granule}_gt1r"].describe()
    assert entry["driver"] == ["atl03_saved", "netcdf"]
    (path,) = published.rglob(f"{granule}.json")
    expected = open_beam(json.loads(path.read_text()), "gt1r", names)
    with local[f"{granule}_gt1r"].read() as saved:
        assert_same(saved, expected)
    with xr.open_dataset(to / f"{granule}_gt1r.nc", mask_and_scale=False) as plain:
        assert_same(plain, expected)
    assert local[f"{granule}_gt1r"].discover()["shape"]["photon"] == expected.sizes["photon"]
    lazy = local[f"{granule}_gt1r"].to_dask()
    assert lazy.h_ph.chunks is not None
    lazy.close()


def assert_same(saved: xr.Dataset, expected: xr.Dataset) -> None:
    """Names, values bit for bit, types and attributes."""
    xr.testing.assert_identical(saved.load(), expected)
    for name, array in expected.variables.items():
        assert saved[name].dtype == array.dtype
        if array.dtype.kind in "iuf":
            assert saved[name].values.tobytes() == array.values.tobytes()


def test_a_window_of_all_beams(published: Path, tmp_path: Path, granule: str) -> None:
    (path,) = published.rglob(f"{granule}.json")
    whole = open_beam(path_item := json.loads(path.read_text()), "gt1l", ["h_ph"])
    middle = float(whole.lat_ph[whole.sizes["photon"] // 2])
    box = f"-180,{middle},180,90"
    out = run("download", published, granule, "--to", tmp_path, "--beam", "all", "--bbox", box)
    files = out.stdout.split()
    assert len(files) == 6
    cut = open_beam(path_item, "gt1l", bbox=box)
    assert 0 < cut.sizes["photon"] < whole.sizes["photon"]
    with xr.open_dataset(files[0], engine="h5netcdf", mask_and_scale=False) as saved:
        assert_same(saved, cut)


def test_a_window_needs_a_beam(published: Path, tmp_path: Path, granule: str) -> None:
    result = run("download", published, granule, "--to", tmp_path, "--bbox", "1,2,3,4")
    assert result.exit_code == 2
    assert "--beam" in result.stderr


def test_saved_beams_open_without_this_package(
    published: Path, tmp_path: Path, granule: str
) -> None:
    run("download", published, granule, "--to", tmp_path, "--beam", "gt1l", "--variables", "h_ph")
    code = (
        "import sys, intake; sys.modules['catalog_builder.intake_drivers'] = None;"
        f"print(intake.open_catalog(sys.argv[1])['{granule}_gt1l'].read().sizes['photon']);"
        "print([m for m in sys.modules if m.startswith('catalog_builder')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "local.yml")],
        capture_output=True,
        text=True,
        check=True,
    )
    photons, modules = answer.stdout.split("\n", 1)
    assert int(photons) > 0
    # Installed, it lends intake its proxies and certificates; nothing else of it is there.
    hook = ["catalog_builder._version", "catalog_builder", "catalog_builder.transport"]
    hook += ["catalog_builder.transport.fsspec_hook", "catalog_builder.intake_drivers"]
    assert set(eval(modules)) <= set(hook)  # the last one is blocked by this test


def test_what_is_saved_already_is_not_replaced(
    published: Path, tmp_path: Path, granule: str
) -> None:
    asked = ("download", published, granule, "--to", tmp_path, "--beam", "gt1l")
    assert run(*asked, "--variables", "h_ph").exit_code == 0
    file = tmp_path / f"{granule}_gt1l.nc"
    before = file.read_bytes()
    again = run(*asked, "--datetime", "2018/..")
    assert again.exit_code == 1
    assert f"{file} is there already" in again.stderr
    assert file.read_bytes() == before
    assert run(*asked, "--overwrite").exit_code == 0
    assert file.read_bytes() != before
