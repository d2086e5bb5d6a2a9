"""The verb that shows a granule."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest

from catalog_builder.catalog.serve import Host
from earthdata_standin import EarthdataStandin
from tests.commands.running import run


def photons(cloud: EarthdataStandin, granule: str) -> dict[str, int]:
    (key,) = (key for key in cloud.world.objects if key.endswith(f"{granule}.h5"))
    with h5py.File(cloud.world.objects.get(key)) as file:
        return {
            name: group["heights/h_ph"].size if "heights" in group else 0
            for name, group in file.items()
            if name.startswith("gt")
        }


def test_info_tells_beams_and_links(
    cloud: EarthdataStandin, published: Path, granule: str
) -> None:
    done = run("info", published, granule, "--json")
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert shown["id"] == granule
    assert shown["s3"].startswith("s3://nsidc-cumulus-prod-protected/")
    assert shown["https"].startswith(cloud.data_url)
    assert shown["size"] > 100_000
    assert {beam["beam"]: beam["photons"] for beam in shown["beams"]} == photons(cloud, granule)
    assert {beam["strength"] for beam in shown["beams"]} == {"strong", "weak"}
    plain = run("info", published, granule)
    assert shown["s3"] in plain.stdout
    assert "gt1l\t" in plain.stdout


def test_info_over_http(published: Path, granule: str) -> None:
    with Host(published) as host:
        done = run("info", f"{host.url}/catalog.yml", granule)
    assert done.exit_code == 0, done.output


def test_info_of_an_unknown_granule(published: Path) -> None:
    done = run("info", published, "ATL03_20181014031924_02370102_007_99")
    assert done.exit_code == 1
    assert "has no granule" in done.stderr
    done = run("info", published, "granule.h5")
    assert done.exit_code == 1
    assert "is not the name of an ICESat-2 granule" in done.stderr


def test_info_without_a_login_still_tells_the_links(
    published: Path, granule: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    from catalog_builder.auth import s3_credentials as credentials

    monkeypatch.setattr(credentials, "_providers", {})
    done = run("info", published, granule)
    assert done.exit_code == 1
    assert "s3://" in done.stdout
    assert "EARTHDATA_TOKEN" in done.stderr
