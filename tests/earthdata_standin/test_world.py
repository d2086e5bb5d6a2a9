"""The stand-in's world against real records and a real granule."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from earthdata_standin.beam import BLOCK, SimulatedBeam, sc_orient
from earthdata_standin.granule_files import write_granule
from earthdata_standin.layout import PAGE_SIZE
from earthdata_standin.objects import Objects
from earthdata_standin.product import Product
from earthdata_standin.records import on_premises_record
from earthdata_standin.rings import HALF_WIDTH
from earthdata_standin.segments import EPOCH, choose_segments
from earthdata_standin.tracks import (
    BEAM_OFFSETS,
    FIRST_DATA,
    Pass,
    distance,
)
from earthdata_standin.world import World

WGS84 = pyproj.Geod(ellps="WGS84")
CLOUD_007 = "C3326974349-NSIDC_CPRD"
CLOUD_006 = "C2596864127-NSIDC_CPRD"
ON_PREMISES_006 = "C2559919423-NSIDC_ECS"
REAL_SUBSET = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"

FLOWN = Pass(rgt=235, cycle=1, region=4)
"""The pass of the real subset."""


@pytest.fixture(scope="module")
def simulated() -> World:
    return World.simulate(granules=60, photons=2_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The real subset's pass in both releases, some beams amiss."""
    folder = tmp_path_factory.mktemp("granules")
    for release in ("006", "007"):
        write_granule(
            folder / release,
            Product(flown=FLOWN, release=release),
            photons=25_000,
            missing=("gt2r",),
            empty=("gt3l",),
        )
    return {release: folder / release for release in ("006", "007")}


def points_of(record: dict[str, Any]) -> np.ndarray:
    """A ring's vertices, (longitude, latitude), longitudes not wrapped."""
    domain = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]
    (polygon,) = domain["Geometry"]["GPolygons"]
    points = np.array(
        [(point["Longitude"], point["Latitude"]) for point in polygon["Boundary"]["Points"]]
    )
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    return points


def in_collection(world: World, concept_id: str) -> list[dict[str, Any]]:
    return [
        record
        for record in world.granules
        if record["meta"]["collection-concept-id"] == concept_id
    ]


def real_records(real_data: Path) -> list[dict[str, Any]]:
    path = real_data / "cmr" / "atl03_v007_granules.umm.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def file_name(record: dict[str, Any]) -> str:
    url: str = record["umm"]["RelatedUrls"][0]["URL"]
    return url.rpartition("/")[2]


# Tracks


