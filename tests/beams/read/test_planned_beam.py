"""The same beam through references and through h5py."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import intake
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from older_references import older_set
from published_catalog import publish
from scripted_server import ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from stored_files import asked
from web_folder import serve_folder

from catalog_builder.atl03 import DEFAULT_VARIABLES, GranuleName
from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.read import planned_beam, planned_read_tasks, rejected_references
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.kerchunk_reader import read_references
from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    BeamError,
    BeamNotFoundError,
    CatalogNotFoundError,
    EmptyBeamError,
    ReferencesError,
    ReferencesWarning,
    StaleReferencesError,
    VariableNotFoundError,
)
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening import one_granule as opening
from earthdata_standin import EarthdataStandin

REAL = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"
SOME = [
    *DEFAULT_VARIABLES,
    "quality_ph",
    "geolocation/ph_index_beg",
    "geolocation/segment_id",
    "geolocation/delta_time",
    "geophys_corr/geoid",
]


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test finds wrong does not count in the next."""
    monkeypatch.setattr(rejected_references, "_rejected", set())


@pytest.fixture(scope="session")
def granule(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    """A track over ±180, and a beam with photons in no segment."""
    path = tmp_path_factory.mktemp("granule") / NAME
    write_granule(
        path,
        gt1l=SmallBeam(),
        gt1r=SmallBeam(counts=[0, 0, 0]),
        gt2l=SmallBeam(counts=[30, 0, 25] * 40, start=(10.0, 0.0), step=(1e-4, 6e-4)),
        gt3r=SmallBeam(counts=[0, 4, 20, 0, 9], orphans=6, attrs={}),
    )
    return GranuleLinks(local=str(path))


@pytest.fixture(scope="session")
def references(granule: GranuleLinks) -> dict[Any, BeamReferences]:
    """As they come out of a catalog."""
    return {
        beam: read_references(write_references({beam: found}).body, beam)
        for beam, found in scan(granule).beams.items()
    }


def same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Bits, types, attributes and encodings alike."""
    xr.testing.assert_identical(found, expected)
    assert list(found.variables) == list(expected.variables)
    for name, array in expected.variables.items():
        other = found[name]
        assert other.dtype == array.dtype, name
        assert other.values.tobytes() == array.values.tobytes(), name
        assert other.encoding == array.encoding, name
        assert {key: type(value) for key, value in other.attrs.items()} == {
            key: type(value) for key, value in array.attrs.items()
        }, name


def all_names(links: GranuleLinks, beam: str) -> list[str]:
    names: list[str] = []
    assert links.local is not None
    with h5py.File(links.local) as file:
        file[beam].visititems(
            lambda path, found: (
                names.append(path) if isinstance(found, h5py.Dataset) and found.ndim else None
            )
        )
    return [name for name in names if not name.startswith("signal_find_output")]


# ---------------------------------------------------------------- the same Dataset


@pytest.mark.parametrize("chunks", [None, 500])
def test_the_real_beam(real_data: Path, chunks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    links = GranuleLinks(local=str(real_data / REAL))
    (known,) = scan(links).beams.values()
    known = read_references(write_references({"gt1l": known}).body, "gt1l")
    names = all_names(links, "gt1l")
    expected = open_beam(links, "gt1l", names, chunks=chunks).compute()
    box = [178.99, 87.0, 178.995, 88.0]
    expected_part = open_beam(links, "gt1l", names, bbox=box, chunks=chunks).compute()
    monkeypatch.setitem(sys.modules, "h5py", None)  # whoever imports it fails
    found = open_beam(links, "gt1l", names, chunks=chunks, references=known)
    assert (found.h_ph.chunks is None) == (chunks is None)
    same(found.compute(), expected)
    part = open_beam(links, "gt1l", names, bbox=box, chunks=chunks, references=known)
    same(part.compute(), expected_part)
    assert 0 < part.sizes["photon"] < found.sizes["photon"]


@pytest.mark.parametrize("beam", ["gt1l", "gt2l", "gt3r"])
def test_every_variable(
    granule: GranuleLinks, references: dict[Any, BeamReferences], beam: str
) -> None:
    names = all_names(granule, beam)
    expected = open_beam(granule, beam, names)
    same(open_beam(granule, beam, names, references=references[beam]), expected)
    for names in ([], "h_ph", ["x_atc"], ["delta_time", "geolocation/delta_time"], None):
        same(
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
    same(found.compute(scheduler="synchronous"), expected)


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
    same(
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
    same(open_beam(links, "gt1l", ["h_ph"], **window, references=known), part)


# ---------------------------------------------------------------- what it costs


def count_rounds(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by the plan of each round of requests."""
    plans: list[Any] = []
    read = planned_beam.read_planned

    def noted(links: GranuleLinks, plan: Any, access: Access) -> dict[str, Any]:
        plans.append(plan)
        return read(links, plan, access)

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
    assert {r.service for r in gets} == ({"data", "download"} if access == "https" else {"s3"})
    if access != "https":
        assert 1 <= len(gets) <= 12
    same(found, open_beam(links, "gt2l", SOME, access=access))

    middle = float(found.lat_ph[len(found.lat_ph) // 2])
    box = [-180, middle - 0.05, 180, middle + 0.05]
    cloud.requests.clear()
    part = open_beam(links, "gt2l", SOME, bbox=box, access=access, references=known)
    assert len(rounds) == 2
    if access != "https":
        assert asked(cloud, "s3") <= 12
    same(part, open_beam(links, "gt2l", SOME, bbox=box, access=access))
    assert part.sizes["photon"] > 0

    nowhere = [-180, 0, 180, 0] if abs(middle) > 60 else [-180, 89.9, 180, 90]
    cloud.requests.clear()
    none = open_beam(links, "gt2l", SOME, bbox=nowhere, access=access, references=known)
    assert not cloud.requests
    same(none, open_beam(links, "gt2l", SOME, bbox=nowhere, access=access))


def test_lazily_nothing_is_asked_for(
    stored: tuple[GranuleLinks, Path], cloud: EarthdataStandin
) -> None:
    links, _ = stored
    known = scan(links, "s3").beams["gt2l"]
    expected = open_beam(links, "gt2l", SOME, access="s3")
    cloud.requests.clear()
    lazy = open_beam(links, "gt2l", SOME, access="s3", chunks=700, references=known)
    assert all(array.chunks for name, array in lazy.variables.items() if name != "surface_type")
    assert not cloud.requests
    same(lazy.compute(), expected)

    cloud.requests.clear()
    np.testing.assert_array_equal(lazy.h_ph[:700], expected.h_ph[:700])
    assert asked(cloud, "s3") == 1

    sent = pickle.dumps(lazy)
    assert cloud.token.encode() not in sent
    same(pickle.loads(sent).compute(scheduler="synchronous"), expected)


def test_a_task_carries_its_own_chunks_alone(
    granule: GranuleLinks, references: dict[Any, BeamReferences]
) -> None:
    tasks = planned_read_tasks.PlannedReadTasks(
        links=granule, access="auto", references=references["gt2l"]
    )
    part = RowSlices(start=np.array([100]), stop=np.array([120]))
    task = tasks.rows("heights/signal_conf_ph", part)
    assert len(pickle.dumps(task)) < 4_000
    with h5py.File(granule.local) as file:
        assert np.array_equal(task(), file["gt2l/heights/signal_conf_ph"][100:120])


def test_worker_processes(stored: tuple[GranuleLinks, Path]) -> None:
    links, path = stored
    known = scan(links, "s3").beams["gt1r"]
    local = open_beam(GranuleLinks(local=str(path)), "gt1r", ["h_ph"])
    lazy = open_beam(links, "gt1r", ["h_ph"], chunks=700, references=known)
    xr.testing.assert_equal(lazy.compute(scheduler="processes", num_workers=2), local)


def test_out_of_region(cloud: EarthdataStandin, stored: tuple[GranuleLinks, Path]) -> None:
    links, path = stored
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    cloud.faults.in_region = False
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = open_beam(links, "gt1l", ["h_ph"], references=known)
    assert [one.category.__name__ for one in told] in ([], ["AccessWarning"])
    assert found.attrs["source"] == links.https


# ---------------------------------------------------------------- where references fail


def falls_back(links: GranuleLinks, beam: str, known: BeamReferences, **how: Any) -> None:
    """One warning, and the Dataset that h5py reads."""
    expected = open_beam(links, beam, SOME, **how).compute()
    with pytest.warns(ReferencesWarning) as told:
        found = open_beam(links, beam, SOME, references=known, **how).compute()
    assert len(told) == 1
    same(found, expected)


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


def test_replaced_since_it_was_opened(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    links = GranuleLinks(local=str(path))
    lazy = open_beam(links, "gt1l", chunks=40, references=scan(links).beams["gt1l"])
    path.unlink()
    write_granule(path, gt1l=SmallBeam(counts=[10, 10]))
    with pytest.warns(ReferencesWarning), pytest.raises(StaleReferencesError, match="=False"):
        lazy.h_ph.compute()
    with pytest.raises(StaleReferencesError, match="=False"):
        lazy.x_atc.compute()


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
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = open_beam(links, "gt1l", chunks=chunks, references=known).compute()
        assert (found.h_ph.values == expected.h_ph.values).all(), number
    assert len(told) == 1, (number, told)
    assert "h_ph is stored with" in str(told[0].message), told[0].message
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
    same(
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
    with pytest.warns(ReferencesWarning), pytest.raises(BeamError, match="Segment 0 claims"):
        open_beam(links, "gt1l", references=known)


@pytest.mark.parametrize("name", ["h_hp", "segment_id", "geolocation", "no/such/thing"])
def test_the_same_errors(
    granule: GranuleLinks, references: dict[Any, BeamReferences], name: str
) -> None:
    def told(**how: Any) -> str:
        with pytest.raises(VariableNotFoundError) as error:
            open_beam(granule, "gt1l", ["h_ph", name], **how)
        return str(error.value)

    assert told(references=references["gt1l"]) == told()


# ---------------------------------------------------------------- through an item


@pytest.fixture(params=[False, True], ids=["one file", "layout 1"])
def older(request: pytest.FixtureRequest) -> bool:
    """Whether references lie in a file a beam."""
    return bool(request.param)


@pytest.fixture
def published(references: dict[Any, BeamReferences], tmp_path: Path, older: bool) -> Path:
    """A folder of references."""
    (tmp_path / "sets").mkdir()
    if older:
        for beam, known in references.items():
            (tmp_path / "sets" / f"{beam}.json.zst").write_bytes(older_set(known))
    else:
        file = write_references(references)
        (tmp_path / "sets" / "all.json.zst").write_bytes(file.body)
    return tmp_path


@pytest.fixture
def item(
    granule: GranuleLinks, references: dict[Any, BeamReferences], published: Path, older: bool
) -> dict[str, Any]:
    frames = write_references(references).frames
    facts = {
        beam: {
            "photons": known.positions.photons,
            **({} if older else {"references": frames[beam].to_dict()}),
        }
        for beam, known in references.items()
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": NAME.removesuffix(".h5"),
        "geometry": None,
        "properties": {"datetime": "2019-04-01T12:00:00Z", "icesat2:beams": facts},
        "links": [{"rel": "self", "href": f"{published}/items/item.json"}],
        "assets": {
            "data": {"href": Path(str(granule.local)).as_uri()},
            **{
                f"references_{file.name[:4]}" if older else "references": {
                    "href": f"../sets/{file.name}"
                }
                for file in sorted((published / "sets").iterdir())
            },
        },
    }


@pytest.fixture
def hosted(
    granule: GranuleLinks, published: Path, item: dict[str, Any]
) -> Iterator[ScriptedServer]:
    """A web server with the item's reference sets and its granule."""
    shutil.copy(str(granule.local), published / NAME)
    with ScriptedServer(serve_folder(published)) as server:
        item["links"][0]["href"] = f"{server.url}/items/item.json"
        item["assets"]["data"]["href"] = f"../{NAME}"
        yield server


def test_an_items_references_are_read_once(
    item: dict[str, Any], hosted: ScriptedServer, older: bool
) -> None:
    import pystac

    lazy = opening.open_lazy(item, "gt2l", ["h_ph"])
    (request,) = hosted.asked
    path = f"/sets/{'gt2l' if older else 'all'}.json.zst"
    assert (request.method, request.path) == ("GET", path)
    assert ("Range" in request.headers) is not older
    expected = open_beam(GranuleLinks(https=f"{hosted.url}/{NAME}"), "gt2l", ["h_ph"])
    same(lazy.compute(), expected)
    same(opening.open_beam(pystac.Item.from_dict(item), "gt2l", ["h_ph"]), expected)
    # Read once. In layout 1 it is asked for then whether it was replaced: this host tells no
    # versions apart.
    assert [one.path for one in hosted.asked].count(path) == (2 if older else 1)
    same(opening.open_beam(item, "gt2l", ["h_ph"], references=False), expected)


def test_given_references(
    granule: GranuleLinks, references: dict[Any, BeamReferences], published: Path, older: bool
) -> None:
    assert granule.local is not None
    path = published / "sets" / ("gt1l.json.zst" if older else "all.json.zst")
    expected = open_beam(granule, "gt1l")
    for given_ in (path, str(path), path.as_uri(), references["gt1l"], False, None):
        same(opening.open_beam(granule.local, "gt1l", references=given_), expected)
    with pytest.raises(CatalogNotFoundError, match="nowhere"):
        opening.open_beam(granule.local, "gt1l", references=published / "nowhere")
    (published / "text").write_text("<html>")
    with pytest.raises(ReferencesError):
        opening.open_beam(granule.local, "gt1l", references=published / "text")


@pytest.mark.parametrize("how", ["gone", "text", "another beam's", "nowhere"])
def test_an_items_references_that_are_none(
    granule: GranuleLinks, item: dict[str, Any], published: Path, how: str, older: bool
) -> None:
    facts = item["properties"]["icesat2:beams"]
    file = published / "sets" / ("gt1l.json.zst" if older else "all.json.zst")
    if how == "gone":
        file.unlink()
    elif how == "text":
        file.write_text("<html>")
    elif how == "nowhere":
        if older:
            item["assets"]["references_gt1l"]["href"] = "../sets/nowhere"
        else:
            facts["gt1l"]["references"] = {"offset": -1}
    elif not older:
        facts["gt1l"]["references"] = facts["gt2l"]["references"]
    else:
        file.write_bytes((published / "sets" / "gt2l.json.zst").read_bytes())
    with pytest.warns(ReferencesWarning) as told:
        found = opening.open_beam(item, "gt1l")
    assert len(told) == 1
    assert told[0].filename == __file__
    same(found, open_beam(granule, "gt1l"))
    with pytest.warns(ReferencesWarning) as told:
        tree = opening.open_granule(item)
    assert len(told) == 1
    assert list(tree.children) == ["gt1l", "gt2l", "gt3r"]


@pytest.mark.parametrize("older", [False], indirect=True, ids=["one file"])
def test_all_beams_in_one_request(item: dict[str, Any], hosted: ScriptedServer) -> None:
    expected = opening.open_granule(f"{hosted.url}/{NAME}")
    hosted.asked.clear()
    lazy = opening.open_granule(item, chunks="auto")
    assert [one.path for one in hosted.asked] == ["/sets/all.json.zst"]
    for beam in expected.children:
        same(lazy[beam].to_dataset().compute(), expected[beam].to_dataset())


def test_beams_without_references(item: dict[str, Any]) -> None:
    with pytest.raises(EmptyBeamError, match="these do: gt1l, gt2l, gt3r"):
        opening.open_beam(item, "gt1r")
    with pytest.raises(BeamNotFoundError, match="it has gt1l, gt1r, gt2l, gt3r"):
        opening.open_beam(item, "gt3l")


def test_through_intake(cloud: EarthdataStandin, tmp_path: Path) -> None:
    folder = publish(tmp_path / "catalog")
    with ThreadPoolExecutor(1) as executor:
        index_catalog(folder, executor=executor, limit=1)
    (file,) = folder.rglob("*.json.zst")
    granule = GranuleName.parse(file.name).id
    with ScriptedServer(serve_folder(folder)) as server:
        cat = intake.open_catalog(f"{server.url}/catalog.yml")
        source = cat.beam(granule=granule, beam="gt2l", variables=["h_ph", "geophys_corr/geoid"])
        server.asked.clear()
        cloud.requests.clear()
        lazy = source.to_dask()
        assert source.discover()["shape"] == dict(lazy.sizes)
        assert [Path(one.path).suffix for one in server.asked] == [".json", ".zst"]
        assert not cloud.requests
        found = source.read()
        assert len(server.asked) == 2
        plain = source(references=False).read()
    same(found, plain)
    same(lazy.compute(), plain)


def test_no_h5py_on_the_way(item: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "item.pickle").write_bytes(pickle.dumps(item))
    code = (
        "import pickle, sys; from catalog_builder.opening.one_granule import open_beam, open_lazy;"
        "item = pickle.load(open(sys.argv[1], 'rb'));"
        "open_beam(item, 'gt2l').h_ph.sum(); open_lazy(item, 'gt2l').h_ph.sum().compute();"
        "print(*sorted({'h5py', 's3fs', 'kerchunk', 'zarr'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "item.pickle")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == []
