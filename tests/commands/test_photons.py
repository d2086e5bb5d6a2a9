"""The verb ``photons``."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import replace
from pathlib import Path

import geopandas
import pytest
from click.testing import CliRunner
from published_catalog import publish

import catalog_builder as cb
from catalog_builder.cli import main
from catalog_builder.commands.photons import read_conditions
from catalog_builder.errors import ConditionError, ReferencesWarning
from catalog_builder.interrupt import INTERRUPTED
from earthdata_standin import EarthdataStandin
from tests.test_cli import started


@pytest.mark.filterwarnings("default::catalog_builder.errors.ReferencesWarning")
def test_an_area_to_a_file(cloud: EarthdataStandin, tmp_path: Path) -> None:
    cloud.world = replace(
        cloud.world,
        granules=[
            record
            for record in cloud.world.granules
            if record["meta"]["collection-concept-id"] == "C3326974349-NSIDC_CPRD"
        ][:1],
    )
    folder = publish(tmp_path / "public")
    out = tmp_path / "photons.parquet"
    arguments = ["photons", str(folder), "--bbox=-180,-90,180,90", "--variables", "h_ph"]
    where = ["--where", "signal_conf_ph.land_ice >= 3"]
    done = CliRunner().invoke(main, [*arguments, *where, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "1 of 1 granules were read without references" in done.stderr
    assert done.stdout.split() == [str(out)]
    with pytest.warns(ReferencesWarning):
        expected = cb.open_photons(
            folder,
            [-180, -90, 180, 90],
            variables="h_ph",
            where={"signal_conf_ph": {"land_ice": (">=", 3)}},
        )
    found = geopandas.read_parquet(out)
    assert found["h_ph"].to_numpy().tobytes() == expected.h_ph.values.tobytes()

    done = CliRunner().invoke(main, [*arguments, "--estimate", "--json"])
    said = json.loads(done.stdout)
    assert (said["granules"], said["granules without references"], said["requests"]) == (1, 1, 0)
    assert "not counted: `catalog-builder index CATALOG` makes them" in done.stderr

    done = CliRunner().invoke(main, [*arguments, "--out", str(out)])
    assert "(--overwrite)" in done.stderr
    done = CliRunner().invoke(main, [*arguments, "--out", str(out / "new" / "a.nc")])
    assert (done.exit_code, "cannot be a folder" in done.stderr) == (1, True)

    for wrong in (["--bbox=1,2,3,4"], ["--out", "a.xlsx", "--bbox=1,2,3,4"], ["--out", "a.nc"]):
        assert CliRunner().invoke(main, ["photons", str(folder), *wrong]).exit_code != 0


def test_ctrl_c_while_photons_are_read(cloud: EarthdataStandin, tmp_path: Path) -> None:
    records = [
        record
        for record in cloud.world.granules
        if record["meta"]["collection-concept-id"] == "C3326974349-NSIDC_CPRD"
    ]
    cloud.world = replace(cloud.world, granules=records[:1])
    folder, out = publish(tmp_path / "public"), tmp_path / "photons.csv"
    cloud.requests.clear()
    cloud.faults.latency = 60
    arguments = ("--bbox=-180,-90,180,90", "--variables", "h_ph", "--out", str(out))
    with started("photons", str(folder), *arguments) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "Looking for granules near the area.\n"
        assert "passes of 1 granules" in process.stderr.readline()
        pause = threading.Event()
        while not any(one.service == "s3" for one in cloud.requests):
            pause.wait(0.02)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED
    assert "the same command goes on from there" in stderr
    assert not out.exists()


def test_conditions_of_the_command_line() -> None:
    assert read_conditions(
        ("signal_conf_ph.land_ice >= 3", "signal_conf_ph.ocean<2", "quality_ph in nominal, 10",
         "geophys_corr/geoid>1.5")
    ) == {
        "signal_conf_ph": {"land_ice": (">=", 3), "ocean": ("<", 2)},
        "quality_ph": ["nominal", 10],
        "geophys_corr/geoid": (">", 1.5),
    }  # fmt: skip
    for wrong in (("h_ph",), ("h_ph ~ 3",), ("h_ph > 3", "h_ph < 5")):
        with pytest.raises(ConditionError):
            read_conditions(wrong)
