"""A catalog's folder that someone else had in their hands: nothing outside of it is touched."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from building import WORLD, build_from, records_of, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planted import KINDS, Outside, plant

from catalog_builder.catalog.build import fetch_pages
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from catalog_builder.catalog.stac.layout import INDEX, is_item, is_ours, is_reference
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogBuilderError, FolderError
from catalog_builder.indexing.index_catalog import index_catalog
from earthdata_standin import EarthdataStandin

pytestmark = pytest.mark.timeout(100)

RECORDS = records_of()[:12]


@pytest.fixture(scope="module")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def kept(cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog, and what builds left of it that were interrupted, or died while publishing."""
    folder = tmp_path_factory.mktemp("kept")
    build_from(cloud, folder / "built", RECORDS)
    for state, before in (("staged", RECORDS[1:-1]), ("died", RECORDS[1:-1]), ("first", [])):
        if before:
            build_from(cloud, folder / state, before)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fetch_pages, "PAGE", 4)
            with pytest.raises((KeyboardInterrupt, SystemExit)):
                build_from(
                    cloud, folder / state, RECORDS, progress=stop_at(state), full=bool(before)
                )
        assert (folder / state / STAGING).is_dir()
    return folder


def stop_at(state: str) -> Callable[[Any], None]:
    def report(progress: Any) -> None:
        if state != "died" and progress.stage == "reading CMR" and progress.done >= 8:
            raise KeyboardInterrupt
        if state == "died" and progress.stage == "publishing" and progress.done == 1:
            raise SystemExit

    return report


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside.make(tmp_path / "outside")


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Callable[[str], Path]:
    def make(state: str) -> Path:
        return Path(shutil.copytree(kept / state, tmp_path / "public"))

    return make


def rebuild(cloud: EarthdataStandin, folder: Path, **options: Any) -> object:
    return build_from(cloud, folder, RECORDS, **options)


def published(folder: Path) -> dict[str, str]:
    """What a reader sees: what a build has read may be kept for the next one."""
    return {path: digest for path, digest in tree(folder).items() if not path.startswith(STAGING)}


