"""The same beam through references and through h5py."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_granule import NAME, SmallBeam, write_granule, write_usual_granule
from stored_files import asked

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.read import planned_beam, planned_read_tasks
from catalog_builder.beams.references.kerchunk_reader import read_references
from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    ReferencesWarning,
    SegmentsWarning,
    VariableNotFoundError,
)
from catalog_builder.products.atl03 import DEFAULT_VARIABLES
from earthdata_standin import EarthdataStandin
from tests.beams.bits import REAL, beam_datasets, require_same

SOME = [
    *DEFAULT_VARIABLES,
    "quality_ph",
    "geolocation/ph_index_beg",
    "geolocation/segment_id",
    "geolocation/delta_time",
    "geophys_corr/geoid",
]


@pytest.fixture(scope="session")
def granule(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    """A track over ±180, and a beam with photons in no segment."""
    long = SmallBeam(counts=[30, 0, 25] * 40, start=(10.0, 0.0), step=(1e-4, 6e-4))
    path = write_usual_granule(tmp_path_factory.mktemp("granule"), gt2l=long)
    return GranuleLinks(local=str(path))


@pytest.fixture(scope="session")
def references(granule: GranuleLinks) -> dict[Any, BeamReferences]:
    """As they come out of a catalog."""
    return {
        beam: read_references(write_references({beam: found}).body, beam)
        for beam, found in scan(granule).beams.items()
    }


def indexed_names(links: GranuleLinks, beam: str) -> list[str]:
    """Paths of the datasets that references lead to."""
    return [name for name in beam_datasets(links, beam) if not name.startswith("signal_find")]


# ---------------------------------------------------------------- the same Dataset


@pytest.mark.parametrize("chunks", [None, 500])
def test_the_real_beam(real_data: Path, chunks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    links = GranuleLinks(local=str(real_data / REAL))
    (known,) = scan(links).beams.values()
    known = read_references(write_references({"gt1l": known}).body, "gt1l")
    names = indexed_names(links, "gt1l")
    expected = open_beam(links, "gt1l", names, chunks=chunks).compute()
    box = [178.99, 87.0, 178.995, 88.0]
    expected_part = open_beam(links, "gt1l", names, bbox=box, chunks=chunks).compute()
    monkeypatch.setitem(sys.modules, "h5py", None)  # whoever imports it fails
    found = open_beam(links, "gt1l", names, chunks=chunks, references=known)
    assert (found.h_ph.chunks is None) == (chunks is None)
    require_same(found.compute(), expected)
    part = open_beam(links, "gt1l", names, bbox=box, chunks=chunks, references=known)
    require_same(part.compute(), expected_part)
    assert 0 < part.sizes["photon"] < found.sizes["photon"]


@pytest.mark.parametrize("beam", ["gt1l", "gt2l", "gt3r"])
def test_every_variable(
    granule: GranuleLinks, references: dict[Any, BeamReferences], beam: str
) -> None:
    names = indexed_names(granule, beam)
    expected = open_beam(granule, beam, names)
    require_same(open_beam(granule, beam, names, references=references[beam]), expected)
    for names in ([], "h_ph", ["x_atc"], ["delta_time", "geolocation/delta_time"], None):
        require_same(
            open_beam(granule, beam, names, references=references[beam]),
            open_beam(granule, beam, names),
        )


places = st.tuples(
    st.floats(9.9, 10.4), st.floats(0, 0.1), st.floats(-0.1, 2.1), st.floats(0, 0.5)
)


@settings(deadline=None, max_examples=40)
@given(
    box=st.none() | places,
    ends=st.none() | st.tuples(st.integers(-20000, 90000), st.integers(0, 50000)),
    lazy=st.booleans(),
)
def test_windows(granule, references, box, ends, lazy) -> None:
    bbox = datetime = None
    if box is not None:
        west, width, south, height = box
        bbox = [west, south, west + width, south + height]
    if ends is not None:
        start = np.datetime64("2019-04-02T12:00:00") + np.timedelta64(ends[0], "us")
        datetime = f"{start}Z/{start + np.timedelta64(ends[1], 'us')}Z"
    chunks = 100 if lazy else None
    expected = open_beam(granule, "gt2l", SOME, bbox, datetime, chunks=chunks).compute(
        scheduler="synchronous"
    )
    found = open_beam(
        granule, "gt2l", SOME, bbox, datetime, chunks=chunks, references=references["gt2l"]
    )
    require_same(found.compute(scheduler="synchronous"), expected)


@pytest.mark.parametrize("beam", ["gt1l", "gt3r"])
@pytest.mark.parametrize(
    "box",
    [
        [179.999, -18, -179.998, -16],
        [-180, -17, -179.999, -16.9],
        [0, 0, 1, 1],
        [-180, -90, 180, 90],
    ],
)
def test_windows_over_180(
    granule: GranuleLinks, references: dict[Any, BeamReferences], beam: str, box: list[float]
) -> None:
    require_same(
        open_beam(granule, beam, SOME, bbox=box, references=references[beam]),
        open_beam(granule, beam, SOME, bbox=box),
    )


def test_a_segment_without_a_place(tmp_path: Path) -> None:
    """Its photons are found by their own."""
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam(counts=[20] * 20, start=(10.0, 0.0)))
    with h5py.File(path, "r+") as file:
        file["gt1l/geolocation/reference_photon_lat"][12:15] = 3.4028235e38
        file["gt1l/geolocation/delta_time"][3] = np.nan
    links = GranuleLinks(local=str(path))
    known = scan(links).beams["gt1l"]
    whole = open_beam(links, "gt1l", ["h_ph"])
    window = {"bbox": [9, float(whole.lat_ph[255]), 11, float(whole.lat_ph[270])]}
    part = open_beam(links, "gt1l", ["h_ph"], **window)
    assert part.sizes["photon"] > 10
    require_same(open_beam(links, "gt1l", ["h_ph"], **window, references=known), part)


# ---------------------------------------------------------------- what it costs


def count_rounds(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by the plan of each round of requests."""
    plans: list[Any] = []
    read = planned_beam.read_planned

    def noted(links: GranuleLinks, plan: Any, *others: Any) -> dict[str, Any]:
        plans.append(plan)
        return read(links, plan, *others)

    for module in (planned_beam, planned_read_tasks):
        monkeypatch.setattr(module, "read_planned", noted)
    return plans


