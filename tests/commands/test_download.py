"""What a download leaves: whole granules or NetCDF beams, and a catalog that opens them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import intake
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from published_catalog import publish

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.cli import main
from catalog_builder.errors import BeamNotFoundError
from catalog_builder.opening.one_granule import open_beam
from catalog_builder.saving import save_beam, save_beams, write_local_yml
from earthdata_standin import EarthdataStandin


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    return publish(tmp_path / "catalog")


@pytest.fixture
def granule(cloud: EarthdataStandin, published: Path) -> str:
    return next(
        one for one in ItemIndex.open(published).ids if one not in cloud.world.odd.values()
    )


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


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


def test_beams_open_with_intake_xarrays_own_driver(
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
    assert entry["driver"] == ["netcdf"]
    assert entry["args"]["xarray_kwargs"]["engine"] == "h5netcdf"
    (path,) = published.rglob(f"{granule}.json")
    expected = open_beam(json.loads(path.read_text()), "gt1r", names)
    with local[f"{granule}_gt1r"].read() as saved:
        assert_same(saved, expected)
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


def test_every_dataset_of_the_real_granule_comes_back(real_data: Path, tmp_path: Path) -> None:
    (file,) = real_data.glob("ATL03_*_subset.h5")
    names: list[str] = []
    with h5py.File(file) as real:
        real["gt1l"].visititems(
            lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None
        )
    beam = open_beam(file, "gt1l", [name.removeprefix("heights/") for name in names])
    beam["geolocation_delta_time"].values[3] = np.datetime64("NaT")
    save_beam(beam, tmp_path)
    local = intake.open_catalog(str(write_local_yml(tmp_path)))
    with local["ATL03_20181014002445_02350104_006_02_gt1l"].read() as saved:
        assert_same(saved, beam)


def test_what_was_saved_before_a_failure_is_listed(
    published: Path, tmp_path: Path, cloud: EarthdataStandin, granule: str
) -> None:
    items = {item["id"]: item for item in ItemIndex.open(published).dictionaries()}
    incomplete = cloud.world.odd["missing beam"]
    with h5py.File(cloud.world.objects.get(key_of(cloud, incomplete))) as file:
        beam = next(b for b in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r") if b not in file)
    with pytest.raises(BeamNotFoundError):
        save_beams([items[granule], items[incomplete]], tmp_path, beams=[beam], variables=["h_ph"])
    assert list(intake.open_catalog(str(tmp_path / "local.yml"))) == [f"{granule}_{beam}"]


def key_of(cloud: EarthdataStandin, granule: str) -> str:
    return next(key for key in cloud.world.objects if key.endswith(f"{granule}.h5"))


def test_an_empty_folder_has_an_empty_card(tmp_path: Path) -> None:
    assert list(intake.open_catalog(str(write_local_yml(tmp_path)))) == []


def test_a_window_needs_a_beam(published: Path, tmp_path: Path, granule: str) -> None:
    arguments = ["download", published, granule, "--to", tmp_path, "--bbox", "1,2,3,4"]
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    assert "--beam" in result.stderr


def test_saved_beams_open_without_this_package(
    published: Path, tmp_path: Path, granule: str
) -> None:
    run("download", published, granule, "--to", tmp_path, "--beam", "gt1l", "--variables", "h_ph")
    code = (
        "import sys, intake;"
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
    assert set(eval(modules)) <= {*hook, "catalog_builder.transport.fsspec_hook"}
