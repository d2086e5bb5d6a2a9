"""Items that name reference sets: in the folder, through rebuilds, under verify."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from building import WORLD, Record, broken, build_from, once, records_of, times, tree
from older_references import older_item

from catalog_builder.atl03 import BEAMS, GranuleName
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.layout import reference_files, references_path
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.safe_folder import SafeFolder
from earthdata_standin import EarthdataStandin

Item = dict[str, Any]


@pytest.fixture(scope="module")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def built(cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog in which three of four granules were indexed; one of them lacks a beam.

    Some of them have references of layout 1.
    """
    folder = tmp_path_factory.mktemp("references") / "public"
    build_from(cloud, folder, some_sized())
    published = PublishedFolder(folder)
    items = item_files(folder)
    with published.writing():
        for number, (path, item) in enumerate(items.items()):
            if number % 4:
                beams = BEAMS[: 5 if number % 4 == 1 else 6]
                index(published, path, item, beams=beams, older=number % 3 == 2)
                published.mark_outdated(item["id"])
        refresh_index(published)
    return folder


@pytest.fixture
def published(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "public"))


def some_sized() -> list[Record]:
    """The records, of which every other one tells its file's size."""
    records = records_of()
    for number, record in enumerate(records[::2]):
        files = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
        files[0]["SizeInBytes"] = 1_000_000 + number
    return records


def index(
    folder: PublishedFolder, path: str, item: Item, *, beams: tuple[Any, ...], older: bool
) -> None:
    """Publish references that hold nothing in particular; ``older`` as layout 1 has them."""
    name = GranuleName.parse(item["id"])
    facts = {
        "strength": "weak",
        "spot": 2,
        "photons": 1000,
        "track": [[10.0, 5.25], [9.5, 7.125]],
    }
    bodies = {beam: f"{name.id} {beam}".encode() for beam in beams}
    known = {}
    for place, (beam, body) in enumerate(bodies.items()):
        frame = {"offset": place * len(body), "length": len(body), "crc32": zlib.crc32(body)}
        known[beam] = {**facts, "references": frame}
    whole = b"".join(bodies.values())
    add_references(item, path, size=len(whole), beams=known, orientation=1)
    if older:
        item = older_item(item, {beam: len(body) for beam, body in bodies.items()})
        for beam, body in bodies.items():
            file = references_path(item["collection"], name, f"references_{beam}")
            folder.write(file, body)
    else:
        folder.write(references_path(item["collection"], name), whole)
    folder.write(path, orjson.dumps(item))


def item_files(folder: Path) -> dict[str, Item]:
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_bytes())
        for path in sorted(folder.glob("ATL03_007/cycle-*/*/ATL03_*.json"))
    }


def indexed(folder: Path) -> list[Path]:
    """Items that have references."""
    items = item_files(folder).items()
    return [folder / path for path, item in items if "references" in item["assets"]]


def sets(folder: Path) -> dict[str, int]:
    """How many reference files there are of each granule."""
    found: dict[str, int] = {}
    for _, item, _ in reference_files(SafeFolder(folder)):
        found[Path(item).stem] = found.get(Path(item).stem, 0) + 1
    return found


def test_all_of_it_is_verified(built: Path, schemas: Path) -> None:
    report = verify(built, schemas=schemas)
    assert (report.problems, report.notes) == ((), ())
    with Host(built) as host:
        assert verify(host.url, schemas=schemas).problems == ()
    assert verify(built, sample=5).problems == ()


def test_the_index_holds_the_items_as_they_are(built: Path) -> None:
    rows = {item["id"]: item for item in ItemIndex.open(built).dictionaries()}
    assert rows == {item["id"]: item for item in item_files(built).values()}
    found = sum("icesat2:beams" in item["properties"] for item in rows.values())
    assert 0 < found == len(sets(built)) < len(rows)