def strangers(folder: Path) -> set[str]:
    """What lies in the folder and is no file of the layout."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir())
        and not is_ours(path.relative_to(folder).as_posix())
        and STAGING not in path.parts
    }


# What the journal says.


@pytest.mark.parametrize("state", ["built", "staged", "died"])
@pytest.mark.parametrize(
    "line",
    [
        "../outside/victim.txt",
        "{outside}/victim.txt",
        "ATL03_007/../../outside/victim.txt",
        "../cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json",
        "/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json",
        "catalog.json",
        "items.parquet",
        "notes.txt",
        "ATL03_007",
        "",
        "a\0b",
        "\udcff",
    ],
)
def test_a_journal_that_no_build_wrote_is_refused(
    cloud: EarthdataStandin,
    copy: Callable[[str], Path],
    outside: Outside,
    state: str,
    line: str,
) -> None:
    folder = copy(state)
    (folder / "notes.txt").write_text("mine")
    (folder / STAGING / "new").mkdir(parents=True, exist_ok=True)
    own = next(path for path in tree(folder) if is_item(path))
    text = f"{own}\n{line.format(outside=outside.folder)}\n"
    (folder / STAGING / "journal").write_bytes(text.encode(errors="surrogateescape"))
    before, of_folder = outside.state(), tree(folder)
    for act in (rebuild, lambda _, path: index_catalog(path)):
        with pytest.raises(FolderError, match="which no build removes"):
            act(cloud, folder)
        assert tree(folder) == of_folder
    assert outside.state() == before


def test_what_no_build_put_aside_is_not_published(
    cloud: EarthdataStandin, copy: Callable[[str], Path], kept: Path
) -> None:
    folder = copy("built")
    new = folder / STAGING / "new"
    evil = (
        *("evil.html", "evil/evil.html", "ATL03_007/evil.html", "ATL03_008/evil.html"),
        *(".items.parquet.1.part", "ATL03_007/cycle-99/catalog.json.x", "empty/empty/.x"),
        "ATL03_007/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json.evil",
    )
    for path in evil:
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        (new / path).write_text("<script>")
    (folder / STAGING / "journal").touch()
    rebuild(cloud, folder)
    assert tree(folder) == tree(kept / "built")
    assert {path.name for path in folder.iterdir()} == {
        path.name for path in (kept / "built").iterdir()
    }


# What lies in the place of a file or folder.


def names_in(folder: Path) -> list[str]:
    """Names that a build, an index or a reader of this folder may touch."""
    item = next(path for path in sorted(tree(folder)) if is_item(path))
    day, cycle = os.path.dirname(item), os.path.dirname(os.path.dirname(item))  # noqa: PTH120
    reference = f"ATL03_007/references/{day.partition('/')[2]}"
    of_catalog = [
        *("catalog.json", "catalog.yml", "items.parquet", "build-report.json", "ATL03_007"),
        *("ATL03_007/collection.json", cycle, f"{cycle}/catalog.json", day),
        *(f"{day}/catalog.json", item, "ATL03_007/references", reference),
        f"{reference}/{Path(item).stem}.json.zst",
        f"{reference}/{Path(item).stem}_gt1l.json.zst",
    ]
    work = ("rows.sqlite", "rows.sqlite-wal", "rows.sqlite-shm", "rows.sqlite-journal", "000001")
    return [
        *of_catalog,
        *(STAGING, f"{STAGING}/new", f"{STAGING}/work", f"{STAGING}/journal"),
        *(
            f"{STAGING}/journal.part",
            f"{STAGING}/touched",
            *(f"{STAGING}/work/{name}" for name in work),
        ),
        *(f"{STAGING}/new/{name}" for name in of_catalog),
    ]


STATES = ("built", "staged", "died", "first")
NAMES = 41


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    state=st.sampled_from(STATES),
    planted=st.lists(
        st.tuples(st.integers(0, NAMES - 1), st.sampled_from(KINDS)), min_size=1, max_size=2
    ),
    options=st.sampled_from([{}, {"full": True}, {"dry_run": True}, {"items": "none"}]),
)
def test_whatever_lies_there_nothing_outside_changes(
    cloud: EarthdataStandin,
    kept: Path,
    tmp_path_factory: pytest.TempPathFactory,
    state: str,
    planted: list[tuple[int, str]],
    options: dict[str, Any],
) -> None:
    place = tmp_path_factory.mktemp("case")
    outside = Outside.make(place / "outside")
    folder = Path(shutil.copytree(kept / state, place / "public"))
    (folder / "notes.txt").write_text("mine")
    names = names_in(kept / "built")
    assert len(names) == NAMES
    for number, kind in planted:
        with suppress(OSError):  # one lies in the way of the other
            plant(folder / names[number], kind, outside)
    before, odd = outside.state(), strangers(folder)

    def check() -> None:
        assert outside.state() == before
        assert strangers(folder) <= odd
        assert (folder / "notes.txt").read_text() == "mine"

    for act in (
        lambda: verify(folder),
        lambda: rebuild(cloud, folder, **options),
        lambda: PublishedFolder(folder).inconsistent_granules(),
        lambda: place_again(folder),
        lambda: ItemIndex.open(folder).ids,
        lambda: verify(folder),
    ):
        with suppress(CatalogBuilderError):
            act()
        check()
    with suppress(CatalogBuilderError), Host(folder) as host:
        for name in names:
            assert b"precious" not in fetch(host, name) or name_is_a_file(folder / name)
    check()


def place_again(folder: Path) -> None:
    """What an index run does with the items and the index."""
    written = PublishedFolder(folder)
    with written.writing():
        for path in filter(is_item, tree(folder)):
            written.mark_outdated(Path(path).stem)
        refresh_index(written)


def name_is_a_file(path: Path) -> bool:
    """Whether it is one by itself: a second name of another file is no link that can be told."""
    return path.is_file() and not path.is_symlink() and STAGING not in path.parts


def fetch(host: Host, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", int(host.url[17:])), timeout=10) as raw:
        raw.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: raw.recv(65536), b""))


@pytest.mark.parametrize("kind", ["link", "folder link", "dangling link", "pipe", "folder"])
@pytest.mark.parametrize("state", ["built", "staged"])
def test_what_is_in_the_way_is_named(
    cloud: EarthdataStandin,
    kept: Path,
    tmp_path: Path,
    outside: Outside,
    state: str,
    kind: str,
) -> None:
    touched, untouched = names_in(kept / "built")[:11], outside.state()
    if state == "staged":
        touched += [f"{STAGING}/work/rows.sqlite", f"{STAGING}/new/items.parquet"]
    for number, name in enumerate(touched):
        if kind == "folder" and ("." not in name.rpartition("/")[2] or "/new/" in name):
            continue  # a folder is right there, or may be one of those that are put aside
        folder = Path(shutil.copytree(kept / state, tmp_path / str(number)))
        plant(folder / name, kind, outside)
        before = published(folder)
        with pytest.raises(FolderError) as refused:
            rebuild(cloud, folder, full=True)
        assert f"{folder / name} is a" in str(refused.value)
        assert published(folder) == before
    assert outside.state() == untouched


def test_the_folder_itself_may_be_a_link(
    cloud: EarthdataStandin, copy: Callable[[str], Path], kept: Path, tmp_path: Path
) -> None:
    copy("built")
    door = tmp_path / "door"
    door.symlink_to(tmp_path / "public")
    rebuild(cloud, door, full=True)
    assert tree(door) == tree(kept / "built")
    assert verify(door).problems == ()
    with Host(door) as host:
        assert b"200 OK" in fetch(host, "items.parquet")[:20]


def test_links_that_no_build_needs_stay(
    cloud: EarthdataStandin, copy: Callable[[str], Path], outside: Outside
) -> None:
    folder = copy("built")
    (folder / "notes").symlink_to(outside.file)
    (folder / "ATL03_007" / "mine").symlink_to(outside.folder)
    rebuild(cloud, folder, full=True)
    assert (folder / "notes").is_symlink()
    assert (folder / "ATL03_007" / "mine").is_symlink()


# What an interrupted build had read.


def test_what_was_read_is_resumed(
    cloud: EarthdataStandin,
    copy: Callable[[str], Path],
    kept: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """So that what follows does not pass for want of it."""
    folder = copy("first")
    seen: list[int] = []
    rebuild(cloud, folder, progress=lambda p: seen.append(p.done) if p.total == 12 else None)
    assert seen[0] > 8
    assert tree(folder) == tree(kept / "built")
    assert not caplog.records


def damage_sql(statement: str) -> Callable[[Path, Path], None]:
    def damage(work: Path, new: Path) -> None:
        with closing(sqlite3.connect(work / "rows.sqlite")) as data, data:
            data.executescript(statement)

    return damage


def damage_bytes(name: str, at: float, body: bytes) -> Callable[[Path, Path], None]:
    def damage(work: Path, new: Path) -> None:
        file = work / name
        old = file.read_bytes()
        place = int(len(old) * at)
        file.write_bytes(old[:place] + body + old[place + len(body) :])

    return damage


def cut(work: Path, new: Path) -> None:
    os.truncate(work / "000001", 700)


def one_item(work: Path, new: Path) -> Path:
    return next(iter(sorted(new.rglob("ATL03_*_*.json"))))


DAMAGES: dict[str, Callable[[Path, Path], None]] = {
    "a file's name": damage_sql("UPDATE row SET file = '../../../../../../outside/victim.txt'"),
    "an absolute name": damage_sql("UPDATE row SET file = '/etc/passwd'"),
    "an id": damage_sql("UPDATE row SET id = '../../ATL03', stem = '../..'"),
    "an id of another type": damage_sql("UPDATE row SET id = x'ff'"),
    "another id": damage_sql(
        "UPDATE row SET id = substr(id, 1, 37) || '99', file = substr(id, 1, 37) || '99.json'"
    ),
    "references": damage_sql("UPDATE row SET reference_keys = '../gt1l'"),
    "locations": damage_sql("UPDATE row SET batch = -1"),
    "far locations": damage_sql("UPDATE row SET batch = 9223372036854775807"),
    "numbers": damage_sql("UPDATE row SET number = 4000000000"),
    "partitions": damage_sql("UPDATE row SET partition = 'x'"),
    "pages": damage_sql("UPDATE row SET page = 77"),
    "a cursor": damage_sql("UPDATE listing SET search_after = 'a' || char(13, 10) || 'X: y'"),
    "a count": damage_sql("UPDATE listing SET read = 'many'"),
    "a time": damage_sql("UPDATE fact SET value = 'soon' WHERE name = 'asked'"),
    "invalid text": damage_sql("UPDATE row SET granule_ur = CAST(x'ff' AS TEXT)"),
    "a trigger": damage_sql("CREATE TRIGGER evil AFTER INSERT ON row BEGIN DELETE FROM row; END"),
    "a view": damage_sql("DROP TABLE outside; CREATE VIEW outside AS SELECT 1 AS concept"),
    "no table": damage_sql("DROP TABLE row"),
    "no database": damage_bytes("rows.sqlite", 0, b"garbage" * 3),
    "a damaged database": damage_bytes("rows.sqlite", 0.3, b"\xff" * 5000),
    "no page": lambda work, new: (work / "000001").unlink(),
    "an empty page": lambda work, new: (work / "000001").write_bytes(b""),
    "half a page": cut,
    "another page": damage_bytes("000001", 0, b"\xff\xff\xff\xff\xff\xff\xff\x7f"),
    "a damaged page": damage_bytes("000001", 0.5, b"\xff" * 400),
    "a damaged end": damage_bytes("000001", 0.9, b"\x7f" * 64),
    "no item": lambda work, new: one_item(work, new).unlink(),
    "an empty item": lambda work, new: one_item(work, new).write_bytes(b""),
    "another item": lambda work, new: one_item(work, new).write_text('{"id": "evil"}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_read_and_is_damaged_is_read_again(
    cloud: EarthdataStandin,
    copy: Callable[[str], Path],
    kept: Path,
    outside: Outside,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    folder = copy("first")
    DAMAGES[damage](folder / STAGING / "work", folder / STAGING / "new")
    before = outside.state()
    rebuild(cloud, folder)
    assert tree(folder) == tree(kept / "built")
    assert outside.state() == before
    assert "all records are fetched again" in caplog.text


def test_a_stranger_among_the_pages_is_passed_by(
    cloud: EarthdataStandin, copy: Callable[[str], Path], kept: Path
) -> None:
    folder = copy("first")
    (folder / STAGING / "work" / "1evil").touch()
    (folder / STAGING / "work" / "٣٣٣٣٣٣").touch()
    rebuild(cloud, folder)
    assert tree(folder) == tree(kept / "built")


# What items, pages and the index name.


def test_the_layout_has_no_path_outside() -> None:
    name = "cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01"
    assert is_item(f"ATL03_007/{name}.json")
    assert is_reference(f"ATL03_007/references/{name}.json.zst")
    assert is_reference(f"ATL03_007/references/{name}_gt1l.json.zst")
    for first in ("..", "", ".", "/", "a", "ATL03_٠٠٧", "ATL03_007/..", "ATL03_007\n"):
        assert not is_ours(f"{first}/{name}.json")
        assert not is_ours(f"{first}/references/{name}.json.zst")
        assert not is_ours(f"{first}/references/{name}_gt1l.json.zst")
        assert not is_ours(f"{first}/collection.json")
    assert not is_ours("ATL03_007/cycle-٠١/catalog.json")


@pytest.mark.parametrize(
    "href",
    ["../../outside/victim.txt", "{outside}/victim.txt", "../../../x/../outside/victim.txt"],
)
def test_verify_reads_nothing_outside(
    copy: Callable[[str], Path], outside: Outside, href: str
) -> None:
    folder = copy("built")
    outside.file.write_text("{}")
    page = folder / "ATL03_007" / "collection.json"
    text = json.loads(page.read_bytes())
    link = {"rel": "child", "href": href.format(outside=outside.folder)}
    text["links"].append(link)
    page.write_text(json.dumps(text))
    problems = verify(folder).problems
    assert any("no path inside" in problem for problem in problems), problems


@pytest.mark.parametrize("key", ["references", "references_gt1l"])
def test_a_build_keeps_no_reference_outside(
    cloud: EarthdataStandin, copy: Callable[[str], Path], outside: Outside, kept: Path, key: str
) -> None:
    folder = copy("built")
    path = next(path for path in sorted(tree(folder)) if is_item(path))
    item = json.loads((folder / path).read_bytes())
    item["assets"][key] = {
        "href": "../../../../outside/victim.txt",
        "file:size": outside.file.stat().st_size,
    }
    item["properties"]["icesat2:beams"] = {"gt1l": {"photons": 1}}
    (folder / path).write_text(json.dumps(item))
    rebuild(cloud, folder, full=True)
    assert tree(folder) == tree(kept / "built")
    assert outside.file.read_text() == "precious"


def test_an_index_that_leads_outside_is_refused(
    copy: Callable[[str], Path], outside: Outside
) -> None:
    folder = copy("built")
    table = pq.read_table(folder / INDEX)
    names = ["../../outside"] * len(table)
    place = table.schema.get_field_index("collection")
    pq.write_table(table.set_column(place, "collection", [names]), folder / INDEX)
    before = outside.state()
    with pytest.raises(FolderError, match="not the path of a catalog's file"):
        index_catalog(folder)
    assert outside.state() == before


def test_a_folder_removes_nothing_that_a_build_does_not(
    copy: Callable[[str], Path], outside: Outside
) -> None:
    folder = PublishedFolder(copy("built"))
    before = tree(folder.root)
    for path in ("../outside/victim.txt", str(outside.file), "catalog.json", "notes.txt"):
        with pytest.raises(FolderError):
            folder.remove(path)
        if path != "catalog.json":
            with pytest.raises(FolderError):
                folder.write(path, b"")
    assert tree(folder.root) == before
    assert outside.file.read_text() == "precious"
