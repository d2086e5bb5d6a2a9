"""Classes of ATL08 and ATL24 on the photons of ATL03, against a loop over every photon."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from siblings.brute_force import classes_of

import catalog_builder as cb
from catalog_builder.errors import CatalogBuilderError, PairError, SegmentsWarning
from catalog_builder.opening.one_granule import open_lazy
from catalog_builder.products.atl03 import BEAMS
from earthdata_standin.sibling_files import write_sibling
from earthdata_standin.sibling_names import sibling_name


def beams_of(granule: Path) -> list[str]:
    with h5py.File(granule) as file:
        return [beam for beam in BEAMS if beam in file and len(file[f"{beam}/heights/h_ph"])]


@pytest.mark.parametrize("product", ["ATL08", "ATL24"])
def test_whole_beams_bear_the_classes_of_their_sibling(
    granule: Path, siblings: dict[str, Path], product: str
) -> None:
    listed = 0
    for beam in beams_of(granule):
        found = cb.open_beam(granule, beam, ["h_ph"], classes={product.lower(): siblings[product]})
        expected = classes_of(granule, siblings[product], beam)
        np.testing.assert_array_equal(found[f"class_{product.lower()}"], expected)
        listed += int((expected >= 0).sum())
        assert found.attrs[f"{product.lower()}_granule"] == siblings[product].stem
        assert found.attrs[f"{product.lower()}_without_segment"] == 0
    assert listed > 1000


def test_windows_bear_the_classes_of_the_whole(granule: Path, siblings: dict[str, Path]) -> None:
    rng = np.random.default_rng(1)
    classes = {"atl08": siblings["ATL08"], "ATL24": siblings["ATL24"]}
    some = 0
    for beam in beams_of(granule):
        whole = cb.open_beam(granule, beam, ["h_ph"], classes=classes)
        for _ in range(17):
            lat = np.sort(rng.choice(whole.lat_ph.values, 2))
            box = (-180.0, float(lat[0]), 180.0, float(lat[1]))
            times = np.sort(rng.choice(whole.delta_time.values, 2)).astype("datetime64[us]")
            window = {"bbox": box} if rng.random() < 0.5 else {"datetime": tuple(times)}
            found = cb.open_beam(granule, beam, ["h_ph"], classes=classes, **window)
            if "bbox" in window:
                keep = (whole.lat_ph >= lat[0]) & (whole.lat_ph <= lat[1])
            else:
                keep = whole.delta_time.astype("datetime64[us]")
                keep = (keep >= times[0]) & (keep <= times[1])
            expected = whole.isel(photon=keep.values)
            for name in ("class_atl08", "class_atl24", "confidence_atl24", "lat_ph_atl24"):
                np.testing.assert_array_equal(found[name], expected[name])
            some += found.sizes["photon"]
    assert some > 1000


def test_lazy_classes_are_those_read_now(granule: Path, siblings: dict[str, Path]) -> None:
    asked = {
        "variables": ["h_ph", "atl08/ph_h"],
        "classes": {"atl08": siblings["ATL08"], "atl24": siblings["ATL24"]},
    }
    now = cb.open_beam(granule, "gt1l", **asked)
    later = open_lazy(granule, "gt1l", **asked, chunks=300)
    assert later.class_atl08.chunks is not None
    for name in now.variables:
        np.testing.assert_array_equal(later[name].compute(), now[name])
        assert later[name].attrs.keys() == now[name].attrs.keys()


def test_conditions_keep_photons_of_a_class(granule: Path, siblings: dict[str, Path]) -> None:
    classes = {"atl08": siblings["ATL08"]}
    whole = cb.open_beam(granule, "gt1l", ["h_ph"], classes=classes)
    where = {"class_atl08": ["ground", "canopy"], "quality_ph": 0}
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes=classes, where=where)
    with h5py.File(granule) as file:
        good = file["gt1l/heights/quality_ph"][:] == 0
    keep = whole.class_atl08.isin([1, 2]).values & good
    assert 0 < keep.sum() < len(keep)
    assert found.equals(whole.isel(photon=keep))


def test_an_optional_sibling_may_be_missing(granule: Path) -> None:
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes="atl08?")
    assert (found.class_atl08 == -1).all()
    assert found.attrs["atl08_granule"] == ""
    with pytest.raises(PairError, match=r"has no granule of ATL08 .*classes=\{\"atl08\":"):
        cb.open_beam(granule, "gt1l", ["h_ph"], classes="atl08")


def test_flags_say_what_they_mean(granule: Path, siblings: dict[str, Path]) -> None:
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl08": siblings["ATL08"]})
    label = found.class_atl08
    assert label.dtype == np.int8
    meanings = label.attrs["flag_meanings"].split()
    assert dict(zip(label.attrs["flag_values"].tolist(), meanings, strict=True)) == {
        -1: "not_listed",
        0: "noise",
        1: "ground",
        2: "canopy",
        3: "top_of_canopy",
    }


def test_other_datasets_of_the_photons_come_along(
    granule: Path, siblings: dict[str, Path]
) -> None:
    found = cb.open_beam(
        granule, "gt1l", ["h_ph", "atl08/ph_h"], classes={"atl08": siblings["ATL08"]}
    )
    listed = found.class_atl08 >= 0
    assert np.isnan(found.ph_h_atl08.values[~listed.values]).all()
    with h5py.File(siblings["ATL08"]) as file:
        expected = file["gt1l/signal_photons/ph_h"][:]
    np.testing.assert_array_equal(found.ph_h_atl08.values[listed.values], expected)


def test_bathymetry_bears_its_corrected_places(granule: Path, siblings: dict[str, Path]) -> None:
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl24": siblings["ATL24"]})
    deep = (found.class_atl24 == 40).values
    assert deep.any()
    np.testing.assert_allclose(
        found.ellipse_h_atl24.values[deep], found.h_ph.values[deep] + 0.25, rtol=1e-6
    )
    assert (found.lat_ph_atl24.values[deep] != found.lat_ph.values[deep]).all()


def test_photons_whose_segment_is_missing_are_counted(
    granule: Path, siblings: dict[str, Path], tmp_path: Path
) -> None:
    """A subset by time lacks the segments at its ends."""
    odd = tmp_path / siblings["ATL08"].name
    shutil.copy(siblings["ATL08"], odd)
    with h5py.File(odd, "r+") as file:
        file["gt1l/signal_photons/ph_segment_id"][-7:] += 10_000_000
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl08": odd})
    assert found.attrs["atl08_without_segment"] == 7
    expected = classes_of(granule, odd, "gt1l")
    np.testing.assert_array_equal(found.class_atl08, expected)


def test_a_beam_that_the_sibling_lacks_is_not_listed(
    granule: Path, siblings: dict[str, Path], tmp_path: Path
) -> None:
    lacking = tmp_path / siblings["ATL24"].name
    shutil.copy(siblings["ATL24"], lacking)
    with h5py.File(lacking, "r+") as file:
        del file["gt1l"]
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl24": lacking})
    assert (found.class_atl24 == -1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("time", 1e-7), r"\d of [\d,]+ photons .* have other times .*lineage names ATL03_"),
        (("classed_pc_indx", 1), "have other times there"),
        (("classed_pc_indx", 1_000_000), "have other times there"),
    ],
)
def test_a_pair_is_believed_by_its_times(
    granule: Path,
    siblings: dict[str, Path],
    tmp_path: Path,
    change: tuple[str, float],
    message: str,
) -> None:
    odd = tmp_path / siblings["ATL08"].name
    shutil.copy(siblings["ATL08"], odd)
    name, shift = change
    with h5py.File(odd, "r+") as file:
        dataset = file[f"gt1l/signal_photons/{'delta_time' if name == 'time' else name}"]
        dataset[5] = dataset[5] + shift
    with pytest.raises(PairError, match=message):
        cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl08": odd})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("_006_", "_005_", "release 005.*of release 006"),
        ("_007_", "_006_", "release 006.*of release 007"),
    ],
)
def test_another_release_is_refused(
    granule: Path, siblings: dict[str, Path], tmp_path: Path, old: str, new: str, message: str
) -> None:
    if old not in granule.name:
        pytest.skip("of the other release")
    odd = tmp_path / siblings["ATL08"].name.replace(old, new)
    shutil.copy(siblings["ATL08"], odd)
    with pytest.raises(PairError, match=message):
        cb.open_beam(granule, "gt1l", classes={"atl08": odd})


def test_another_revision_of_atl08_is_believed_and_of_atl24_is_not(
    granule: Path, tmp_path: Path
) -> None:
    name = granule.name[:36]
    newer = write_sibling(tmp_path / sibling_name(name, "ATL08", revision=9), granule)
    found = cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl08": newer})
    np.testing.assert_array_equal(found.class_atl08, classes_of(granule, newer, "gt1l"))
    other = f"{name[:-2]}{int(name[-2:]) + 1:02d}"
    bathymetry = write_sibling(tmp_path / sibling_name(other, "ATL24"), granule)
    with pytest.raises(PairError, match="made from release"):
        cb.open_beam(granule, "gt1l", ["h_ph"], classes={"atl24": bathymetry})


def test_indices_that_contradict_the_counts_are_left_aside(
    granule: Path, siblings: dict[str, Path], tmp_path: Path
) -> None:
    odd = tmp_path / granule.name
    shutil.copy(granule, odd)
    with h5py.File(odd, "r+") as file:
        index = file["gt1l/geolocation/ph_index_beg"]
        index[1:] = np.maximum(index[1:], 1) - 1
    with pytest.warns(SegmentsWarning, match="ATL08 is joined by segment_ph_cnt alone: "):
        found = cb.open_beam(odd, "gt1l", ["h_ph"], classes={"atl08": siblings["ATL08"]})
    expected = classes_of(granule, siblings["ATL08"], "gt1l")
    np.testing.assert_array_equal(found.class_atl08, expected)


def test_a_real_pair_is_joined_photon_for_photon(real_data: Path) -> None:
    folder = real_data / "siblings"
    name = "20220401221822_01501506_006_02_gt1r_clip.h5"
    if not (folder / f"ATL08_{name}").exists():
        pytest.skip(f"no ATL08_{name} in {folder}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentsWarning)
        found = cb.open_beam(
            folder / f"ATL03_{name}",
            "gt1r",
            ["h_ph", "atl08/delta_time"],
            classes={"atl08": folder / f"ATL08_{name}"},
        )
    listed = (found.class_atl08 >= 0).values
    assert listed.sum() == 1610
    assert found.attrs["atl08_without_segment"] == 161
    with h5py.File(folder / f"ATL03_{name}") as file:
        times = file["gt1r/heights/delta_time"][:]
    np.testing.assert_array_equal(found.delta_time_atl08.values[listed], times[listed])


DAMAGED = {
    "ATL08": (
        "signal_photons/ph_segment_id",
        "signal_photons/classed_pc_indx",
        "signal_photons/classed_pc_flag",
        "signal_photons/delta_time",
        "land_segments/segment_id_beg",
        "land_segments/n_seg_ph",
    ),
    "ATL24": ("index_ph", "class_ph", "delta_time", "lat_ph"),
}


@pytest.mark.parametrize(
    ("product", "path"), [(product, path) for product in DAMAGED for path in DAMAGED[product]]
)
@pytest.mark.parametrize("kind", ["twice", "text", "none", "huge", "short", "gone"])
def test_damaged_rows_are_an_error_of_the_tree_or_the_right_classes(
    granule: Path, siblings: dict[str, Path], tmp_path: Path, product: str, path: str, kind: str
) -> None:
    whole = siblings[product]
    odd = tmp_path / whole.name
    shutil.copy(whole, odd)
    with h5py.File(odd, "r+") as file:
        stored = file[f"gt1l/{path}"][:]
        del file[f"gt1l/{path}"]
        made = {
            "twice": np.stack([stored, stored], 1),
            "text": np.array([b"x"] * len(stored)),
            "none": np.full(len(stored), np.nan),
            "huge": np.full(len(stored), 2**62),
            "short": stored[:3],
        }
        if kind in made:
            file[f"gt1l/{path}"] = made[kind]
    place = cb.open_beam(granule, "gt1l", ["h_ph"])
    box = (-180, -90, 180, float(place.lat_ph.median()))
    # In a window, a segment that no file has is one outside of it.
    everywhere = kind == "huge" and path.endswith("ph_segment_id")
    for window in (None,) if everywhere else (None, box):
        try:
            found = cb.open_beam(granule, "gt1l", [], window, classes={product.lower(): odd})
        except CatalogBuilderError:
            continue
        name = f"class_{product.lower()}"
        if found.attrs.get("atl08_without_segment", 0) == 0:
            right = cb.open_beam(granule, "gt1l", [], window, classes={product.lower(): whole})
            np.testing.assert_array_equal(found[name], right[name])