def test_a_rebuild_with_nothing_new_changes_no_file(
    cloud: EarthdataStandin, published: Path
) -> None:
    before, written = tree(published), times(published)
    report = build_from(cloud, published, some_sized())
    assert (tree(published), times(published)) == (before, written)
    assert report.files_written == 0


def revise(record: Record) -> None:
    record["meta"]["revision-id"] += 1
    record["meta"]["revision-date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def resize(record: Record) -> None:
    revise(record)
    record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"][0]["SizeInBytes"] = 77


def produce(record: Record) -> None:
    revise(record)
    record["umm"]["DataGranule"]["ProductionDateTime"] = "2026-01-01T00:00:00.000Z"


def rename(record: Record) -> None:
    revise(record)
    record["meta"]["concept-id"] = "G77-NSIDC_CPRD"


@pytest.mark.parametrize(
    ("change", "sized", "kept"),
    [
        (revise, True, True),
        (revise, False, False),
        (resize, True, False),
        (produce, True, False),
        (rename, True, False),
    ],
)
def test_references_stay_where_the_file_is_the_same(
    cloud: EarthdataStandin,
    published: Path,
    change: Callable[[Record], None],
    sized: bool,
    kept: bool,
) -> None:
    granule = next(
        path.stem
        for path in indexed(published)
        if ("file:size" in json.loads(path.read_bytes())["assets"]["data"]) == sized
    )
    before = sets(published)
    records = some_sized()
    change(next(r for r in records if granule in json.dumps(r["umm"]["RelatedUrls"])))
    report = build_from(cloud, published, records)
    assert report.changed == (granule,)
    assert verify(published).problems == ()
    if not kept:
        del before[granule]
    assert sets(published) == before


def test_the_sets_of_removed_granules_go_last(cloud: EarthdataStandin, published: Path) -> None:
    steps = []

    def look(progress: Any) -> None:
        if progress.stage == "publishing":
            steps.append(broken(published) + dangling(published))

    before = sets(published)
    report = build_from(cloud, published, some_sized()[5:], progress=look)
    assert report.removed
    assert steps == [[]] * len(steps)
    assert sets(published) == {g: n for g, n in before.items() if g not in report.removed}
    folders = (path for path in published.rglob("*") if path.is_dir())
    assert [path for path in folders if not any(path.iterdir())] == []


def dangling(folder: Path) -> list[str]:
    """Reference sets that an item names but that are not there."""
    return [
        f"{path}: {key}"
        for path, item in item_files(folder).items()
        for key, asset in item["assets"].items()
        if key.startswith("references")
        and not (folder / path).parent.joinpath(asset["href"]).is_file()
    ]


@pytest.mark.parametrize("step", [0, 3, 9])
def test_a_rebuild_that_breaks_off_is_finished_by_the_next(
    cloud: EarthdataStandin, published: Path, tmp_path: Path, step: int
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    records = some_sized()[5:]
    other = Path(shutil.copytree(published, tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, published, records, progress=once(step, stop))
    assert broken(published) + dangling(published) == []
    build_from(cloud, published, records)
    assert not (published / STAGING).exists()
    build_from(cloud, other, records)
    assert tree(published) == tree(other)


def test_a_dry_run_knows_what_would_change(cloud: EarthdataStandin, published: Path) -> None:
    before = tree(published)
    assert build_from(cloud, published, some_sized(), dry_run=True).changed == ()
    assert tree(published) == before


def test_a_set_that_is_lost_takes_the_others_with_it(
    cloud: EarthdataStandin, published: Path
) -> None:
    granule = next(
        Path(path).stem
        for path, item in item_files(published).items()
        if "references_gt3l" in item["assets"]
    )
    next(published.rglob(f"{granule}_gt3l.json.zst")).unlink()
    report = build_from(cloud, published, some_sized(), full=True)
    assert report.changed == (granule,)
    assert granule not in sets(published)
    assert verify(published).ok


@pytest.mark.parametrize("body", [b"[]", b'{"icesat2:beams": 1}', b'"icesat2:beams', b"{}"])
def test_a_damaged_item_is_made_anew(
    cloud: EarthdataStandin, published: Path, body: bytes
) -> None:
    path = indexed(published)[0]
    path.write_bytes(body)
    assert build_from(cloud, published, some_sized(), full=True).changed == (path.stem,)
    assert path.stem not in sets(published)
    assert verify(published).ok


def test_indexing_again_replaces_what_was_said(built: Path) -> None:
    path, item = next(iter(item_files(built).items()))
    plain = json.loads(json.dumps(item))
    item["assets"]["references_gt1l"] = {"href": "as layout 1 has it"}
    for names in (["gt1l", "gt2r"], ["gt3r"]):
        beams: dict[Any, Item] = {beam: {"photons": 3} for beam in names}
        add_references(item, path, size=7, beams=beams, orientation=None)
        assert [key for key in item["assets"] if "references" in key] == ["references"]
        assert item["assets"]["references"]["file:size"] == 7
        assert item["properties"]["icesat2:beams"] == beams
        assert "icesat2:sc_orient" not in item["properties"]
    assert plain["assets"].items() <= item["assets"].items()


def file_of(folder: Path, *, older: bool = False) -> Path:
    """A reference file."""
    return next(
        folder / path
        for path, _, key in reference_files(SafeFolder(folder))
        if key == ("references_gt2l" if older else "references")
    )


def lose(folder: Path) -> None:
    file_of(folder).unlink()


def lose_older(folder: Path) -> None:
    file_of(folder, older=True).unlink()


def shorten(folder: Path) -> None:
    file_of(folder).write_bytes(b"")


def flip(folder: Path) -> None:
    body = bytearray(file_of(folder).read_bytes())
    body[len(body) // 2] ^= 4
    file_of(folder).write_bytes(body)


def shift(folder: Path) -> None:
    change_frame(folder, offset=10**6)


def forget(folder: Path) -> None:
    change_item(folder, lambda item: item["properties"]["icesat2:beams"]["gt2l"].pop("references"))


def garble(folder: Path) -> None:
    change_frame(folder, offset="0")


def change_frame(folder: Path, **changes: Any) -> None:
    change_item(
        folder,
        lambda item: item["properties"]["icesat2:beams"]["gt2l"]["references"].update(changes),
    )


def change_item(folder: Path, change: Callable[[Item], Any]) -> None:
    path = indexed(folder)[0]
    item = json.loads(path.read_bytes())
    change(item)
    path.write_bytes(orjson.dumps(item))


def leave_behind(folder: Path) -> None:
    file = file_of(folder)
    items = item_files(folder).values()
    bare = next(item for item in items if not any("references" in key for key in item["assets"]))
    other = folder / references_path("ATL03_007", GranuleName.parse(bare["id"]))
    other.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, other)


def leave_without_item(folder: Path) -> None:
    file = file_of(folder)
    shutil.copy(file, file.with_name(file.name.replace("_007_", "_006_")))


def misplace(folder: Path) -> None:
    other = item_files(folder)[indexed(folder)[1].relative_to(folder).as_posix()]
    change_item(
        folder, lambda item: item["assets"].update(references=other["assets"]["references"])
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose, "has references that lead to nothing"),
        (lose_older, "has references_gt2l that lead to nothing"),
        (flip, "has another checksum of"),
        (shift, "has references of gt2l beyond the end of"),
        (forget, "has photons without references of gt2l"),
        (garble, "has no usable places of references"),
        (shorten, "bytes, but there it has 0"),
        (leave_behind, "holds references that no item names"),
        (leave_without_item, "holds references that no item names"),
        (misplace, "has references at"),
    ],
)
def test_damage_is_found_and_named(
    published: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(published)
    report = verify(published)
    assert any(words in problem for problem in report.problems), report.problems
