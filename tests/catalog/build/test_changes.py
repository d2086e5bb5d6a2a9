"""What a build changes in a folder, and what it leaves as it is."""

from __future__ import annotations

from pathlib import Path

from building import (
    build_from,
    times,
    tree,
)

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin
from tests.catalog.build.records import first_state, next_state


def test_an_update_touches_only_what_it_concerns(
    cloud: EarthdataStandin, out: Path, tmp_path: Path
) -> None:
    build_from(cloud, out, first_state())
    before, written = tree(out), times(out)
    report = build_from(cloud, out, next_state())
    after = tree(out)
    assert (len(report.added), len(report.changed), len(report.removed)) == (1, 2, 5)
    changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    moved = {path for path, when in times(out).items() if written.get(path, when) != when}
    assert moved == changed
    assert {Path(path).stem for path in changed if "ATL03_2" in path} == set(report.changed)
    gone = {Path(path).stem for path in before.keys() - after.keys() if "/ATL03_2" in path}
    assert gone == set(report.removed)
    build_from(cloud, tmp_path / "afresh", next_state())
    assert after == tree(tmp_path / "afresh")
    assert [path for path in out.rglob("*") if path.is_dir() and not any(path.iterdir())] == []
    assert len(ItemIndex.open(out)) == report.items


def test_what_is_not_the_builders_stays(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out, first_state())
    cycles = [path for path in (out / "ATL03_007").iterdir() if path.is_dir()]
    others = [
        out / "README.md",
        out / ".nojekyll",
        out / "ATL03_007" / "references" / "gt1l.json.zst",
        *(cycle / "notes.txt" for cycle in cycles),
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    build_from(cloud, out, next_state())
    assert [path.read_text() for path in others] == ["mine"] * len(others)
    assert verify(out).ok
