"""The verbs that open granules, against a published catalog and the stand-in cloud."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result
from published_catalog import publish

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from catalog_builder.cli import main
from earthdata_standin import EarthdataStandin


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    return publish(tmp_path / "catalog")


@pytest.fixture
def granule(cloud: EarthdataStandin, published: Path) -> str:
    odd = cloud.world.odd.values()
    return next(one for one in ItemIndex.open(published).ids if one not in odd)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


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
    told = json.loads(done.stdout)
    assert told["id"] == granule
    assert told["s3"].startswith("s3://nsidc-cumulus-prod-protected/")
    assert told["https"].startswith(cloud.data_url)
    assert told["size"] > 100_000
    assert {beam["beam"]: beam["photons"] for beam in told["beams"]} == photons(cloud, granule)
    assert {beam["strength"] for beam in told["beams"]} == {"strong", "weak"}
    plain = run("info", published, granule)
    assert told["s3"] in plain.stdout
    assert "gt1l\t" in plain.stdout


def test_info_over_http(published: Path, granule: str) -> None:
    with Host(published) as host:
        done = run("info", f"{host.url}/catalog.yml", granule)
    assert done.exit_code == 0, done.output


def test_info_of_an_unknown_granule(published: Path) -> None:
    done = run("info", published, "ATL03_20181014031924_02370102_007_99")
    assert done.exit_code == 1
    assert "holds no granule" in done.stderr
    done = run("info", published, "granule.h5")
    assert done.exit_code == 1
    assert "is not the name of an ATL03 granule" in done.stderr


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


def test_plot_writes_a_picture(published: Path, granule: str, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "beam.png"
    done = run("plot", published, granule, "--beam", "gt2r", "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_plot_of_an_unknown_format(published: Path, granule: str, tmp_path: Path) -> None:
    done = run("plot", published, granule, "--out", tmp_path / "beam.txt")
    assert done.exit_code == 2
    assert ".png, .svg" in done.stderr


def test_a_box_that_cannot_be(published: Path, granule: str, tmp_path: Path) -> None:
    done = run("plot", published, granule, "--out", tmp_path / "x.png", "--bbox", "1,2,3")
    assert done.exit_code == 1
    assert "1,2,3" in done.stderr


@pytest.mark.parametrize("verb", ["info", "plot", "download", "doctor"])
def test_every_verb_has_help(verb: str) -> None:
    done = run(verb, "--help")
    assert done.exit_code == 0
    assert "--access" in done.stdout or verb == "doctor"