@pytest.mark.parametrize("access", ["s3", "https", "auto"])
def test_out_of_the_cloud(
    stored: tuple[GranuleLinks, Path],
    cloud: EarthdataStandin,
    access: Access,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links, _ = stored
    known = scan(links, access).beams["gt2l"]
    cloud.requests.clear()
    rounds = count_rounds(monkeypatch)
    found = open_beam(links, "gt2l", SOME, access=access, references=known)
    assert len(rounds) == 1
    gets = [r for r in cloud.requests if r.method == "GET" and r.path.endswith(".h5")]
    # The scan found the signed address already.
    assert {r.service for r in gets} == ({"download"} if access == "https" else {"s3"})
    if access != "https":
        assert 1 <= len(gets) <= 12
    require_same(found, open_beam(links, "gt2l", SOME, access=access))

    middle = float(found.lat_ph[len(found.lat_ph) // 2])
    box = [-180, middle - 0.05, 180, middle + 0.05]
    cloud.requests.clear()
    part = open_beam(links, "gt2l", SOME, bbox=box, access=access, references=known)
    assert len(rounds) == 2
    if access != "https":
        assert asked(cloud, "s3") <= 12
    require_same(part, open_beam(links, "gt2l", SOME, bbox=box, access=access))
    assert part.sizes["photon"] > 0

    nowhere = [-180, 0, 180, 0] if abs(middle) > 60 else [-180, 89.9, 180, 90]
    cloud.requests.clear()
    none = open_beam(links, "gt2l", SOME, bbox=nowhere, access=access, references=known)
    assert not cloud.requests
    require_same(none, open_beam(links, "gt2l", SOME, bbox=nowhere, access=access))


def test_out_of_region(cloud: EarthdataStandin, stored: tuple[GranuleLinks, Path]) -> None:
    links, path = stored
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    cloud.faults.in_region = False
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = open_beam(links, "gt1l", ["h_ph"], references=known)
    assert [one.category.__name__ for one in warned] in ([], ["AccessWarning"])
    assert found.attrs["source"] == links.https


# ---------------------------------------------------------------- where references fail


def falls_back(links: GranuleLinks, beam: str, known: BeamReferences, **how: Any) -> None:
    """One warning, and the Dataset that h5py reads."""
    expected = open_beam(links, beam, SOME, **how).compute()
    with pytest.warns(ReferencesWarning) as warned:
        found = open_beam(links, beam, SOME, references=known, **how).compute()
    assert len(warned) == 1
    require_same(found, expected)


@pytest.mark.parametrize("access", ["s3", "https"])
@pytest.mark.parametrize("chunks", [None, 900])
@pytest.mark.parametrize("wrong", [{"etag": '"another"'}, {"size": 123_456_789}])
def test_of_another_version(
    stored: tuple[GranuleLinks, Path], access: Access, chunks: Any, wrong: dict[str, Any]
) -> None:
    links, _ = stored
    known = replace(scan(links, access).beams["gt2l"], **wrong)
    falls_back(links, "gt2l", known, access=access, chunks=chunks)


@pytest.mark.parametrize("chunks", [None, 100])
@pytest.mark.parametrize("how", ["shifted", "short", "beyond"])
@pytest.mark.parametrize("path", ["heights/h_ph", "heights/lat_ph"])
def test_a_range_that_is_spoiled(
    granule: GranuleLinks,
    references: dict[Any, BeamReferences],
    path: str,
    how: str,
    chunks: Any,
) -> None:
    known = references["gt2l"]
    dataset = known.datasets[path]
    offsets, sizes = dataset.offsets.copy(), dataset.sizes.copy()
    if how == "shifted":
        offsets[3] += np.uint64(7)
    elif how == "short":
        sizes[3] -= np.uint64(5)
    else:
        offsets[3] = np.uint64(known.size - 4)
    spoiled = replace(dataset, offsets=offsets, sizes=sizes)
    known = replace(known, datasets={**known.datasets, path: spoiled})
    falls_back(granule, "gt2l", known, chunks=chunks)


def test_of_another_granule_or_beam(
    granule: GranuleLinks, references: dict[Any, BeamReferences]
) -> None:
    falls_back(granule, "gt1l", references["gt2l"])
    other = "ATL03_20190401120000_03850302_006_02"
    falls_back(granule, "gt1l", replace(references["gt1l"], granule=other))


def test_segments_that_lie_elsewhere(
    granule: GranuleLinks, references: dict[Any, BeamReferences]
) -> None:
    known = references["gt2l"]
    wrong = replace(known.positions, last_segment=known.positions.last_segment + 10_000)
    falls_back(granule, "gt2l", replace(known, positions=wrong), bbox=[9, 0.3, 11, 0.4])


FILTERS = ["hdf5:4:", "hdf5:3:4294967296", "hdf5:5", "hdf5:6:0,3", "hdf5:x", "unsupported:4", ""]


@pytest.mark.parametrize("chunks", [None, 100])
def test_a_filter_that_only_h5py_undoes(
    granule: GranuleLinks, references: dict[Any, BeamReferences], tmp_path: Path, chunks: Any
) -> None:
    """In a process of its own: HDF5 died of parameters that it was handed unchecked."""
    known = references["gt1l"]
    dataset = known.datasets["heights/h_ph"]
    for number, name in enumerate(FILTERS):
        odd = replace(dataset, filters=(name,), filter_masks=dataset.filter_masks + number)
        datasets = {**known.datasets, "heights/h_ph": odd}
        file = write_references({"gt1l": replace(known, datasets=datasets)})
        (tmp_path / str(number)).write_bytes(file.body)
    open_beam(granule, "gt1l").to_netcdf(tmp_path / "expected.nc")
    code = """
import sys, warnings
from pathlib import Path
import xarray as xr
from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.references.kerchunk_reader import read_references

folder, href, chunks, count = Path(sys.argv[1]), sys.argv[2], eval(sys.argv[3]), int(sys.argv[4])
expected = xr.load_dataset(folder / "expected.nc")
for number in range(count):
    known = read_references((folder / str(number)).read_bytes(), "gt1l")
    links = GranuleLinks(local=href)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = open_beam(links, "gt1l", chunks=chunks, references=known).compute()
        assert (found.h_ph.values == expected.h_ph.values).all(), number
    assert len(warned) == 1, (number, warned)
    assert "h_ph is stored with" in str(warned[0].message), warned[0].message
    # What the rest of the set leads to is read by it still.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_beam(links, "gt1l", ["quality_ph"], references=known)
"""
    arguments = [str(tmp_path), str(granule.local), repr(chunks), str(len(FILTERS))]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_references_leave_out(
    granule: GranuleLinks, references: dict[Any, BeamReferences]
) -> None:
    names = ["h_ph", "signal_find_output/land/bckgrd_mean"]
    require_same(
        open_beam(granule, "gt1l", names, references=references["gt1l"]),
        open_beam(granule, "gt1l", names),
    )


def test_a_damaged_mapping(granule: GranuleLinks, tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    links = GranuleLinks(local=str(path))
    known = scan(links).beams["gt1l"]
    with h5py.File(path, "r+") as file:
        file["gt1l/geolocation/segment_ph_cnt"][0] = 77
    known = replace(known, size=path.stat().st_size)
    if known.datasets["geolocation/segment_ph_cnt"].inline is not None:
        pytest.skip("kept with the references")
    with (
        pytest.warns(ReferencesWarning),
        pytest.warns(SegmentsWarning, match="x_atc is left out: Segment 0 claims"),
    ):
        found = open_beam(links, "gt1l", references=known)
    assert found.sizes["photon"] == 95
    assert "x_atc" not in found.coords


@pytest.mark.parametrize("name", ["h_hp", "segment_id", "geolocation", "no/such/thing"])
def test_the_same_errors(
    granule: GranuleLinks, references: dict[Any, BeamReferences], name: str
) -> None:
    def message(**how: Any) -> str:
        with pytest.raises(VariableNotFoundError) as error:
            open_beam(granule, "gt1l", ["h_ph", name], **how)
        return str(error.value)

    assert message(references=references["gt1l"]) == message()
