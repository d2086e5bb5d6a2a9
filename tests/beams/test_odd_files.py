"""Granules whose optional parts are missing, odd or wrong: their photons are there anyway."""

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

from catalog_builder import open_beam, open_granule
from catalog_builder.beams import dataset
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import (
    EmptyBeamError,
    NotATL03Error,
    SegmentsWarning,
    VariableNotFoundError,
)

WORLD = [-180, -90, 180, 90]
NAMES = ["h_ph", "x_atc"]


def _remove(*paths: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        for path in paths:
            del file[f"gt1l/{path}"]

    return change


def _one_too_many(file: h5py.File) -> None:
    file["gt1l/geolocation/segment_ph_cnt"][-1] += 1


def _from_zero(file: h5py.File) -> None:
    index = file["gt1l/geolocation/ph_index_beg"]
    index[...] = np.maximum(index[...] - 1, 0)


def _negative(file: h5py.File) -> None:
    counts = file["gt1l/geolocation/segment_ph_cnt"]
    counts[...] = -counts[...]


def _one_row_too_few(path: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values = file[f"gt1l/{path}"][...]
        del file[f"gt1l/{path}"]
        file[f"gt1l/{path}"] = values[:-1]

    return change


SPOILED: dict[str, Callable[[h5py.File], None]] = {
    "no dist_ph_along": _remove("heights/dist_ph_along"),
    "no ph_index_beg": _remove("geolocation/ph_index_beg"),
    "no segment_dist_x": _remove("geolocation/segment_dist_x"),
    "heights alone": _remove("geolocation"),
    "one photon too many": _one_too_many,
    "counted from 0": _from_zero,
    "negative counts": _negative,
    "a distance too few": _one_row_too_few("geolocation/segment_dist_x"),
    "a count too few": _one_row_too_few("geolocation/segment_ph_cnt"),
}


@pytest.fixture
def whole(tmp_path: Path) -> xr.Dataset:
    (tmp_path / "whole").mkdir()
    path = write_granule(tmp_path / "whole" / NAME, gt1l=SmallBeam())
    return open_beam(str(path), "gt1l", NAMES)


@pytest.mark.parametrize("by_references", [False, True])
@pytest.mark.parametrize("kind", SPOILED)
def test_photons_are_read_without_what_cannot_be_derived(
    kind: str, by_references: bool, whole: xr.Dataset, tmp_path: Path
) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        SPOILED[kind](file)
    references: Any = False
    if by_references:
        references = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    for bbox in (None, WORLD):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = open_beam(str(path), "gt1l", NAMES, bbox=bbox, references=references)
        (warning,) = caught
        assert warning.category is SegmentsWarning
        assert warning.filename == __file__
        assert "x_atc is left out: " in str(warning.message)
        xr.testing.assert_identical(found.drop_attrs(), whole.drop_vars("x_atc").drop_attrs())
        # Nothing is lost to who did not ask for it.
        plain = open_beam(str(path), "gt1l", ["h_ph"], bbox=bbox, references=references)
        xr.testing.assert_identical(plain.drop_attrs(), found.drop_attrs())


def test_default_variables_that_the_file_lacks_are_left_out(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        del file["gt1l/heights/dist_ph_along"]
    with pytest.warns(SegmentsWarning, match=r"the file lacks .*heights/dist_ph_along"):
        found = open_beam(str(path), "gt1l")
    assert "h_ph" in found
    assert "dist_ph_along" not in found


@pytest.mark.parametrize("chunks", [None, 40])
def test_a_beam_without_times_gives_its_photons(
    chunks: int | None, whole: xr.Dataset, tmp_path: Path
) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        del file["gt1l/heights/delta_time"]
    links = GranuleLinks(local=str(path))
    known = scan(links).beams["gt1l"]
    for references in (None, known):
        with pytest.warns(SegmentsWarning, match=r"gt1l: the file lacks heights/delta_time\.$"):
            found = dataset.open_beam(
                links, "gt1l", NAMES, WORLD, chunks=chunks, references=references
            )
        there = whole.assign_attrs(source=str(path)).drop_vars("delta_time")
        xr.testing.assert_identical(found.compute(), there)
        asked: tuple[dict[str, Any], ...] = ({"variables": ["delta_time"]}, {"datetime": "2019"})
        for wanted in asked:
            with pytest.raises(VariableNotFoundError, match=r"lacks variable 'delta_time'"):
                dataset.open_beam(links, "gt1l", references=references, **wanted)


def test_a_beam_without_places_says_what_it_lacks(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam(), gt1r=SmallBeam())
    with h5py.File(path, "r+") as file:
        del file["gt1l/heights/lat_ph"]
    with pytest.raises(EmptyBeamError, match=r"gt1l of .* lacks lat_ph.*lon_ph.* are in: gt1r\."):
        open_beam(str(path), "gt1l", ["h_ph"])
    tree = open_granule(str(path), variables=["h_ph"])
    assert [*tree.children] == ["gt1r"]
    assert "gt1l lacks lat_ph" in tree.attrs["left_out"]
    found = scan(GranuleLinks(local=str(path)))
    assert [*found.beams] == [*found.photons] == ["gt1r"]
    with h5py.File(path, "r+") as file:
        del file["gt1l/heights"]
    with pytest.raises(EmptyBeamError, match="holds no photon"):
        open_beam(str(path), "gt1l", ["h_ph"])
    assert scan(GranuleLinks(local=str(path))).photons["gt1l"] == 0


@pytest.mark.parametrize("by_references", [False, True])
def test_a_lazy_beam_has_no_distance_where_its_segments_are_wrong(
    by_references: bool, tmp_path: Path
) -> None:
    from catalog_builder.opening.one_granule import open_lazy

    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        _from_zero(file)
    known: Any = scan(GranuleLinks(local=str(path))).beams["gt1l"] if by_references else False
    found = open_lazy(str(path), "gt1l", NAMES, chunks=50, references=known)
    with pytest.warns(SegmentsWarning, match="x_atc is NaN"):
        computed = found.compute()
    assert np.isnan(computed.x_atc).all()
    assert np.isfinite(computed.h_ph).any()


@pytest.mark.parametrize("by_references", [False, True])
def test_a_window_is_found_without_the_reference_photons(
    by_references: bool, whole: xr.Dataset, tmp_path: Path
) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        for name in ("reference_photon_lat", "reference_photon_lon", "delta_time"):
            del file[f"gt1l/geolocation/{name}"]
    known: Any = scan(GranuleLinks(local=str(path))).beams["gt1l"] if by_references else False
    found = open_beam(str(path), "gt1l", NAMES, bbox=WORLD, references=known)
    xr.testing.assert_identical(found.drop_attrs(), whole.drop_attrs())


def test_a_window_is_found_where_reference_photons_are_no_numbers(
    whole: xr.Dataset, tmp_path: Path
) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        del file["gt1l/geolocation/reference_photon_lat"]
        pairs = np.zeros(8, [("a", "i4"), ("b", "f4")])
        file["gt1l/geolocation/reference_photon_lat"] = pairs
    found = open_beam(str(path), "gt1l", NAMES, bbox=WORLD, references=False)
    xr.testing.assert_identical(found.drop_attrs(), whole.drop_attrs())


@pytest.mark.parametrize("by_references", [False, True])
def test_photons_of_no_segment_have_no_distance(by_references: bool, tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam(counts=[0, 0], orphans=20))
    known: Any = scan(GranuleLinks(local=str(path))).beams["gt1l"] if by_references else False
    found = open_beam(str(path), "gt1l", NAMES, references=known)
    assert found.sizes["photon"] == 20
    assert np.isnan(found.x_atc).all()


def test_attributes_of_one_element_are_their_value(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam(), orientation=None)
    with h5py.File(path, "r+") as file:
        for where, name in (("/", "short_name"), ("gt1l", "atlas_beam_type")):
            value = file[where].attrs[name]
            del file[where].attrs[name]
            file[where].attrs[name] = np.array([value])
        del file["gt1l"].attrs["atlas_spot_number"]
        file["gt1l"].attrs["atlas_spot_number"] = np.array([1])
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    for references in (False, known):
        found = open_beam(str(path), "gt1l", ["h_ph"], references=references)  # type: ignore[arg-type]
        assert (found.attrs["strength"], found.attrs["spot"]) == ("strong", 1)


def test_a_product_padded_with_blanks_is_the_product(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, short_name="ATL03   ", gt1l=SmallBeam())
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    for references in (False, known):
        assert open_beam(str(path), "gt1l", ["h_ph"], references=references).sizes["photon"] == 95


@pytest.mark.parametrize("value", [np.zeros(2000), np.zeros((2, 2)), np.float64(np.nan)])
def test_a_product_that_is_no_text_is_another(value: Any, tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        file.attrs["short_name"] = value
    with pytest.raises(NotATL03Error, match="it says it is"):
        open_beam(str(path), "gt1l", references=False)


def test_a_fill_value_that_is_undefined_hides_nothing(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((16,))
        made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        values = np.arange(95, dtype=np.float32)
        space = h5py.h5s.create_simple((95,))
        stored = h5py.h5d.create(
            file["gt1l/heights"].id, b"other", h5py.h5t.NATIVE_FLOAT, space, made
        )
        stored.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    for references in (False, known):
        found = open_beam(str(path), "gt1l", ["other"], references=references)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.other, values)


def test_a_compound_dataset_hides_nothing(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    pairs = np.zeros(95, [("a", "<f4"), ("b", "<i2")])
    pairs["b"] = np.arange(95)
    with h5py.File(path, "r+") as file:
        file["gt1l/heights"].create_dataset("pairs", data=pairs, chunks=(16,))
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    found = open_beam(str(path), "gt1l", ["h_ph"], references=known)
    assert found.sizes["photon"] == 95
    plain = open_beam(str(path), "gt1l", ["pairs"], references=False)
    np.testing.assert_array_equal(plain.pairs, pairs)
