"""Classes of the siblings that catalogs hold, over S3, by every door."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import intake
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.cli import main
from catalog_builder.errors import MissingSiblingError, PhotonsWarning
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.one_granule import open_beam, open_lazy
from catalog_builder.photons.open_photons import open_photons
from catalog_builder.siblings.pairs import sibling_of
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings
from tests.test_forks import in_child

EVERYWHERE = [-180, -90, 180, 90]
BOX = ",".join(map(str, EVERYWHERE))


@dataclasses.dataclass(frozen=True)
class Catalogs:
    photons: Path
    land: Path

    @property
    def paired(self) -> str:
        """A granule that has a sibling."""
        found = ItemIndex.open(self.land).ids
        return next(one for one in ItemIndex.open(self.photons).ids if one[6:29] in str(found))


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogs]:
    folder = tmp_path_factory.mktemp("catalogs")
    world = World.simulate(granules=5, photons=600, folder=folder / "files")
    world = with_siblings(world, ("ATL08",))
    with (
        pytest.MonkeyPatch.context() as patch,
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        CmrClient(cloud.cmr_url) as client,
    ):
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        for name in ("ATL03", "ATL08"):
            definition = Definition(
                name=name, title=name, short_name=name, version="007", provider="NSIDC_CPRD"
            )
            build(definition, folder / name, client=client, jobs=1)
            with ThreadPoolExecutor(2) as executor:
                index_catalog(folder / name, executor=executor)
        yield Catalogs(folder / "ATL03", folder / "ATL08")


def test_beams_by_every_name_of_the_catalog(catalogs: Catalogs) -> None:
    land, item = (
        ItemIndex.open(catalogs.land),
        ItemIndex.open(catalogs.photons).item(catalogs.paired),
    )
    sibling = sibling_of(item, "atl08", land)
    expected = open_beam(item, "gt1l", classes={"atl08": sibling})
    assert (expected.class_atl08 > 0).any()
    for named in (land, str(catalogs.land), catalogs.land / "catalog.json"):
        xr.testing.assert_identical(open_beam(item, "gt1l", classes={"atl08": named}), expected)
    text = f"atl08={catalogs.land}"
    xr.testing.assert_identical(open_beam(item, "gt1l", classes=text), expected)
    lazy = open_lazy(item, "gt1l", chunks=50, classes=text)
    np.testing.assert_array_equal(lazy.class_atl08.values, expected.class_atl08.values)


def test_photons_of_an_area(catalogs: Catalogs, tmp_path: Path) -> None:
    index = ItemIndex.open(catalogs.photons)
    with pytest.raises(MissingSiblingError, match="name a catalog of ATL08"):
        open_photons(index, EVERYWHERE, classes={"atl08": str(catalogs.land)})
    text = f"atl08?={catalogs.land}"
    found = open_photons(index, EVERYWHERE, classes=text)
    values = set(np.unique(found.class_atl08).tolist())
    assert values >= {-1, 1, 2}
    ground = open_photons(index, EVERYWHERE, classes=text, where={"class_atl08": ["ground"]})
    assert ground.sizes["photon"] == int((found.class_atl08 == 1).sum())
    entry = intake.open_catalog(str(catalogs.photons / "catalog.yml"))
    xr.testing.assert_equal(entry.photons(bbox=EVERYWHERE, classes=text).read(), found)
    out = tmp_path / "photons.nc"
    done = CliRunner().invoke(
        main,
        ["photons", str(catalogs.photons), f"--bbox={BOX}", "--classes", text, "--out", str(out)],
    )
    assert done.exit_code == 0, done.output
    with xr.open_dataset(out) as saved:
        np.testing.assert_array_equal(saved.class_atl08.values, found.class_atl08.values)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_reads_the_same_classes(catalogs: Catalogs) -> None:
    def read() -> Any:
        index = ItemIndex.open(catalogs.photons)
        text = f"atl08?={catalogs.land}"
        return open_photons(index, EVERYWHERE, classes=text).class_atl08.values

    found = read()
    np.testing.assert_array_equal(in_child(read), found)


def test_the_command_line_skips_granules_without_their_sibling(
    catalogs: Catalogs, tmp_path: Path
) -> None:
    out = tmp_path / "photons.nc"
    asked = ["photons", str(catalogs.photons), f"--bbox={BOX}", f"--classes=atl08={catalogs.land}"]
    done = CliRunner().invoke(main, [*asked, "--out", str(out)])
    assert done.exit_code == 1
    assert "holds no granule of ATL08 that goes with" in done.output
    assert not out.exists()
    done = CliRunner().invoke(main, [*asked, "--estimate"])
    assert done.exit_code == 0, done.output
    assert "granules cannot be read, and --skip leaves them out: ATL03_" in done.output
    with warnings.catch_warnings():
        warnings.simplefilter("default", PhotonsWarning)  # told on the screen
        done = CliRunner().invoke(main, [*asked, "--out", str(out), "--skip"])
    assert done.exit_code == 0, done.output
    assert "are left out: ATL03_" in done.output
    text = f"atl08?={catalogs.land}"
    every = open_photons(ItemIndex.open(catalogs.photons), EVERYWHERE, classes=text)
    paired = (every.atl08_granule.values != "")[every.track_pass_index.values]
    with xr.open_dataset(out) as saved:
        np.testing.assert_array_equal(saved.class_atl08, every.class_atl08.values[paired])
        assert (saved.granule.str.len() > 0).all()


def test_a_beam_through_intake_and_the_command_line(catalogs: Catalogs, tmp_path: Path) -> None:
    text = f"atl08={catalogs.land}"
    entry = intake.open_catalog(str(catalogs.photons / "catalog.yml"))
    beam = entry.beam(granule=catalogs.paired, beam="gt1l", classes=text).read()
    assert (beam.class_atl08 > 0).any()
    asked = ["--beam", "gt1l", "--classes", text, "--to", str(tmp_path)]
    done = CliRunner().invoke(main, ["download", str(catalogs.photons), catalogs.paired, *asked])
    assert done.exit_code == 0, done.output
    (saved,) = tmp_path.glob("*.nc")
    with xr.open_dataset(saved) as again:
        np.testing.assert_array_equal(again.class_atl08.values, beam.class_atl08.values)
