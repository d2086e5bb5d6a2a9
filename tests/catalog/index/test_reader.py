"""A reader that stays open while the catalog is rebuilt answers as a fresh one does."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from building import build_from, records_of
from sample_items import make_item
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions, reader
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from catalog_builder.errors import CatalogChangedError, CatalogError, CatalogNotFoundError
from earthdata_standin import EarthdataStandin, World
from tests.catalog.index.range_server import Ranges, Whole, serve

BOX = (-180, -60, 180, 90)
EPOCH = 1_600_000_000
"""Seconds; files of one age are dated alike."""


@lru_cache
def index_of(numbers: Sequence[int]) -> bytes:
    """An index of some items, in several row groups."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.parquet"
        write_index(map(make_item, numbers), path)
        return path.read_bytes()


def publish(folder: Path, numbers: Sequence[int], *, age: float | None = None) -> None:
    """Replace a folder's index as a build does: written beside it, then renamed."""
    part = folder / ".items.parquet.part"
    part.write_bytes(index_of(numbers))
    if age is not None:
        os.utime(part, (EPOCH + age, EPOCH + age))
    part.replace(folder / "items.parquet")


def expected(numbers: Sequence[int]) -> set[str]:
    return {make_item(number)["id"] for number in numbers}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many row groups, which do not come with the footer; no waiting."""
    monkeypatch.setattr(partitions, "MOST_ROWS", 20)
    monkeypatch.setattr(reader, "PAUSES", (0.0,) * 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "catalog.json").write_text("{}")
    return tmp_path


@contextmanager
def hosted(
    folder: Path, change: Callable[[Asked, Answer], Answer] = lambda _, answer: answer
) -> Iterator[ScriptedServer]:
    """A server of a folder whose answers are changed."""
    plain = serve_folder(folder)
    with ScriptedServer(lambda asked: change(asked, plain(asked))) as server:
        yield server


@pytest.mark.parametrize("whole", [True, False])
def test_three_rebuilds_under_readers_by_http_and_by_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    out = tmp_path / "public"
    monkeypatch.setattr(reader, "END", 2**18 if whole else 2**14)
    monkeypatch.setattr(reader, "trusted_for", lambda _: 0.0)  # a slow machine trusts up to 1 s
    all_records = records_of()
    with EarthdataStandin(world=World.simulate(granules=4)) as cloud:
        build_from(cloud, out, all_records[:10])
        with Host(out) as host:
            held = [ItemIndex.open(host.url), ItemIndex.open(out)]
            narrowed = [index.search(bbox=BOX) for index in held]
            for records in (all_records, all_records[4:16], all_records[8:30], all_records[:3]):
                assert all(index.to_table().num_rows == len(index) for index in held)
                build_from(cloud, out, records, full=True)
                fresh = ItemIndex.open(out)
                assert len(records) - 1 <= len(fresh) <= len(records)  # one is of no use
                near = fresh.search(bbox=BOX)
                for index, found in zip(held, narrowed, strict=True):
                    assert index.search(bbox=BOX).ids == found.ids == near.ids
                    assert index.ids == fresh.ids
                    assert found.to_table().equals(near.to_table())
                    assert list(index.dictionaries()) == list(fresh.dictionaries())
                    assert fresh.ids[0] in index


def test_a_rebuild_is_noticed_at_once_where_a_request_is_needed_anyway(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 2**14)
    publish(folder, range(0, 700, 7))
    with Host(folder) as host:
        index = ItemIndex.open(host.url)
        assert set(index.search(region=1).ids) <= expected(range(0, 700, 7))
        publish(folder, range(7, 1400, 7))
        assert set(index.search(bbox=BOX).ids) == set(ItemIndex.open(folder).search(bbox=BOX).ids)
        assert index.ids == ItemIndex.open(folder).ids


def test_a_search_that_needs_nothing_more_asks_for_the_version_now_and_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder, range(0, 140, 7), age=0)
    with hosted(folder, dated(folder)) as server:
        index = ItemIndex.open(server.url)
        monkeypatch.setattr(reader, "trusted_for", lambda _: 60.0)
        assert [len(index.search(region=n).ids) for n in (1, 2, 3)]
        assert len(server.asked) == 1
        index._source.snapshot().trusted_until = 0.0
        assert set(index.ids) == expected(range(0, 140, 7))
        assert len(server.asked) == 2
        assert server.asked[-1].headers["Range"] == "bytes=-8"
        assert "If-Modified-Since" in server.asked[-1].headers
        publish(folder, range(0, 210, 7), age=5)
        assert set(index.ids) == expected(range(0, 140, 7))
        index._source.snapshot().trusted_until = 0.0
        assert set(index.ids) == expected(range(0, 210, 7))


def dated(folder: Path) -> Callable[[Asked, Answer], Answer]:
    """Answers with dates, 304 included, as Python's own web server gives them."""
    from email.utils import formatdate

    def change(asked: Asked, answer: Answer) -> Answer:
        modified = formatdate((folder / "items.parquet").stat().st_mtime, usegmt=True)
        answer.headers["Last-Modified"] = modified
        if asked.headers.get("If-Modified-Since") == modified:
            return Answer(status=304)
        return answer

    return change


