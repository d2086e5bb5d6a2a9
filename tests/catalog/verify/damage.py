"""Ways to damage a published catalog, and whether that is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify


def an_item(folder: Path) -> Path:
    return sorted(folder.glob("ATL03_007/*/*/ATL03_*.json"))[5]


def edit(path: Path, change: Callable[[dict], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


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


def drop_yaml(folder: Path) -> None:
    (folder / "catalog.yml").unlink()


def damage_yaml(folder: Path) -> None:
    (folder / "catalog.yml").write_text("sources: [")


def other_drivers(folder: Path) -> None:
    (folder / "catalog.yml").write_text("sources: {beam: {driver: csv}}")


def damage_page(folder: Path) -> None:
    page = (folder / "index.html").read_bytes()
    (folder / "index.html").write_bytes(page.replace(b"fetch(", b"fetch (", 1))


def wrong_report(folder: Path) -> None:
    edit(folder / "build-report.json", lambda report: report.update(items=3))


def no_stac(folder: Path) -> None:
    (an_item(folder).parent / "catalog.json").write_text('{"type": "Thing", "links": []}')


def a_list(folder: Path) -> None:
    (an_item(folder).parent / "catalog.json").write_text("[]")


def assert_found(words: str, folder: Path, schemas: Path | None = None) -> None:
    """A verification of the catalog names a problem with these words."""
    report = verify(folder, schemas=schemas)
    assert not report.ok
    assert any(words in problem for problem in report.problems), report.problems
    assert report.problem_count >= len(report.problems)
