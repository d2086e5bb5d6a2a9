"""What is published, read with tools that no one here wrote."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import duckdb
import geopandas
import intake
import pystac
import pystac_client
import pytest
from building import DEFINITION, WORLD, build_from
from jsonschema import Draft7Validator
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely import box as planar_box

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from earthdata_standin import EarthdataStandin

DRAFT_07 = "http://json-schema.org/draft-07/schema"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "public"
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder)
    return folder


@pytest.fixture(scope="module")
def url(published: Path) -> Iterator[str]:
    with Host(published) as host:
        yield host.url


@pytest.fixture(scope="module")
def ids(published: Path) -> list[str]:
    return ItemIndex.open(published).ids


def test_pystac_reads_and_validates_all_of_it(
    published: Path, ids: list[str], validator: JsonSchemaSTACValidator
) -> None:
    catalog = pystac.Catalog.from_file(str(published / "catalog.json"))
    assert catalog.validate_all() == len(ids)
    items = {item.id: item for item in catalog.get_items(recursive=True)}
    assert sorted(items) == sorted(ids)
    collection = catalog.get_child("ATL03_007")
    assert isinstance(collection, pystac.Collection)
    collection.validate()
    for item in items.values():
        assert item.get_root() is catalog
        assert item.get_collection() is collection
        day = item.get_parent()
        assert day is not None
        assert day.title == f"{item.id[6:10]}-{item.id[10:12]}-{item.id[12:14]}"
        cycle = day.get_parent()
        assert cycle is not None
        assert cycle.title == f"Cycle {item.properties['sat:orbit_cycle']:02d}"
        assert cycle.get_parent() is collection


def test_the_collections_extent_holds_its_items(published: Path) -> None:
    collection = pystac.Collection.from_file(str(published / "ATL03_007" / "collection.json"))
    ((start, end),) = collection.extent.temporal.intervals
    assert start is not None
    assert end is not None
    times = ItemIndex.open(published).to_table(["start_datetime", "end_datetime"])
    assert start == min(times["start_datetime"].to_pylist())
    assert end == max(times["end_datetime"].to_pylist())
    index = ItemIndex.open(published)
    assert len(index.search(bbox=collection.extent.spatial.bboxes[0])) == len(index)


@pytest.mark.filterwarnings("ignore::pystac_client.warnings.NoConformsTo")
@pytest.mark.filterwarnings("ignore::pystac_client.warnings.FallbackToPystac")
def test_pystac_client_opens_it_over_http(url: str, ids: list[str]) -> None:
    client = pystac_client.Client.open(f"{url}/catalog.json")
    assert client.title == DEFINITION.title
    assert [collection.id for collection in client.get_collections()] == ["ATL03_007"]
    assert sorted(item.id for item in client.get_items(recursive=True)) == sorted(ids)


def test_stac_validator_finds_nothing_wrong(
    published: Path, validator: JsonSchemaSTACValidator, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it says so of its own name
        from stac_validator.validate import StacValidate

    # It would fetch all schemas: let it find them on disk.
    schemas = validator.schema_cache | {DRAFT_07: Draft7Validator.META_SCHEMA}
    places = {}
    for number, (address, schema) in enumerate(schemas.items()):
        (tmp_path / f"{number}.json").write_text(json.dumps(schema))
        places[address] = str(tmp_path / f"{number}.json")
    pages = [published / "catalog.json", published / "ATL03_007" / "collection.json"]
    pages += sorted(published.glob("ATL03_007/cycle-*/catalog.json"))[:2]
    pages += sorted(published.glob("ATL03_007/cycle-*/*/*.json"))[:12]
    for page in pages:
        check = StacValidate(str(page), schema_map=dict(places))
        check.run()
        assert check.valid, check.message
    broken = json.loads(next(published.rglob("ATL03_2*.json")).read_text())
    del broken["properties"]["datetime"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    assert StacValidate(str(tmp_path / "broken.json"), schema_map=dict(places)).run() is False


def test_geopandas_reads_the_index(published: Path, ids: list[str]) -> None:
    frame = geopandas.read_parquet(published / "items.parquet")
    assert list(frame["id"]) == ids
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.is_valid.all()
    near = geopandas.read_parquet(published / "items.parquet", columns=["id", "geometry"])
    box = (-100.0, -90.0, -50.0, 90.0)
    found = near[near.intersects(planar_box(*box))]
    assert sorted(found["id"]) == sorted(ItemIndex.open(published).search(bbox=box).ids)


def test_duckdb_reads_the_index_without_extensions(published: Path, ids: list[str]) -> None:
    index = str(published / "items.parquet")
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        rows = connection.execute(
            'SELECT id, "sat:relative_orbit", assets.data.href, ST_AsText(geometry) '
            "FROM read_parquet(?) WHERE year(start_datetime) = 2020",
            [index],
        ).fetchall()
        west, south, east, north = 150.0, -90.0, 180.0, 90.0
        boxed = connection.execute(
            "SELECT id FROM read_parquet($file) WHERE bbox.ymin <= $north AND bbox.ymax >= $south "
            "AND CASE WHEN bbox.xmin <= bbox.xmax THEN bbox.xmin <= $east AND bbox.xmax >= $west "
            "ELSE bbox.xmin <= $east OR bbox.xmax >= $west END",
            {"file": index, "west": west, "south": south, "east": east, "north": north},
        ).fetchall()
    assert sorted(row[0] for row in rows) == sorted(each for each in ids if each[6:10] == "2020")
    assert all(row[2] == f"s3://{row[2][5:]}" and row[0] in row[2] for row in rows)
    assert all("POLYGON" in row[3] for row in rows)
    found = ItemIndex.open(published).search(bbox=(west, south, east, north)).ids
    assert set(found) <= {row[0] for row in boxed}


def test_intake_opens_the_catalog_over_http(url: str, ids: list[str]) -> None:
    catalog = intake.open_catalog(f"{url}/catalog.yml")
    assert sorted(catalog) == ["beam", "granules", "photons"]
    assert catalog.metadata["title"] == DEFINITION.title
    assert len(catalog.granules) == len(ids)
    beam = catalog.beam(granule=ids[0], beam="gt2r", variables=["h_ph"])
    assert (beam.granule, beam.beam, beam.variables) == (ids[0], "gt2r", ["h_ph"])
    assert (beam.bbox, beam.datetime, beam.access) == (None, None, "auto")
    assert beam.catalog.rstrip("/") == url