@pytest.mark.parametrize("host", ["etag", "weak etag", "date", "size", "nothing"])
def test_hosts_that_tell_versions_in_different_ways(
    folder: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Also ``Content-Range`` without the size, of hosts that tell nothing at all."""
    monkeypatch.setattr(reader, "END", 2**14)
    monkeypatch.setattr(reader, "trusted_for", lambda _: 0.0)
    versions = [range(0, 700, 7), range(7, 1400, 7), range(21, 500, 7), range(0, 700, 7)]
    state = {"number": 0}

    def change(_: Asked, answer: Answer) -> Answer:
        if host == "etag":
            answer.headers["ETag"] = f'"{state["number"]}"'
        elif host == "weak etag":
            answer.headers["ETag"] = f'W/"{state["number"]}"'
        elif host == "date":
            answer.headers["Last-Modified"] = f"Wed, 0{state['number'] + 1} Jan 2020 00:00:00 GMT"
        if host != "size" and "Content-Range" in answer.headers:
            answer.headers["Content-Range"] = answer.headers["Content-Range"].split("/")[0] + "/*"
        return answer

    publish(folder, versions[0])
    with hosted(folder, change) as server:
        index = ItemIndex.open(server.url)
        for number, numbers in enumerate(versions):
            state["number"] = number
            publish(folder, numbers)
            fresh = ItemIndex.open(folder)
            assert index.search(region=4, bbox=BOX).ids == fresh.search(region=4, bbox=BOX).ids
            assert index.to_table().equals(fresh.to_table())


def test_replicas_with_etags_of_their_own_cost_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas take turns; their files have one date and one size."""
    monkeypatch.setattr(reader, "END", 2**14)
    publish(folder, range(0, 700, 7), age=0)
    turns = {"number": 0}
    with_dates = dated(folder)

    def change(asked: Asked, answer: Answer) -> Answer:
        turns["number"] += 1
        answer.headers["ETag"] = f'"replica-{turns["number"] % 2}"'
        return with_dates(asked, answer)

    counts = []
    for way in (with_dates, change):
        with hosted(folder, way) as server:
            index = ItemIndex.open(server.url)
            monkeypatch.setattr(reader, "trusted_for", lambda _: 60.0)
            assert index.search(bbox=BOX).ids == ItemIndex.open(folder).search(bbox=BOX).ids
            assert index.to_table().equals(ItemIndex.open(folder).to_table())
            counts.append(len(server.asked))
            publish(folder, range(7, 1400, 7), age=9)
            index._source.snapshot().trusted_until = 0.0
            assert index.ids == ItemIndex.open(folder).ids
            publish(folder, range(0, 700, 7), age=0)
    assert counts[0] == counts[1]


def test_one_answer_never_comes_from_two_versions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is replaced between the footer and the columns, whichever request is next."""
    monkeypatch.setattr(reader, "END", 2**14)
    versions = [range(0, 700, 7), range(7, 1400, 7)]
    for moment in range(1, 8):
        publish(folder, versions[0], age=0)
        count = {"asked": 0}
        with_dates = dated(folder)

        def change(
            asked: Asked, answer: Answer, *, moment=moment, count=count, dates=with_dates
        ) -> Answer:
            count["asked"] += 1
            answer = dates(asked, answer)
            if count["asked"] == moment:
                publish(folder, versions[1], age=7)
            return answer

        with hosted(folder, change) as server:
            table = ItemIndex.open(server.url).search(bbox=BOX).to_table()
        publish(folder, versions[0], age=0)
        old = ItemIndex.open(folder).search(bbox=BOX).to_table()
        publish(folder, versions[1], age=7)
        new = ItemIndex.open(folder).search(bbox=BOX).to_table()
        assert table.equals(old) or table.equals(new)


def test_a_listing_that_is_under_way_ends_with_an_error_that_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 2**14)
    publish(folder, range(0, 1400, 7))
    with Host(folder) as host:
        for where, ends in ((host.url, pytest.raises(CatalogChangedError)), (folder, None)):
            index = ItemIndex.open(where)
            items = index.dictionaries()
            first = next(items)
            publish(folder, range(7, 700, 7))
            if ends is None:  # the file that was opened is still there
                assert len([first, *items]) == 200
            else:
                with ends as caught:
                    list(items)
                assert "list them again" in str(caught.value)
            assert [item["id"] for item in index.dictionaries()] == ItemIndex.open(folder).ids
            publish(folder, range(0, 1400, 7))


def test_searches_in_a_thread_while_the_index_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 2**14)
    monkeypatch.setattr(reader, "trusted_for", lambda _: 0.0)
    versions = [range(0, 700, 7), range(7, 1400, 7), range(14, 300, 7)]
    answers = []
    for numbers in versions:
        publish(folder, numbers)
        answers.append(ItemIndex.open(folder).search(bbox=BOX).to_table(["id", "bbox", "title"]))
    wrong: list[Any] = []
    counts = [0, 0]
    stopped = threading.Event()

    def search(number: int, index: ItemIndex) -> None:
        while not stopped.is_set():
            try:
                found = index.search(bbox=BOX).to_table(["id", "bbox", "title"])
            except CatalogError as error:
                wrong.append(error)
                return
            if not any(found.equals(answer) for answer in answers):
                wrong.append(found["id"].to_pylist())
            counts[number] += 1

    with Host(folder) as host:
        threads = [
            threading.Thread(target=search, args=(number, ItemIndex.open(where)))
            for number, where in enumerate((host.url, folder))
        ]
        for thread in threads:
            thread.start()
        for number in range(12):
            publish(folder, versions[number % 3])
            time.sleep(0.15)
        stopped.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert min(counts) > 2


def test_an_index_that_is_replaced_at_every_request_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 2**14)
    publish(folder, range(0, 700, 7))
    count = {"asked": 0}

    def change(_: Asked, answer: Answer) -> Answer:
        count["asked"] += 1
        answer.headers["ETag"] = f'"{count["asked"]}"'
        return answer

    with hosted(folder, change) as server:
        with pytest.raises(CatalogChangedError, match=r"items\.parquet was replaced 5 times"):
            ItemIndex.open(server.url).search(bbox=BOX).to_table()
        assert len(server.asked) <= 30


def test_damage_costs_one_more_request_and_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 2**14)
    publish(folder, range(0, 1400, 7))
    path = folder / "items.parquet"
    body = path.read_bytes()
    path.write_bytes(body[:4] + bytes(len(body) // 2) + body[4 + len(body) // 2 :])
    with hosted(folder) as server:
        with pytest.raises(CatalogError, match=r"items\.parquet cannot be read"):
            ItemIndex.open(server.url).to_table()
        assert len(server.asked) <= 6


def test_a_file_that_is_written_over_in_place_is_noticed(folder: Path) -> None:
    publish(folder, range(0, 700, 7))
    index = ItemIndex.open(folder)
    assert set(index.ids) == expected(range(0, 700, 7))
    write_index(map(make_item, range(7, 1400, 7)), folder / "other")
    (folder / "items.parquet").write_bytes((folder / "other").read_bytes())
    assert set(index.ids) == expected(range(7, 1400, 7))
    assert len(index.to_table()) == 199


def test_a_catalog_that_is_gone_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "trusted_for", lambda _: 0.0)
    publish(folder, range(0, 70, 7))
    with Host(folder) as host:
        held = [ItemIndex.open(host.url), ItemIndex.open(folder)]
        assert [len(index) for index in held] == [10, 10]
        (folder / "items.parquet").unlink()
        for index in held:
            with pytest.raises(CatalogError, match=r"There is no .*items\.parquet"):
                index.search(region=4).ids  # noqa: B018
        publish(folder, range(0, 140, 7))
        assert [len(index) for index in held] == [20, 20]


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "inside"])
def test_a_damaged_index_is_an_error_that_names_it(
    catalog: Path, tmp_path: Path, damage: str
) -> None:
    whole = (catalog / "items.parquet").read_bytes()
    body = {
        "empty": b"",
        "text": b"<!doctype html>" * 10,
        "cut": whole[: len(whole) // 2],
        "inside": whole[:200] + bytes(len(whole) // 2) + whole[200 + len(whole) // 2 :],
    }[damage]
    (tmp_path / "items.parquet").write_bytes(body)
    with pytest.raises(CatalogError, match=r"items\.parquet"):
        list(ItemIndex.open(tmp_path))


def test_our_own_host_serves_it(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Host(catalog) as host:
        for end in (1000, 100_000, 2**20):
            monkeypatch.setattr(reader, "END", end)
            found = ItemIndex.open(host.url).search(region=4, bbox=[0, 60, 90, 90])
            assert found.ids == index.search(region=4, bbox=[0, 60, 90, 90]).ids


def test_over_http_a_footer_longer_than_expected_costs_one_request_more(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 1000)
    with serve(Ranges, catalog) as (url, seen):
        assert len(ItemIndex.open(url)) == len(index)
        assert len(seen) == 2
        assert sum(seen) < 100_000


def test_over_http_a_small_index_comes_whole(
    catalog: Path, index: ItemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 2**20)
    monkeypatch.setattr(reader, "trusted_for", lambda _: 60.0)  # however slow this machine is
    with serve(Ranges, catalog) as (url, seen):
        remote = ItemIndex.open(url)
        assert remote.search(bbox=[0, 60, 90, 90]).ids == index.search(bbox=[0, 60, 90, 90]).ids
        assert list(remote.search(limit=3).dictionaries())
        assert len(seen) == 1


@pytest.mark.parametrize("status", [416, 501])
def test_a_host_that_does_not_count_from_the_end(
    catalog: Path, index: ItemIndex, status: int
) -> None:
    plain = serve_folder(catalog)

    def answer(asked: Asked) -> Answer:
        suffix = asked.headers.get("Range", "").startswith("bytes=-")
        return Answer(status=status) if suffix else plain(asked)

    with ScriptedServer(answer) as server:
        assert ItemIndex.open(server.url).search(region=4).ids == index.search(region=4).ids


def test_an_index_that_changes_under_a_reader_is_an_error(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "END", 100_000)
    path = tmp_path / "items.parquet"
    path.write_bytes((catalog / "items.parquet").read_bytes())
    with serve(Ranges, tmp_path) as (url, _):
        index = ItemIndex.open(url)
        len(index)
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(CatalogError, match=r"items\.parquet cannot be read"):
            index.search(region=11).ids  # noqa: B018


def test_a_host_without_ranges_serves_too(catalog: Path, index: ItemIndex) -> None:
    with serve(Whole, catalog) as (url, _):
        found = ItemIndex.open(url).search(region=4)
        assert found.ids == index.search(region=4).ids


def test_a_missing_index_behind_a_url_is_named_without_its_query(catalog: Path) -> None:
    with Host(catalog) as host:
        with pytest.raises(CatalogNotFoundError) as caught:
            len(ItemIndex.open(f"{host.url}/other/?token=secret"))
        assert "/other/items.parquet" in str(caught.value)
        assert "secret" not in str(caught.value)
        url = host.url
    with pytest.raises(CatalogError, match="cannot be read"):
        len(ItemIndex.open(url))
