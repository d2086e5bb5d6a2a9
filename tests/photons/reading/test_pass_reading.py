"""Passes of which the beginning is read, or whose segments are wrong, hide no photon."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from small_granule import NAME, SmallBeam, write_granule

import catalog_builder as cb
from catalog_builder.beams.read import chunk_rests, plan
from catalog_builder.beams.read.chunk_rests import ChunkRests
from catalog_builder.errors import ReferencesWarning, SegmentsWarning
from catalog_builder.photons.planning import pass_plan
from tests.beams.bits import same_bits
from tests.photons.brute_force import random_area
from tests.photons.conftest import Stored, in_chunks, store

WORLD = [-180, -90, 180, 90]
WINDOW = [179.999, -18, -179.998, -16]
NAMES = ["h_ph", "x_atc", "geolocation/segment_id"]


def _from_zero(file: h5py.File) -> None:
    index = file["gt1l/geolocation/ph_index_beg"]
    index[...] = np.maximum(index[...] - 1, 0)


def _too_many(file: h5py.File) -> None:
    file["gt1l/geolocation/segment_ph_cnt"][2] += 7


def _lost(file: h5py.File) -> None:
    del file["gt1l/geolocation/ph_index_beg"]


@pytest.mark.parametrize("spoil", [_from_zero, _too_many, _lost])
@pytest.mark.parametrize("area", [WORLD, WINDOW])
@pytest.mark.parametrize("blocks", ["one", "many"])
def test_no_photon_is_hidden(
    spoil: Callable[[h5py.File], None],
    area: list[float],
    blocks: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if blocks == "many":
        monkeypatch.setattr(pass_plan, "BLOCK_BYTES", 1)
    good, bad = tmp_path / "good" / NAME, tmp_path / "bad" / NAME
    for path in (good, bad):
        path.parent.mkdir()
        write_granule(path, gt1l=SmallBeam(), gt2r=SmallBeam())
    with h5py.File(bad, "r+") as file:
        spoil(file)
    granule = store([bad], tmp_path / "bad")
    names = NAMES[:2] if spoil is _lost else NAMES
    with pytest.warns(ReferencesWarning):
        whole = cb.open_photons([str(good)], area, variables=NAMES)
    first = int(whole.photon_count[0])
    assert first > 10

    def check(found: xr.Dataset) -> None:
        assert same_bits(found.h_ph, whole.h_ph)
        assert same_bits(found.lat_ph, whole.lat_ph)
        assert np.isnan(found.x_atc[:first]).all()
        assert same_bits(found.x_atc[first:], whole.x_atc[first:])
        if spoil is not _lost:  # without it, nobody knows what has a value for each segment
            assert same_bits(found.segment_id[first:], whole.segment_id[first:])
            assert len(np.unique(found.segment_id[:first])) == 1  # the fill value

    for source in (granule.indexed, granule.plain):
        for chunks in (None, "auto"):
            with pytest.warns((SegmentsWarning, ReferencesWarning)) as caught:
                check(cb.open_photons(source, area, variables=names, chunks=chunks).compute())
            told = [str(one.message) for one in caught if one.category is SegmentsWarning]
            assert len(told) == 1
            assert "segments of 1 of 2 passes are wrong" in told[0]
            assert f"{NAME.removesuffix('.h5')} gt1l: " in told[0]

    # Nothing is lost to who asks for nothing of segments, and no condition on them is met.
    with warnings.catch_warnings():
        warnings.simplefilter("error", SegmentsWarning)
        plain = cb.open_photons(granule.indexed, area, variables="h_ph")
    assert same_bits(plain.h_ph, whole.h_ph)
    if spoil is _lost:
        return
    where: dict[str, Any] = {"geolocation/segment_id": (">=", 0)}
    with pytest.warns((SegmentsWarning, ReferencesWarning)):
        found = cb.open_photons(granule.plain, area, variables="h_ph", where=where)
    assert same_bits(found.h_ph, whole.h_ph[first:])


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A granule of two beams in three chunks of 2,000 photons, each flown straight on for 1°."""
    folder = tmp_path_factory.mktemp("even")
    beam = SmallBeam(counts=[60, 0, 60] * 50, start=(-50.0, 60.0), step=(-0.0004, 0.0005))
    path = write_granule(folder / "unchunked.h5", gt1l=beam, gt2l=beam)
    return store([in_chunks(path, folder / NAME, 2000)], folder)


@pytest.mark.parametrize("too_few", [False, True])
@pytest.mark.parametrize("chunks", [None, "auto"])
def test_beginnings_of_chunks_are_enough(
    even: Stored, too_few: bool, chunks: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a chunk that leads out of an area its beginning is read; all, where that is too short."""
    again: list[bool] = []
    near = ChunkRests.near

    def counted(*arguments: Any) -> bool:
        again.append(near(*arguments))
        return again[-1]

    monkeypatch.setattr(ChunkRests, "near", counted)
    monkeypatch.setattr(plan, "LEAST_SAVED", 0)
    monkeypatch.setattr(plan, "_HEADER", 1000)
    if too_few:
        monkeypatch.setattr(chunk_rests, "_UNEVEN", (0.6, 0.0))
    with h5py.File(even.paths[0]) as file:
        every = {name: file[f"gt1l/heights/{name}"][:] for name in ("lon_ph", "lat_ph", "h_ph")}
    for number in range(20):
        noise = np.random.default_rng(number)
        at = noise.integers(6000)
        place = every["lon_ph"][at], every["lat_ph"][at]
        area = random_area(noise, *place, holes=bool(number % 2))
        inside = area.holds(every["lon_ph"], every["lat_ph"])
        found = cb.open_photons(even.indexed, area.given, variables="h_ph", chunks=chunks)
        for name, values in every.items():
            assert same_bits(found[name].values, np.tile(values[inside], 2))
    assert len(again) > 20
    assert (again.count(True) > 5) == too_few
