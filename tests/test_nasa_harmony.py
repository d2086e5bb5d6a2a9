"""What Harmony cuts is compared with the granule itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import xarray as xr
from published_catalog import publish

from catalog_builder.catalog.index.item_index import ItemIndex, open_index
from catalog_builder.errors import CatalogError, HarmonyError, MissingExtraError
from catalog_builder.nasa_harmony import check_harmony
from catalog_builder.opening.one_granule import open_beam
from earthdata_standin import EarthdataStandin


@pytest.fixture
def found(
    cloud: EarthdataStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[ItemIndex, xr.Dataset]:
    monkeypatch.setenv("ROOT_URL", cloud.harmony_url)
    monkeypatch.setenv("VERBOSE", "FALSE")
    index = open_index(publish(tmp_path / "public")).search(region=6)
    index = index.search(ids=[next(one for one in index.ids if one.endswith("_007_01"))])
    return index, open_beam(next(iter(index)), "gt1r", references=False)


def test_what_comes_back_has_the_same_bits(found: tuple[ItemIndex, xr.Dataset]) -> None:
    index, whole = found
    told = check_harmony(index, "gt1r", whole)
    assert "bit for bit" in told
    count = int(told.partition(": ")[2].partition(" ")[0])
    assert 0 < count < whole.sizes["photon"] / 4


def test_other_bits_are_a_difference(
    found: tuple[ItemIndex, xr.Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = open_beam

    def shifted(granule: object, *args: object, **options: object) -> xr.Dataset:
        beam = real(granule, *args, **options)  # type: ignore[arg-type]
        return beam.assign(h_ph=beam["h_ph"] + 1) if isinstance(granule, str) else beam

    monkeypatch.setattr("catalog_builder.opening.one_granule.open_beam", shifted)
    with pytest.raises(CatalogError, match="h_ph differs"):
        check_harmony(*(found[0], "gt1r", found[1]))


def test_a_job_that_fails_and_a_missing_extra_are_errors(
    cloud: EarthdataStandin,
    found: tuple[ItemIndex, xr.Dataset],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, whole = found
    cloud.faults.harmony_fails = 1
    with pytest.raises(HarmonyError, match="failed, with 0 results"):
        check_harmony(index, "gt1r", whole)
    for nothing in (None, whole.isel(photon=slice(0, 0))):
        with pytest.raises(HarmonyError):
            check_harmony(index, "gt1r", nothing)
    monkeypatch.setitem(sys.modules, "harmony", None)
    with pytest.raises(MissingExtraError, match=r"\[harmony\]"):
        check_harmony(index, "gt1r", whole)
