"""Photons written pass by pass, interrupted, and resumed."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.errors import PhotonsError, PhotonsWarning
from catalog_builder.photons.reading.pass_reading import Interrupted, PassPhotons
from catalog_builder.photons.reading.planned_reading import PlannedPhotons, read_planned
from catalog_builder.photons.writing.pass_spool import (
    PassSpool,
    opened_spool,
    plan_digest,
    spool_name,
)
from catalog_builder.safe_folder import Entry
from tests.photons.conftest import Steps, Stored

SPOOL = "catalog_builder.photons.writing.pass_spool.PassSpool"
EVERYWHERE = [-180, -90, 180, 90]
NAMES = ["h_ph", "signal_conf_ph", "geophys_corr/geoid", "x_atc"]


pytestmark = pytest.mark.filterwarnings(
    "ignore:.*without references:catalog_builder.errors.ReferencesWarning"
)


def test_an_interrupted_write_is_resumed(
    items: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog_builder.photons.writing.pass_spool.PassSpool.most_passes", 1)
    plan = cb.plan_photons(items, EVERYWHERE, variables=NAMES)
    whole = cb.write_photons(plan, tmp_path / "whole.parquet", progress=(every := Steps()))
    path = tmp_path / "photons.parquet"
    with pytest.raises(KeyboardInterrupt):
        cb.write_photons(plan, path, progress=Steps(stop=1))
    assert not path.exists()
    again = cb.plan_photons(items, EVERYWHERE, variables=NAMES)
    cb.write_photons(again, path, progress=(rest := Steps()))
    assert 0 < rest.read <= every.read - 1
    assert path.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == [path, whole]


def test_what_is_left_of_another_plan_is_not_mixed_in(
    granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, path = granules.indexed[:2], tmp_path / "photons.parquet"
    monkeypatch.setattr("catalog_builder.photons.writing.pass_spool.PassSpool.most_passes", 1)
    with pytest.raises(KeyboardInterrupt):
        cb.write_photons(
            cb.plan_photons(items, EVERYWHERE, variables=NAMES), path, progress=Steps(stop=3)
        )
    (tmp_path / spool_name(path) / "photons.parquet").write_bytes(b"half")
    high = cb.plan_photons(items, EVERYWHERE, variables=NAMES, where={"h_ph": (">", 100)})
    cb.write_photons(high, path)
    whole = cb.write_photons(high, tmp_path / "whole.parquet")
    assert path.read_bytes() == whole.read_bytes()


SPOILED: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda said: said.write_bytes(b"{"),
    "nothing": lambda said: said.write_bytes(b"{}"),
    "a list": lambda said: said.write_bytes(b"[1]"),
    "another granule": lambda said: said.rename(said.with_name("x_gt1l.json")),
    "a path outside": lambda said: said.write_bytes(
        re.sub(rb'"granule":"[^"]*"', b'"granule":"../../x"', said.read_bytes())
    ),
    "no variables": lambda said: said.write_bytes(
        orjson.dumps({**orjson.loads(said.read_bytes()), "variables": {"heights/h_ph": {}}})
    ),
    "no type": lambda said: said.write_bytes(
        said.read_bytes().replace(b'"dtype":"<f4"', b'"dtype":"|O9"')
    ),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_left_and_damaged_is_read_again(
    kind: str, granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plan = interrupted(granules, tmp_path, monkeypatch)
    whole = cb.write_photons(plan, tmp_path / "whole.parquet")
    for said in (tmp_path / spool_name(path)).glob("ATL03*.json"):
        SPOILED[kind](said)
    cb.write_photons(plan, path)
    assert path.read_bytes() == whole.read_bytes()


def test_photons_that_are_left_and_damaged_are_named(
    granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plan = interrupted(granules, tmp_path, monkeypatch)
    for photons in (tmp_path / spool_name(path)).glob("*.arrows"):
        photons.write_bytes(b"x" * photons.stat().st_size)
    with pytest.raises(PhotonsError, match=r"\.arrows is damaged .*: remove .*\.passes"):
        cb.write_photons(plan, path)


def interrupted(
    granules: Stored, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, PlannedPhotons]:
    """A write that was interrupted, with a pass in its folder."""
    monkeypatch.setattr("catalog_builder.photons.writing.pass_spool.PassSpool.most_passes", 1)
    plan = cb.plan_photons(granules.indexed[:1], EVERYWHERE, variables=NAMES)
    with pytest.raises(KeyboardInterrupt):
        cb.write_photons(plan, path := folder / "photons.parquet", progress=Steps(stop=1))
    assert [*(folder / spool_name(path)).glob("ATL03*.json")]
    return path, plan


def test_a_finished_file_is_not_replaced(granules: Stored, tmp_path: Path) -> None:
    plan = cb.plan_photons(granules.indexed[:1], EVERYWHERE, variables="h_ph")
    path = tmp_path / "photons.parquet"
    path.write_bytes(b"other")
    with pytest.raises(PhotonsError, match="is there already"):
        cb.write_photons(plan, path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"other"
    cb.write_photons(plan, path, overwrite=True)
    assert pq.read_table(path).num_rows > 0


def test_a_write_that_was_killed_at_its_very_end(
    granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = cb.plan_photons(granules.indexed[:1], EVERYWHERE, variables="h_ph")
    path = tmp_path / "photons.csv"
    with monkeypatch.context() as patch:
        patch.setattr(
            "catalog_builder.photons.writing.pass_spool.PassSpool.remove", lambda _: None
        )
        cb.write_photons(plan, path)
    before = path.stat()
    assert len(list(tmp_path.iterdir())) == 2
    cb.write_photons(plan, path, progress=(steps := Steps()))
    assert not steps
    assert path.stat().st_ino == before.st_ino
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_write_that_was_killed_while_it_cleaned_up(
    granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = cb.plan_photons(granules.indexed[:1], EVERYWHERE, variables="h_ph")
    path = tmp_path / "photons.csv"
    removed: list[Entry] = []
    remove = PassSpool._remove

    def killed(spool: PassSpool, entry: Entry) -> None:
        removed.append(entry)
        if len(removed) > 2:
            raise KeyboardInterrupt
        remove(spool, entry)

    with monkeypatch.context() as patch:
        patch.setattr(PassSpool, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            cb.write_photons(plan, path)
    before = path.stat()
    assert len(list((tmp_path / spool_name(path)).iterdir())) > 2
    cb.write_photons(plan, path)
    assert path.stat().st_ino == before.st_ino
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_two_processes_do_not_write_one_file(granules: Stored, tmp_path: Path) -> None:
    plan = cb.plan_photons(granules.indexed[:1], EVERYWHERE, variables="h_ph")
    path = tmp_path / "photons.parquet"
    (tmp_path / spool_name(path)).mkdir()
    handle = os.open(tmp_path / spool_name(path), os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(PhotonsError, match="Another process"):
            cb.write_photons(plan, path)
    finally:
        os.close(handle)


def test_a_granule_that_fails_is_left_out_whole(granules: Stored, tmp_path: Path) -> None:
    bad = granules.indexed[0]
    lost = {
        **bad,
        "assets": {**bad["assets"], "data": {"href": str(tmp_path / "x" / f"{bad['id']}.h5")}},
    }
    items = [lost, granules.indexed[1]]
    plan = cb.plan_photons(items, EVERYWHERE, variables="h_ph")
    with pytest.warns(PhotonsWarning, match="1 of 2 granules"):
        path = cb.write_photons(plan, tmp_path / "photons.nc", errors="warn")
    with xr.open_dataset(path, mask_and_scale=False) as found:
        assert set(found.granule.values.tolist()) == {granules.indexed[1]["id"]}
        assert bad["id"] in found.attrs["left_out"]


def test_a_thread_of_an_interrupted_write_adds_nothing_later(
    granules: Stored, tmp_path: Path
) -> None:
    plan = cb.plan_photons(granules.indexed[:1], EVERYWHERE, variables="h_ph")
    path = tmp_path / "photons.parquet"
    found: list[PassPhotons] = []
    with opened_spool(path, plan_digest(plan)) as spool:
        for one in read_planned(plan, plan.granules, "raise", None).passes:
            blocks = spool.new_blocks()
            blocks.append(one.blocks[0])
            found.append(replace(one, blocks=blocks))
        spool.finish(found[0])
    with pytest.raises(Interrupted):
        spool.finish(found[1])
