from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import WORLD, build_from

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError, CatalogNotFoundError
from earthdata_standin import EarthdataStandin


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "public"
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder)
    return folder


@pytest.fixture
def published(built: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "public"))


def an_item(folder: Path) -> Path:
    return sorted(folder.glob("ATL03_007/*/*/ATL03_*.json"))[5]


def edit(path: Path, change: Callable[[dict], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_catalog_is_checked_over_http_too(built: Path, schemas: Path) -> None:
    with Host(built) as host:
        report = verify(host.url, schemas=schemas)
        sampled = verify(f"{host.url}/catalog.json", schemas=schemas, sample=5)
    assert (report.problems, report.notes, report.items_read) == ((), (), 39)
    assert report.address == host.url
    assert sampled.ok
    assert sampled.items == 39
    assert 5 <= sampled.items_read <= 6
    assert "of 39 items were read" in sampled.notes[0]


def test_schemas_that_are_not_at_hand_are_named(
    built: Path, monkeypatch: pytest.MonkeyPatch, schemas: Path
) -> None:
    monkeypatch.delenv("ATL03_SCHEMAS", raising=False)
    report = verify(built)
    assert report.ok
    (note,) = report.notes
    assert "Not validated" in note
    assert "/sat/v1.2.0/schema.json" in note
    monkeypatch.setenv("ATL03_SCHEMAS", str(schemas))
    assert verify(built).notes == ()


def drop_item(folder: Path) -> None:
    an_item(folder).unlink()


def drop_page(folder: Path) -> None:
    (an_item(folder).parent / "catalog.json").unlink()


def halve_item(folder: Path) -> None:
    item = an_item(folder)
    item.write_bytes(item.read_bytes()[:500])


def change_item(folder: Path) -> None:
    edit(an_item(folder), lambda item: item["properties"].update({"icesat2:region": 14}))


def invalid_item(folder: Path) -> None:
    edit(an_item(folder), lambda item: item["properties"].pop("datetime"))


def invalid_extension(folder: Path) -> None:
    edit(an_item(folder), lambda item: item["properties"].update({"sat:orbit_state": "lost"}))


def wrong_box(folder: Path) -> None:
    edit(an_item(folder), lambda item: item["bbox"].__setitem__(0, 12.0))


def bow_tie(folder: Path) -> None:
    geometry = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    edit(an_item(folder), lambda item: item.update(geometry=geometry, bbox=[0, 0, 1, 1]))


def no_geometry(folder: Path) -> None:
    edit(an_item(folder), lambda item: item.update(geometry=None))


def moved_item(folder: Path) -> None:
    item = an_item(folder)
    other = item.with_name(item.name.replace("_01.json", "_09.json"))
    shutil.copy(item, other)
    edit(
        item.parent / "catalog.json",
        lambda page: page["links"].append({"rel": "item", "href": f"./{other.name}"}),
    )


def wrong_parent(folder: Path) -> None:
    edit(an_item(folder), lambda item: item["links"][1].update(href="../catalog.json"))


def link_twice(folder: Path) -> None:
    edit(folder / "catalog.json", lambda page: page["links"].append(page["links"][1]))


def outside_link(folder: Path) -> None:
    edit(
        folder / "catalog.json",
        lambda page: page["links"].append({"rel": "child", "href": "../../etc/catalog.json"}),
    )


def orphan(folder: Path) -> None:
    item = an_item(folder)
    edit(item.parent / "catalog.json", lambda page: page["links"].pop())


def short_index(folder: Path) -> None:
    items = list(ItemIndex.open(folder).dictionaries())
    write_index(items[1:], folder / "items.parquet")


def double_index(folder: Path) -> None:
    items = list(ItemIndex.open(folder).dictionaries())
    write_index([*items, items[0]], folder / "items.parquet")


def drop_index(folder: Path) -> None:
    (folder / "items.parquet").unlink()


def damage_index(folder: Path) -> None:
    (folder / "items.parquet").write_text("PAR1")


def flatten_index(folder: Path) -> None:
    """As a program might that knows no structures."""
    path = folder / "items.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("assets")
    texts = [json.dumps(assets) for assets in table["assets"].to_pylist()]
    pq.write_table(table.set_column(place, "assets", pa.array(texts)), path)


def drop_card(folder: Path) -> None:
    (folder / "catalog.yml").unlink()


def damage_card(folder: Path) -> None:
    (folder / "catalog.yml").write_text("sources: [")


def other_card(folder: Path) -> None:
    (folder / "catalog.yml").write_text("sources: {beam: {driver: csv}}")


def wrong_report(folder: Path) -> None:
    edit(folder / "build-report.json", lambda report: report.update(items=3))


def no_stac(folder: Path) -> None:
    (an_item(folder).parent / "catalog.json").write_text('{"type": "Thing", "links": []}')


def a_list(folder: Path) -> None:
    (an_item(folder).parent / "catalog.json").write_text("[]")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (drop_item, "leads to nothing"),
        (drop_page, "leads to nothing"),
        (halve_item, "is not JSON"),
        (change_item, "differs from its row"),
        (invalid_item, "is not valid at properties"),
        (invalid_extension, "'lost' is not one of"),
        (wrong_box, "has the bbox"),
        (bow_tie, "invalid geometry"),
        (no_geometry, "no usable geometry"),
        (moved_item, "whose place is"),
        (wrong_parent, "has parent links to"),
        (link_twice, "is linked to twice"),
        (outside_link, "leads to nothing"),
        (orphan, "no page links to"),
        (short_index, "items.parquet lacks ATL03_"),
        (double_index, "twice"),
        (drop_index, "There is no"),
        (damage_index, "items.parquet cannot be read"),
        (flatten_index, "The column assets of the index is string, not struct"),
        (drop_card, "There is no"),
        (damage_card, "is no intake catalog"),
        (other_card, "has the entries"),
        (wrong_report, "says 3 items"),
        (no_stac, "is no STAC object"),
        (a_list, "is no JSON object"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, schemas: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    report = verify(published, schemas=schemas)
    assert not report.ok
    assert any(words in problem for problem in report.problems), report.problems
    assert report.problem_count >= len(report.problems)


def test_many_problems_are_counted_and_some_are_shown(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog_builder.catalog.verify.problems.MOST_PROBLEMS", 10)
    for item in published.glob("ATL03_007/*/*/ATL03_*.json"):
        item.write_text("{")
    report = verify(published)
    assert (len(report.problems), report.problem_count) == (10, 39)


def test_an_unfinished_build_is_told_of(published: Path) -> None:
    (published / STAGING).mkdir()
    assert any("the next completes it" in note for note in verify(published).notes)


def test_where_there_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError):
        verify(tmp_path)
    (tmp_path / "catalog.json").write_text("{}")
    with pytest.raises(CatalogError, match="no folder"):
        verify(tmp_path, schemas=tmp_path / "nowhere")