def on_sphere(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Unit vectors, shape (points, 3)."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)


def test_real_rings_lie_along_simulated_tracks(real_data: Path) -> None:
    """Each long side keeps its distance; the satellite points aside on purpose now and then."""
    bends: list[float] = []
    middles, widths, delays = [], [], []
    for record in real_records(real_data):
        name = file_name(record)
        flown = Pass(rgt=int(name[21:25]), cycle=int(name[25:27]), region=int(name[27:29]))
        track = on_sphere(*flown.position(np.linspace(*flown.u_range, 601)))
        ring = on_sphere(*points_of(record)[:-1].T)
        nearest = np.clip(np.argmax(ring @ track.T, axis=1), 1, len(track) - 2)
        left = np.cross(track[nearest], track[nearest + 1] - track[nearest - 1])
        left /= np.linalg.norm(left, axis=1, keepdims=True)
        across = 6_371.0 * np.sum((ring - track[nearest]) * left, axis=1)
        sides = across > np.median(across), across <= np.median(across)
        far, near = (np.median(across[side]) for side in sides)
        middles.append((far + near) / 2)
        widths.append(far - near)
        for side in sides:
            bends.extend(np.abs(across[side] - np.median(across[side])))
        times = record["umm"]["TemporalExtent"]["RangeDateTime"]
        begin = datetime.fromisoformat(times["BeginningDateTime"])
        delays.append((begin - flown.start).total_seconds())
    assert np.median(bends) < 0.3
    assert np.percentile(bends, 75) < 1.0
    assert np.percentile(np.abs(middles), 90) < 8.0
    assert np.median(widths) == pytest.approx(2 * HALF_WIDTH / 1_000, abs=0.05)
    assert np.percentile(np.abs(delays), 99) < 100.0


def test_node_orbit_and_directions_match_a_real_on_premises_record(real_data: Path) -> None:
    path = real_data / "cmr" / "ecs_atl03_v005_granule.umm.json"
    (real,) = json.loads(path.read_text())["items"]
    flown = Pass(rgt=335, cycle=17, region=5)
    made = on_premises_record(Product(flown=flown, release="006"), serial=1)

    def orbit(record: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Orbit"]
        return found

    crossing = orbit(made).pop("AscendingCrossing")
    assert crossing == pytest.approx(orbit(real).pop("AscendingCrossing"), abs=0.01)
    assert orbit(made) == orbit(real)
    (domain,), (real_domain,) = (
        record["umm"]["OrbitCalculatedSpatialDomains"] for record in (made, real)
    )
    assert domain["OrbitNumber"] == real_domain["OrbitNumber"]
    between = datetime.fromisoformat(domain["EquatorCrossingDateTime"]) - datetime.fromisoformat(
        real_domain["EquatorCrossingDateTime"]
    )
    assert abs(between.total_seconds()) < 100
    assert made["umm"].keys() == real["umm"].keys()
    assert len(made["umm"]["RelatedUrls"]) == len(real["umm"]["RelatedUrls"])


def test_segments_lie_where_a_real_granule_has_them(real_data: Path) -> None:
    with h5py.File(real_data / REAL_SUBSET) as file:
        real = {name: values[()] for name, values in file["gt1l/geolocation"].items()}
        left = file["gt1l/heights/dist_ph_across"][0]
    u = np.interp(
        real["segment_dist_x"], distance(np.linspace(0, 180, 18_001)), np.linspace(0, 180, 18_001)
    )
    lon, lat = FLOWN.position(u, np.array(left))
    _, _, off = WGS84.inv(lon, lat, real["reference_photon_lon"], real["reference_photon_lat"])
    assert np.max(off) < 1_000.0
    time = [(FLOWN.time_at(float(x)) - EPOCH).total_seconds() for x in u]
    assert np.max(np.abs(time - real["delta_time"])) < 90.0


@given(
    rgt=st.integers(1, 1387),
    region=st.integers(1, 14),
    part=st.floats(0.02, 0.98),
    left=st.floats(-7_000.0, 7_000.0),
)
def test_positions_lie_as_far_to_the_left_as_requested(
    rgt: int, region: int, part: float, left: float
) -> None:
    flown = Pass(rgt=rgt, cycle=3, region=region)
    start, end = flown.u_range
    u = np.array([start + part * (end - start), start + part * (end - start) + 1e-3])
    lon, lat = flown.position(u)
    beside_lon, beside_lat = flown.position(u, np.full(2, left))
    ahead, _, step = WGS84.inv(lon[0], lat[0], lon[1], lat[1])
    aside, _, off = WGS84.inv(lon[0], lat[0], beside_lon[0], beside_lat[0])
    assert off == pytest.approx(abs(left), rel=1e-3, abs=0.01)
    if off > 10:
        turned = (aside - ahead + 180.0) % 360.0 - 180.0
        assert turned == pytest.approx(-90.0 if left > 0 else 90.0, abs=0.5)
    assert step == pytest.approx(np.diff(distance(u))[0], rel=1e-2)


def test_a_revolution_is_its_fourteen_regions() -> None:
    passes = [Pass(rgt=1387, cycle=2, region=region) for region in range(1, 15)]
    assert passes[0].u_range[0] == 0.0
    assert passes[-1].u_range[1] == 360.0
    for before, after in pairwise(passes):
        assert before.u_range[1] == after.u_range[0]
        assert before.latitudes[1] == after.latitudes[0]
        assert before.end == after.start
    following = Pass(rgt=1, cycle=3, region=1)
    assert abs((following.start - passes[-1].end).total_seconds()) < 1e-3
    lon, _ = passes[-1].position(np.array([360.0]))
    assert lon[0] == pytest.approx(following.node_longitude, abs=1e-6)
    for flown in passes:
        _, lat = flown.position(np.array(flown.u_range))
        assert lat == pytest.approx(flown.latitudes, abs=1e-6)


# Records


def test_records_are_valid_umm(real_data: Path, simulated: World) -> None:
    schema = json.loads((real_data / "cmr" / "umm-g-v1.6.6.schema.json").read_text())
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    for record in simulated.granules:
        validator.validate(record["umm"])


def test_records_have_what_real_ones_have(real_data: Path, simulated: World) -> None:
    real = real_records(real_data)[0]
    for record in in_collection(simulated, CLOUD_007):
        assert record["meta"].keys() == real["meta"].keys()
        assert record["umm"].keys() == real["umm"].keys()
    example = json.loads((real_data / "cmr" / "pocloud_collection_example.umm.json").read_text())
    (item,) = example["items"]
    for collection in simulated.collections:
        missing = item["umm"].keys() - collection["umm"].keys()
        assert missing <= {
            "AdditionalAttributes",
            "PublicationReferences",
            "DataDates",
            "DirectDistributionInformation",
        }


def test_archives_hold_different_granules(simulated: World) -> None:
    counts = Counter(record["meta"]["collection-concept-id"] for record in simulated.granules)
    assert counts[CLOUD_007] == 60
    assert len({CLOUD_006, CLOUD_007, ON_PREMISES_006} & counts.keys()) == 3
    assert len(set(counts.values())) == 3
    assert {
        collection["meta"]["concept-id"]: collection["meta"]["granule-count"]
        for collection in simulated.collections
    } == counts
    cloud = {file_name(record)[:29] for record in in_collection(simulated, CLOUD_006)}
    on_premises = {file_name(record)[:29] for record in in_collection(simulated, ON_PREMISES_006)}
    assert cloud - on_premises
    assert on_premises - cloud
    ids = [record["meta"]["concept-id"] for record in simulated.granules]
    assert len(set(ids)) == len(ids)
    starts = [
        record["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"]
        for record in simulated.granules
    ]
    assert datetime.fromisoformat(min(starts)) >= FIRST_DATA
    assert datetime.fromisoformat(max(starts)) < datetime(2025, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_searches_find_some(seed: int) -> None:
    records = in_collection(World.simulate(granules=8, seed=seed), CLOUD_007)
    swaths = [shapely.Polygon(points_of(record)) for record in records]
    juneau = shapely.box(-135.1977, 58.3325, -133.3410, 58.9839)
    fiji = [shapely.box(176.5 + x, -20.0, 182.0 + x, -15.5) for x in (-360.0, 0.0, 360.0)]
    assert sum(swath.intersects(juneau) for swath in swaths) >= 2
    assert sum(any(swath.intersects(box) for box in fiji) for swath in swaths) >= 2
    first_months = [
        record
        for record, swath in zip(records, swaths, strict=True)
        if swath.bounds[1] < -78.0
        and record["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"] < "2019-02"
    ]
    assert first_months


def test_rings_are_written_as_nasa_writes_them(simulated: World) -> None:
    rings = [points_of(record) for record in simulated.granules if "GPolygons" in str(record)]
    assert all(9 <= len(ring) <= 51 and len(ring) % 2 == 1 for ring in rings)
    assert all((np.abs(ring[0, 1] - ring[-1, 1]) == 0) for ring in rings)
    clockwise = [
        not shapely.LinearRing(ring).is_ccw for ring in rings if np.abs(ring[:, 1]).max() < 79.5
    ]
    assert 0 < np.mean(clockwise) < 0.4
    crossing = [
        record
        for record in in_collection(simulated, CLOUD_007)
        if np.ptp(points_of(record)[:, 0]) < 90 and np.abs(points_of(record)[:, 0]).max() > 180
    ]
    assert crossing
    assert all(
        abs(point["Longitude"]) <= 180
        for record in crossing
        for point in record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"][
            "GPolygons"
        ][0]["Boundary"]["Points"]
    )


def test_oddities_are_there(simulated: World) -> None:
    by_name = {
        file_name(record).removesuffix(".h5"): record
        for record in in_collection(simulated, CLOUD_007)
    }
    assert by_name[simulated.odd["revised"]]["umm"]["GranuleUR"].endswith("_007_02.h5")
    suffixed = by_name[simulated.odd["suffixed"]]
    assert suffixed["umm"]["GranuleUR"].startswith(file_name(suffixed) + "_")
    links = by_name[simulated.odd["no direct access"]]["umm"]["RelatedUrls"]
    assert not [link for link in links if link["URL"].startswith("s3://nsidc-cumulus-prod-prot")]
    assert [link for link in links if link["URL"].startswith("s3://nsidc-cumulus-prod-public")]
    share = np.mean(
        [not record["umm"]["GranuleUR"].endswith(".h5") for record in by_name.values()]
    )
    assert share == pytest.approx(0.07, abs=0.03)
    images = [
        sum(link["Type"] == "GET RELATED VISUALIZATION" for link in record["umm"]["RelatedUrls"])
        for record in in_collection(simulated, ON_PREMISES_006)
    ]
    assert min(images) == 0
    assert max(images) == 35


def test_the_same_seed_gives_the_same_world(simulated: World) -> None:
    again = World.simulate(granules=60, photons=2_000)
    assert again.granules == simulated.granules
    assert World.simulate(granules=60, seed=1).granules != simulated.granules


# Objects


def test_files_are_made_once_on_access(tmp_path: Path) -> None:
    world = World.simulate(granules=3, photons=1_000, folder=tmp_path)
    assert not list(tmp_path.rglob("*.h5"))
    key = next(key for key in world.objects if key.endswith(".h5"))
    with ThreadPoolExecutor(4) as pool:
        (path,) = set(pool.map(world.objects.get, [key] * 4))
    assert path is not None
    assert [found.name for found in tmp_path.rglob("*") if found.is_file()] == [path.name]
    assert path.name == key.rpartition("/")[2]
    assert world.objects.get("nsidc-cumulus-prod-protected/nothing.h5") is None
    xml = next(key for key in world.objects if key.endswith(".iso.xml"))
    made = world.objects.get(xml)
    assert made is not None
    assert path.stem in made.read_text()


def test_a_failed_make_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    objects = Objects({"bucket/key": tmp_path / "key"}, {"bucket/key": fail})
    with pytest.raises(OSError, match="disk full"):
        objects.get("bucket/key")
    assert not list(tmp_path.iterdir())


def test_every_data_link_leads_to_an_object(simulated: World) -> None:
    keys = set(simulated.objects)
    for record in simulated.granules:
        for link in record["umm"]["RelatedUrls"]:
            if link["Type"] == "GET DATA VIA DIRECT ACCESS":
                assert link["URL"].removeprefix("s3://") in keys


def test_sizes_and_checksums_are_true_or_not_there(tmp_path: Path) -> None:
    world = World.simulate(granules=4, photons=1_000, folder=tmp_path, made=2)
    files = {path.name: path for path in tmp_path.rglob("*.h5")}
    assert len(files) == 2
    checked = 0
    for record in in_collection(world, CLOUD_007):
        (info,) = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
        path = files.get(info["Name"])
        if path is None:
            assert "Checksum" not in info
            assert info.get("SizeUnit", "NA") == "NA"
            continue
        assert info["Size"] * 2**20 == path.stat().st_size
        if "Checksum" in info:
            checked += 1
            assert info["SizeInBytes"] == path.stat().st_size
            assert info["Checksum"]["Value"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checked == 1


# Given records


def test_real_records_are_served_as_they_are(real_data: Path) -> None:
    path = real_data / "cmr" / "atl03_v007_granules.umm.jsonl"
    world = World.from_records(path)
    assert world.granules == real_records(real_data)
    counts = {
        collection["meta"]["concept-id"]: collection["meta"]["granule-count"]
        for collection in world.collections
    }
    assert counts == {CLOUD_007: 1408, CLOUD_006: 0, ON_PREMISES_006: 0}
    here = "http://127.0.0.1:8000"
    relinked = World.from_records(path, data_url=here, rewrite_links=True)
    for record in (*relinked.granules, *relinked.collections):
        assert "https://data.nsidc.earthdatacloud.nasa.gov" not in json.dumps(record)
    first = relinked.granules[0]["umm"]["RelatedUrls"]
    assert first[0]["URL"].startswith(f"{here}/nsidc-cumulus-prod-protected/ATLAS/")
    assert first[1]["URL"].startswith("s3://nsidc-cumulus-prod-protected/ATLAS/")


def test_files_of_a_folder_are_found_by_name(real_data: Path, tmp_path: Path) -> None:
    record = real_records(real_data)[0]
    stored = tmp_path / "anywhere" / file_name(record)
    stored.parent.mkdir()
    stored.write_bytes(b"stored")
    world = World.from_records([record], objects=tmp_path)
    assert [world.objects.get(key) for key in world.objects] == [stored]
    assert world.granules == [record]


def test_a_granule_without_a_record_gets_one(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / REAL_SUBSET).write_bytes((real_data / REAL_SUBSET).read_bytes())
    world = World.from_records([], objects=tmp_path)
    (record,) = world.granules
    assert record["umm"]["GranuleUR"] == "ATL03_20181014002445_02350104_006_02.h5"
    assert record["meta"]["collection-concept-id"] == CLOUD_006
    (key,) = world.objects
    assert {f"s3://{key}"} < {link["URL"] for link in record["umm"]["RelatedUrls"]}
    (info,) = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    assert info["SizeInBytes"] == (real_data / REAL_SUBSET).stat().st_size
    begin = record["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"]
    assert begin == "2018-10-14T00:24:45.000Z"


# Granule files


def stored_as(dataset: h5py.Dataset) -> dict[str, Any]:
    """How a dataset is stored; its attributes apart from the long description."""
    plist = dataset.id.get_create_plist()
    attributes = {}
    for name in dataset.attrs:
        if name not in ("description", "DIMENSION_LIST", "REFERENCE_LIST"):
            kind = h5py.h5a.open(dataset.id, name.encode()).get_type()
            attributes[name] = (kind.get_class(), kind.get_size(), repr(dataset.attrs[name]))
    return {
        "dtype": dataset.dtype,
        "maxshape": dataset.maxshape,
        "chunks": dataset.chunks,
        "filters": [plist.get_filter(i)[0::2] for i in range(plist.get_nfilters())],
        "fill": (plist.fill_value_defined(), dataset.fillvalue, plist.get_fill_time()),
        "scales": [] if dataset.is_scale else list(dataset.dims[0]),
        "attributes": attributes,
    }


def datasets_of(group: h5py.Group) -> dict[str, h5py.Dataset]:
    found = {}

    def visit(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    group.visititems(visit)
    return found


def test_a_beam_is_stored_as_in_the_real_granule(real_data: Path, files: dict[str, Path]) -> None:
    with h5py.File(real_data / REAL_SUBSET) as real_file, h5py.File(files["006"]) as file:
        real, made = datasets_of(real_file["gt1l"]), datasets_of(file["gt1l"])
        # The real subset's surface type group of the ocean stands for any.
        extra = {name for name in made if name not in real}
        assert {name.split("/")[0] for name in extra} <= {"signal_find_output"}
        for name, dataset in real.items():
            assert stored_as(made[name]) == stored_as(dataset), name
        for name in ("atlas_beam_type", "atlas_pce", "atlas_spot_number", "sc_orientation"):
            assert file["gt1l"].attrs[name] == real_file["gt1l"].attrs[name]


def test_release_007_is_laid_out_as_real_ones_are(real_data: Path, files: dict[str, Path]) -> None:
    table = pq.read_table(
        real_data / "layouts" / "ATL03_20181014103720_02410111_007_01.offsets.parquet"
    ).to_pandas()
    rows = (table.elem_end - table.elem_start).groupby(table.dataset).max()
    pages = table.byte_offset // PAGE_SIZE, (table.byte_offset + table.nbytes - 1) // PAGE_SIZE
    assert (pages[0] == pages[1]).all()
    content = files["007"].read_bytes()
    with h5py.File(files["007"]) as file:
        assert file.id.get_create_plist().get_file_space_page_size() == PAGE_SIZE
        beam = file["gt1l"]
        for name, length in rows.items():
            assert beam[name].chunks[0] == length
        assert beam["heights/signal_class_ph"].dtype == np.int8
        chunks = []
        for dataset in datasets_of(file).values():
            if dataset.chunks:
                dataset.id.chunk_iter(chunks.append)
        for chunk in chunks:
            last = chunk.byte_offset + chunk.size - 1
            assert chunk.byte_offset // PAGE_SIZE == last // PAGE_SIZE > 0
    assert len(content) % PAGE_SIZE == 0
    # Headers and chunk indexes: their names and signatures appear in the first page only.
    assert content.rfind(b"DIMENSION_LIST") < PAGE_SIZE
    assert content.count(b"DIMENSION_LIST", 0, PAGE_SIZE) > 400


def test_release_006_has_one_variable_after_the_other(files: dict[str, Path]) -> None:
    content = files["006"].read_bytes()
    with h5py.File(files["006"]) as file:
        heights = file["gt1r/heights"]
        assert "signal_class_ph" not in heights
        h_ph, lat_ph = (
            [heights[name].id.get_chunk_info(i) for i in range(heights[name].id.get_num_chunks())]
            for name in ("h_ph", "lat_ph")
        )
    assert len(h_ph) > 2
    for before, after in pairwise(h_ph):
        assert before.byte_offset + before.size == after.byte_offset
    assert h_ph[-1].byte_offset < lat_ph[0].byte_offset
    # Headers lie between the data.
    assert content.find(b"long_name") < h_ph[0].byte_offset < content.rfind(b"long_name")


@pytest.mark.parametrize("release", ["006", "007"])
def test_photons_and_segments_obey_the_product(files: dict[str, Path], release: str) -> None:
    with h5py.File(files[release]) as file:
        assert "gt2r" not in file
        assert file["gt3l/heights/h_ph"].shape == (0,)
        assert not file["gt3l/geolocation/segment_ph_cnt"][()].any()
        for name in ("gt1l", "gt1r", "gt2l", "gt3r"):
            photons = {key: values[()] for key, values in file[f"{name}/heights"].items()}
            segments = {key: values[()] for key, values in file[f"{name}/geolocation"].items()}
            counts = segments["segment_ph_cnt"]
            assert {values.shape[0] for values in photons.values()} == {counts.sum()}
            assert {values.shape[0] for values in segments.values()} == {counts.size}
            begin = np.cumsum(counts) - counts + 1
            none = counts == 0
            assert 0 < none.sum() < counts.size / 2
            assert none[0]
            assert none[-1]
            np.testing.assert_array_equal(segments["ph_index_beg"], np.where(none, 0, begin))
            of = np.repeat(np.arange(counts.size), counts)
            along = photons["dist_ph_along"].astype("f8")
            assert (along >= 0).all()
            assert (along <= segments["segment_length"][of]).all()
            assert (np.diff(photons["delta_time"]) >= 0).all()
            assert np.abs(photons["delta_time"] - segments["delta_time"][of]).max() < 3e-3
            np.testing.assert_allclose(segments["segment_length"], 20.0, atol=0.2)
            assert (np.diff(segments["segment_id"]) > 0).all()
            # Positions of segments with photons lie among theirs; the others' mean nothing.
            _, _, off = WGS84.inv(
                photons["lon_ph"],
                photons["lat_ph"],
                segments["reference_photon_lon"][of],
                segments["reference_photon_lat"][of],
            )
            assert np.max(off) < 25.0
            lat = segments["reference_photon_lat"]
            assert np.abs(np.diff(lat[~none])).max() < np.abs(lat[none] - lat[~none][0]).max()
            # Distances on the ground are those of x_atc, beams 3.3 km off the track too.
            x_atc = segments["segment_dist_x"][of] + along
            pick = np.arange(0, x_atc.size, 40)
            _, _, steps = WGS84.inv(
                photons["lon_ph"][pick[:-1]],
                photons["lat_ph"][pick[:-1]],
                photons["lon_ph"][pick[1:]],
                photons["lat_ph"][pick[1:]],
            )
            near = np.diff(x_atc[pick]) < 1_000.0
            np.testing.assert_allclose(
                steps[near], np.diff(x_atc[pick])[near], rtol=2e-3, atol=0.01
            )
            left = np.median(photons["dist_ph_across"])
            assert left == pytest.approx(BEAM_OFFSETS[name], abs=1.0)


def test_what_only_photons_can_tell_is_filled_without_them(files: dict[str, Path]) -> None:
    with h5py.File(files["006"]) as file:
        segments = file["gt1l/geolocation"]
        none = segments["segment_ph_cnt"][()] == 0
        for name in ("sigma_h", "neutat_delay_total"):
            filled = segments[name][()] == segments[name].attrs["_FillValue"]
            np.testing.assert_array_equal(filled, none)


def test_photons_off_fiji_lie_on_both_sides_of_the_antimeridian(tmp_path: Path) -> None:
    world = World.simulate(granules=2, folder=tmp_path)
    name = file_name(in_collection(world, CLOUD_007)[1])
    path = world.objects.get(next(key for key in world.objects if key.endswith(name)))
    with h5py.File(path) as file:
        lon, lat = (file[f"gt2l/heights/{axis}_ph"][()] for axis in ("lon", "lat"))
    here = (lat > -20.0) & (lat < -15.5)
    assert np.abs(lon[here]).min() > 179.9
    assert len(np.unique(np.sign(lon[here]))) == 2


def test_photons_show_a_surface(files: dict[str, Path]) -> None:
    with h5py.File(files["007"]) as file:
        heights = file["gt1r/heights"]
        confidence = heights["signal_conf_ph"][()]
        assert set(np.unique(confidence)) <= {-2, -1, 0, 1, 2, 3, 4}
        ocean = confidence[:, 1]
        assert 0.5 < (ocean == 4).mean() < 0.9
        assert (confidence[:, 3] <= -1).all()
        h = heights["h_ph"][()].astype("f8")
        surface = np.interp(np.arange(h.size), np.flatnonzero(ocean == 4), h[ocean == 4])
        spread = np.abs(h - surface)
        assert np.median(spread[ocean == 4]) < 1.0 < 5.0 < np.median(spread[ocean == 0])
        assert np.median(heights["weight_ph"][()][ocean == 4]) > 200


def test_a_granule_says_what_it_is(files: dict[str, Path]) -> None:
    with h5py.File(files["007"]) as file:
        orbit = {name: values[0] for name, values in file["orbit_info"].items()}
        assert (orbit["rgt"], orbit["cycle_number"], orbit["sc_orient"]) == (235, 1, 1)
        assert orbit["orbit_number"] == 436
        ancillary = file["ancillary_data"]
        assert ancillary["atlas_sdp_gps_epoch"][0] == 1_198_800_018.0
        assert ancillary["start_region"][0] == 4
        assert ancillary["release"][0] == b"007"
        assert ancillary["granule_start_utc"][0].startswith(b"2018-10-14T00:25:29")
        start, end = (ancillary[f"{edge}_delta_time"][0] for edge in ("start", "end"))
        time = file["gt1r/heights/delta_time"]
        assert start <= time[0] < time[-1] <= end
        dims = file["gt1r/heights/signal_conf_ph"].dims
        assert dims[1][0] == file["ds_surf_type"]
        shares = file["quality_assessment/gt1r/qa_perc_signal_conf_ph_high"][0]
        assert shares[1] == pytest.approx(
            100 * (file["gt1r/heights/signal_conf_ph"][:, 1] == 4).mean(), rel=1e-5
        )


def test_strong_beams_change_sides_with_the_orientation() -> None:
    forward = datetime(2018, 10, 14, tzinfo=UTC)
    backward = datetime(2019, 3, 1, tzinfo=UTC)
    assert (sc_orient(forward), sc_orient(backward)) == (1, 0)
    for cycle, strong_side in ((1, "r"), (3, "l")):
        product = Product(flown=Pass(rgt=300, cycle=cycle, region=6), release="007")
        segments, per_segment = choose_segments(product.flown, 4_000, 130.0)
        beams = {
            name: SimulatedBeam(product, name, segments, per_segment, seed=0)
            for name in BEAM_OFFSETS
        }
        assert {name for name, beam in beams.items() if beam.strong} == {
            f"gt{pair}{strong_side}" for pair in (1, 2, 3)
        }
        assert sorted(beam.spot for beam in beams.values()) == [1, 2, 3, 4, 5, 6]
        assert all(beam.strong == (beam.spot % 2 == 1) for beam in beams.values())
        strong = [beam.rows("heights") for beam in beams.values() if beam.strong]
        weak = [beam.rows("heights") for beam in beams.values() if not beam.strong]
        assert np.mean(strong) / np.mean(weak) == pytest.approx(4.0, rel=0.2)
        assert np.mean(strong) == pytest.approx(4_000, rel=0.2)


def test_many_photons_come_in_blocks_that_fit_together() -> None:
    product = Product(flown=FLOWN, release="006")
    segments, per_segment = choose_segments(FLOWN, 600_000, 90.0)
    beam = SimulatedBeam(product, "gt1r", segments, per_segment, seed=0)
    blocks = list(beam.photon_blocks())
    sizes = [block["h_ph"].size for block in blocks]
    assert len(sizes) > 1
    assert max(sizes) < 1.1 * BLOCK
    assert sum(sizes) == beam.rows("heights")
    time = np.concatenate([block["delta_time"] for block in blocks])
    assert (np.diff(time) >= 0).all()


def test_a_large_granule_fills_its_region() -> None:
    segments, per_segment = choose_segments(FLOWN, 20_000_000, 90.0)
    assert (np.diff(segments.id) == 1).all()
    assert segments.id.size == pytest.approx(110_000, rel=0.02)
    assert per_segment == pytest.approx(20_000_000 / segments.id.size)


@pytest.mark.parametrize("release", ["006", "007"])
def test_the_same_granule_has_the_same_bytes(tmp_path: Path, release: Any) -> None:
    for name in ("one", "two"):
        write_granule(tmp_path / name, Product(flown=FLOWN, release=release), photons=1_000)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
