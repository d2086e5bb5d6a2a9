"""A beam as a Dataset, bit for bit what h5py reads, whole and cut by a box or an interval."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.read.delta_time import to_seconds
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    AccessError,
    NotATL03Error,
    SegmentsWarning,
    WindowError,
)
from catalog_builder.products.atl03 import DEFAULT_VARIABLES, SURFACE_TYPES
from tests.beams.bits import beam_datasets, same_bits

BOOK_KEEPING = {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST"}


@contextmanager
def plain(links: GranuleLinks) -> Iterator[h5py.File]:
    assert links.local is not None
    with h5py.File(links.local) as file:
        yield file


# ---------------------------------------------------------------- the real granule


def test_the_real_beam_bit_for_bit(real: GranuleLinks) -> None:
    found = open_beam(real, "gt1l")
    with plain(real) as file:
        for name in DEFAULT_VARIABLES:
            stored = file[f"gt1l/heights/{name}"]
            values = to_seconds(found[name].values) if name == "delta_time" else found[name]
            assert same_bits(values, stored[:]), name
            attrs = {
                key: value.decode() if isinstance(value, bytes) else value
                for key, value in stored.attrs.items()
                if key not in BOOK_KEEPING
            }
            kept = {**found[name].attrs, "coordinates": found[name].encoding["coordinates"]}
            if name == "delta_time":
                kept["units"] = found[name].encoding["units"]
            assert kept.pop("grid_mapping", "crs") == "crs"
            assert set(kept) == set(attrs)
            assert all(np.array_equal(kept[key], attrs[key]) for key in attrs), name
    assert dict(found.sizes) == {"photon": 2909, "surface_type": 5}
    assert set(found.coords) == {"lat_ph", "lon_ph", "delta_time", "x_atc", "surface_type", "crs"}
    assert found.surface_type.values.tolist() == list(SURFACE_TYPES)
    assert found.delta_time.dtype == "datetime64[ns]"
    assert found.attrs == {
        "granule": "ATL03_20181014002445_02350104_006_02",
        "beam": "gt1l",
        "strength": "weak",
        "spot": 6,
        "rgt": 235,
        "cycle": 1,
        "region": 4,
        "release": "006",
        "revision": 2,
        "source": real.local,
        "reference_frame": "ITRF2014",
        "vertical_reference": found.attrs["vertical_reference"],
    }
    assert "ellipsoid WGS 84" in found.attrs["vertical_reference"]


def test_every_dataset_of_the_real_beam(real: GranuleLinks) -> None:
    stored = beam_datasets(real, "gt1l")
    found = open_beam(real, "gt1l", list(stored))
    assert len(stored) > 60
    for path, values in stored.items():
        group, _, name = path.rpartition("/")
        if group != "heights" and ("/" in group or f"heights/{name}" in stored):
            name = path.replace("/", "_")
        array = found[name]
        got = to_seconds(array.values) if array.dtype.kind == "M" else array.values
        assert same_bits(got, values), path
    assert found.geoid.dims == ("segment",)
    assert found.surf_type.dims == ("segment", "surface_type")
    assert found.velocity_sc.dims == ("segment", "velocity_sc_1")
    assert found.bckgrd_rate.dims == ("bckgrd_atlas",)
    assert found.signal_find_output_ocean_bckgrd_mean.dims == ("signal_find_output_ocean",)
    assert found.geolocation_delta_time.dims == ("segment",)


def test_x_atc_of_photons_counted_by_hand(real: GranuleLinks) -> None:
    """Segments begin at photons 1, 78 and 305 (1-based), at these distances."""
    found = open_beam(real, "gt1l", ["dist_ph_along", "x_atc"])
    along = found.dist_ph_along.values.astype(np.float64)
    assert found.x_atc.dtype == np.float64
    for photon, start in {
        0: 9833931.63760681,
        76: 9833931.63760681,
        77: 9833951.64337329,
        303: 9833991.6549062,
        304: 10236986.33901336,
        2908: 10237686.53903929,
    }.items():
        expected = start + along[photon]
        assert found.x_atc.values[photon] == pytest.approx(expected, abs=1e-7), photon


def test_a_window_of_the_real_beam(real: GranuleLinks) -> None:
    whole = open_beam(real, "gt1l", ["h_ph", "geolocation/segment_id", "x_atc"])
    box = [178.99, 87.0, 178.995, 88.0]
    part = open_beam(real, "gt1l", ["h_ph", "geolocation/segment_id", "x_atc"], bbox=box)
    inside = (whole.lon_ph >= 178.99) & (whole.lon_ph <= 178.995)
    assert 0 < part.sizes["photon"] < whole.sizes["photon"]
    expected = whole.isel(photon=inside.values)
    for name in ("h_ph", "lat_ph", "lon_ph", "delta_time", "x_atc"):
        assert same_bits(part[name], expected[name]), name
    per_photon = part.segment_id[part.segment_index]
    assert same_bits(per_photon, expected.segment_id[expected.segment_index])
    assert part.sizes["segment"] == len(np.unique(per_photon))


# ---------------------------------------------------------------- windows


boxes = st.tuples(
    st.floats(179.9985, 180.0045), st.floats(0, 0.004), st.floats(-17.001, -16.995)
).map(lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2]))


@settings(deadline=None, max_examples=40)
@given(
    box=st.none() | boxes,
    ends=st.none() | st.tuples(st.integers(-1000, 5000), st.integers(0, 5000)),
    beam=st.sampled_from(["gt1l", "gt3r"]),
)
def test_a_window_keeps_exactly_the_photons_inside(granule, box, ends, beam) -> None:
    whole = open_beam(granule, beam, ["h_ph", "geolocation/segment_id", "x_atc"])
    keep = np.ones(whole.sizes["photon"], dtype=bool)
    bbox = datetime = None
    if box is not None:
        west, east, south = box
        bbox = [(edge + 180) % 360 - 180 for edge in (west, east)]
        bbox = [bbox[0], south, bbox[1], south + 0.003]
        lon, lat = whole.lon_ph.values, whole.lat_ph.values
        if bbox[0] <= bbox[2]:
            keep &= (lon >= bbox[0]) & (lon <= bbox[2])
        else:
            keep &= (lon >= bbox[0]) | (lon <= bbox[2])
        keep &= (lat >= south) & (lat <= south + 0.003)
    if ends is not None:
        start = np.datetime64("2019-04-02T12:00:00") + np.timedelta64(ends[0], "us")
        stop = start + np.timedelta64(ends[1], "us")
        datetime = f"{start}Z/{stop}Z"
        times = whole.delta_time.values.astype("datetime64[us]")
        keep &= (times >= start) & (times <= stop)
    part = open_beam(granule, beam, ["h_ph", "geolocation/segment_id", "x_atc"], bbox, datetime)
    expected = whole.isel(photon=keep)
    for name in ("h_ph", "lat_ph", "lon_ph", "delta_time", "x_atc"):
        assert same_bits(part[name], expected[name]), name
    if part.sizes["segment"]:
        in_segment = expected.segment_index.values >= 0
        assert (part.segment_index.values >= 0).tolist() == in_segment.tolist()
        assert same_bits(
            part.segment_id[part.segment_index[in_segment]],
            expected.segment_id[expected.segment_index[in_segment]],
        )
    if box is not None or ends is not None:
        assert part.sizes["segment"] == len(set(expected.segment_index.values.tolist()) - {-1})


def test_a_window_without_photons_gives_an_empty_dataset(granule: GranuleLinks) -> None:
    found = open_beam(granule, "gt1l", ["h_ph", "geophys_corr/geoid"], bbox=[0, 0, 1, 1])
    assert dict(found.sizes) == {"photon": 0, "segment": 0}
    lazy = open_beam(granule, "gt1l", bbox=[0, 0, 1, 1], chunks=10)
    assert lazy.compute().sizes["photon"] == 0


def test_only_the_chunks_that_hold_the_window_are_read(tmp_path: Path) -> None:
    """The chunks beyond its margin are spoiled: whoever reads one of them fails."""
    beam = SmallBeam(counts=[30] * 400, start=(10.0, 0.0), step=(0.0, 6e-5))
    path = write_granule(tmp_path / NAME, gt2l=beam)
    with h5py.File(path) as file:
        lat = file["gt2l/heights/lat_ph"][:]
        spoiled = []
        for name in ("lat_ph", "lon_ph", "delta_time", "h_ph", "dist_ph_along"):
            chunks: list[Any] = []
            file[f"gt2l/heights/{name}"].id.chunk_iter(chunks.append)
            spoiled += [
                (chunk.byte_offset, chunk.size)
                for chunk in chunks
                if not 5500 < chunk.chunk_offset[0] < 6500
            ]
    with path.open("r+b") as raw:
        for offset, size in spoiled:
            raw.seek(offset)
            raw.write(b"\xff" * size)
    links = GranuleLinks(local=str(path))
    window = [9.0, lat[5995], 11.0, lat[6005]]
    found = open_beam(links, "gt2l", ["h_ph"], bbox=window)
    assert 5 < found.sizes["photon"] < 20
    with pytest.raises(AccessError):
        open_beam(links, "gt2l", ["h_ph"])


def test_an_impossible_window(granule: GranuleLinks) -> None:
    with pytest.raises(WindowError):
        open_beam(granule, "gt1l", bbox=[0, 10, 1, 5])
    with pytest.raises(WindowError):
        open_beam(granule, "gt1l", datetime="2019-02-01/2019-01-01")


# ---------------------------------------------------------------- the Dataset


def test_photons_in_no_segment_have_no_distance(granule: GranuleLinks) -> None:
    found = open_beam(granule, "gt3r", ["geolocation/segment_id", "x_atc"])
    lost = np.arange(33, 39)
    assert np.flatnonzero(np.isnan(found.x_atc)).tolist() == lost.tolist()
    assert np.flatnonzero(found.segment_index == -1).tolist() == lost.tolist()
    assert found.segment_id[found.segment_index[:33]].values.tolist() == (
        [501] * 4 + [502] * 20 + [504] * 9
    )


def test_fill_values_are_not_masked(granule: GranuleLinks) -> None:
    found = open_beam(granule, "gt1l", ["h_ph", "geophys_corr/geoid"])
    assert found.h_ph.dtype == np.float32
    assert found.h_ph.values[5] == np.float32(3.4028235e38)
    assert found.geoid.values[1] == np.float32(3.4028235e38)


def test_names_that_two_groups_share(granule: GranuleLinks) -> None:
    found = open_beam(
        granule,
        "gt1l",
        [
            "heights/h_ph",
            "lat_ph",
            "x_atc",
            "geolocation/delta_time",
            "geophys_corr/delta_time",
            "bckgrd_atlas/pce_mframe_cnt",
            "bckgrd_atlas/bckgrd_rate",
            "bckgrd_atlas/bckgrd_hist_top",
            "signal_find_output/land/bckgrd_mean",
            "signal_find_output/ocean/bckgrd_mean",
        ],
    )
    assert {name: array.dims for name, array in found.data_vars.items()} == {
        "h_ph": ("photon",),
        "geolocation_delta_time": ("segment",),
        "geophys_corr_delta_time": ("segment",),
        "bckgrd_atlas_pce_mframe_cnt": ("bckgrd_atlas",),
        "bckgrd_rate": ("bckgrd_atlas",),
        "bckgrd_hist_top": ("bckgrd_atlas_bckgrd_hist_top_row",),
        "signal_find_output_land_bckgrd_mean": ("signal_find_output_land",),
        "signal_find_output_ocean_bckgrd_mean": ("signal_find_output_ocean",),
    }


def test_no_variable_and_a_single_name(granule: GranuleLinks) -> None:
    assert list(open_beam(granule, "gt1l", []).data_vars) == []
    assert list(open_beam(granule, "gt1l", "quality_ph").data_vars) == ["quality_ph"]


def test_a_dataset_survives_netcdf(granule: GranuleLinks, tmp_path: Path) -> None:
    names = [*DEFAULT_VARIABLES, "geophys_corr/geoid", "signal_find_output/land/bckgrd_mean"]
    found = open_beam(granule, "gt1l", names)
    found.to_netcdf(tmp_path / "beam.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "beam.nc", engine="h5netcdf", mask_and_scale=False) as back:
        assert set(back.coords) == set(found.coords)
        for name in set(found.variables) - {"delta_time", "surface_type"}:
            assert same_bits(back[name], found[name]), name
        assert back.attrs == found.attrs


# ---------------------------------------------------------------- what goes wrong


def test_files_that_are_no_granule(tmp_path: Path) -> None:
    text = tmp_path / NAME
    text.write_text("<html>Please log in</html>" * 100)
    with pytest.raises(NotATL03Error, match="not an HDF5 file"):
        open_beam(GranuleLinks(local=str(text)), "gt1l")

    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["temperature"] = [1.0]
    with pytest.raises(NotATL03Error, match="it holds temperature"):
        open_beam(GranuleLinks(local=str(other)), "gt1l")

    atl08 = write_granule(tmp_path / "ATL08.h5", short_name="ATL08", gt1l=SmallBeam())
    with pytest.raises(NotATL03Error, match="it says it is 'ATL08'"):
        open_beam(GranuleLinks(local=str(atl08)), "gt1l")


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NotATL03Error, match=r"truncated|cut short"):
        open_beam(GranuleLinks(local=str(path)), "gt1l")


def test_segments_that_are_damaged(tmp_path: Path) -> None:
    beam = SmallBeam(counts=[3, 4], index_beg=[1, 3])
    path = write_granule(tmp_path / NAME, gt1l=beam)
    with pytest.warns(SegmentsWarning, match="Segment 0 claims the photons 1 to 3"):
        found = open_beam(GranuleLinks(local=str(path)), "gt1l")
    assert found.sizes["photon"] == 7
    assert "x_atc" not in found.coords


# ---------------------------------------------------------------- out of the cloud


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_beam_out_of_the_cloud_bit_for_bit(
    stored: tuple[GranuleLinks, Path], access: Access
) -> None:
    links, path = stored
    names = [*DEFAULT_VARIABLES, "x_atc", "geophys_corr/geoid"]
    found = open_beam(links, "gt2l", names, access=access)
    with h5py.File(path) as file:
        for name in DEFAULT_VARIABLES:
            values = to_seconds(found[name].values) if name == "delta_time" else found[name]
            assert same_bits(values, file[f"gt2l/heights/{name}"][:]), name
        assert same_bits(found.geoid, file["gt2l/geophys_corr/geoid"][:])
        along = file["gt2l/heights/dist_ph_along"][:].astype(np.float64)
        starts = file["gt2l/geolocation/segment_dist_x"][:]
        assert same_bits(found.x_atc, starts[found.segment_index] + along)
    assert found.attrs["source"] == (links.s3 if access == "s3" else links.https)
    assert found.attrs["granule"] == path.stem
