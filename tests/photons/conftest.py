"""Granules of both layouts on disk, with references and as items."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import pytest
import xarray as xr
from small_granule import NAME, SmallBeam, write_granule

import catalog_builder as cb
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.indexing.scan_task import ScannedGranule, ScanTask, scan_granule
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.products.granule_name import GranuleName, stem_of
from catalog_builder.progress import Progress
from earthdata_standin import World


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Granules of one release."""

    paths: list[Path]
    indexed: list[dict[str, Any]]
    """Their items, with references."""
    plain: list[dict[str, Any]]
    """The same without."""


def store(paths: Iterable[Path], folder: Path) -> Stored:
    """The granules as items, with references in this folder."""
    paths, indexed, plain = sorted(paths, key=lambda one: one.name), [], []
    for path in paths:
        item = {
            "id": path.stem,
            "properties": {"datetime": None},
            "geometry": None,
            "links": [],
            "assets": {"data": {"href": str(path)}},
        }
        plain.append(item)
        task = ScanTask(granule=path.stem, links=GranuleLinks(local=str(path)), access="local")
        scanned = scan_granule(task)
        assert isinstance(scanned, ScannedGranule)
        (folder / f"{path.stem}.json.zst").write_bytes(scanned.references)
        facts = scanned.beams
        assets = {**item["assets"], "references": {"href": str(folder / f"{path.stem}.json.zst")}}
        indexed.append({**item, "properties": {BEAM_FACTS: facts}, "assets": assets})
    return Stored(paths=paths, indexed=indexed, plain=plain)


def newest_of(world: World, release: str) -> list[Path]:
    """The newest revision of each granule of a release."""
    newest = {
        stem_of(name.id): key
        for key in sorted(world.objects)
        if key.endswith(".h5") and (name := GranuleName.parse(key)).release == release
    }
    return [Path(str(world.objects.get(key))) for key in newest.values()]


def in_chunks(path: Path, to: Path, rows: int) -> Path:
    """The granule, its photons stored in chunks of so many, so that a small one has several."""
    shutil.copy(path, to)
    with h5py.File(to, "r+") as file:
        for beam in (name for name in file if name.startswith("gt")):
            heights = file[f"{beam}/heights"]
            for name, old in list(heights.items()):
                values, attrs = old[:], dict(old.attrs)
                attrs = {k: v for k, v in attrs.items() if k not in ("DIMENSION_LIST", "CLASS")}
                shuffle, fill = old.shuffle, old.fillvalue
                del heights[name]
                made = heights.create_dataset(
                    name,
                    data=values,
                    chunks=(rows, *values.shape[1:]),
                    maxshape=(None, *values.shape[1:]),
                    compression="gzip",
                    shuffle=shuffle,
                    fillvalue=fill,
                )
                made.attrs.update(attrs)
    return to


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three granules a release: over Juneau, across ±180 and at 88° south."""
    return World.simulate(granules=3, photons=2_000, folder=tmp_path_factory.mktemp("places"))


@pytest.fixture(scope="session", params=["006", "007"])
def granules(
    request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Stored:
    """Three of a release, in chunks of 250 (006) or 900 photons (007)."""
    folder = tmp_path_factory.mktemp(f"granules-{request.param}")
    rows = {"006": 250, "007": 900}[request.param]
    paths = newest_of(world, request.param)[:3]
    return store([in_chunks(path, folder / path.name, rows) for path in paths], folder)


@pytest.fixture(scope="session", params=["006", "007"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Three of a release as they are stored: many chunks of 10,000 (006), a few of 100,000."""
    folder = tmp_path_factory.mktemp(f"large-{request.param}")
    photons = {"006": 90_000, "007": 250_000}[request.param]
    world = World.simulate(granules=3, photons=photons, folder=folder)
    return store(newest_of(world, request.param)[:3], folder)


@pytest.fixture(scope="session", params=["some", "none"])
def photons(request: pytest.FixtureRequest, granules: Stored) -> xr.Dataset:
    area = [-180, -90, 180, 90] if request.param == "some" else [0, 0, 1e-5, 1e-5]
    names = [*cb.open_photons([], area).data_vars, "x_atc", "geophys_corr/geoid"]
    return cb.open_photons(granules.indexed[:2], area, variables=names)


class Steps(list[Progress]):
    """Progress; raises once so many passes were read."""

    def __init__(self, stop: int | None = None) -> None:
        super().__init__()
        self._stop = stop

    def __call__(self, step: Progress) -> None:
        self.append(step)
        if step.stage == "reading photons" and self._stop is not None and step.done >= self._stop:
            raise KeyboardInterrupt

    @property
    def read(self) -> int:
        return max((one.done for one in self if one.stage == "reading photons"), default=0)


@pytest.fixture(params=["indexed", "plain"])
def items(request: pytest.FixtureRequest, granules: Stored) -> list[dict[str, Any]]:
    """Granules with references, and without."""
    return granules.indexed[:3] if request.param == "indexed" else granules.plain[:3]


@dataclass(frozen=True, kw_only=True)
class SmallPasses:
    """A granule of two beams on disk, whose photons lie far apart, in chunks of 16."""

    path: Path
    indexed: dict[str, Any]
    """Its item, with references."""
    plain: dict[str, Any]
    """The same without."""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallPasses:
    """``gt1l``, strong, and ``gt2r``, weak: 100 photons, from 10° N, 20° E on, each 0.003°."""
    folder = tmp_path_factory.mktemp("small")
    weak = {"atlas_beam_type": b"weak", "atlas_spot_number": b"4"}
    path = write_granule(
        folder / NAME,
        gt1l=SmallBeam(counts=[3, 0, 5, 2] * 10, start=(20.0, 10.0), step=(0.003, 0.003)),
        gt2r=SmallBeam(
            counts=[3, 0, 5, 2] * 10, start=(20.1, 10.0), step=(0.003, 0.003), attrs=weak
        ),
    )
    stored = store([path], folder)
    return SmallPasses(path=path, indexed=stored.indexed[0], plain=stored.plain[0])


def ask(area: Any = (0, 0, 40, 40), **others: Any) -> PhotonRequest:
    """A request, by default for ``h_ph`` of all photons of ``small``."""
    asked: dict[str, Any] = {
        **dict.fromkeys(("datetime", "beams", "where", "release")),
        "variables": ["h_ph"],
        "access": "auto",
        **others,
    }
    return PhotonRequest.parse(area, **asked)
