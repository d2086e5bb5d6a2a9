"""A folder of chunks: bounded, shared by processes, and believed in nothing but checked bytes."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.chunk_cache import ChunkCache
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import FolderError
from earthdata_standin import EarthdataStandin
from tests.beams.bits import require_same

LINKS = GranuleLinks(s3="s3://bucket/secret-name.h5", https="https://host/secret-name.h5?sign=key")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def made(folder: Path, capacity: int = 10**6) -> ChunkCache:
    cache = ChunkCache.of(folder, capacity)
    assert cache is not None
    return cache


def test_what_was_put_is_there(tmp_path: Path) -> None:
    cache = made(tmp_path / "cache")
    version = cache.version(LINKS, 1000, "tag")
    assert version.get(0, 5) is None
    version.put(0, b"hello")
    version.put(5, memoryview(b"there"))
    for again in (version, pickle.loads(pickle.dumps(cache)).version(LINKS, 1000, "tag")):
        assert (again.get(0, 5), again.get(5, 5)) == (b"hello", b"there")
    assert version.get(0, 4) is None
    # Of another version, and of another granule.
    assert cache.version(LINKS, 1001, "tag").get(0, 5) is None
    assert cache.version(LINKS, 1000, "other").get(0, 5) is None
    assert cache.version(GranuleLinks(s3="s3://bucket/b.h5"), 1000, "tag").get(0, 5) is None
    # Neither addresses nor queries are written.
    assert len(files(cache.folder)) == 2
    for path in files(cache.folder):
        assert b"secret" not in path.read_bytes()
        assert "secret" not in str(path.relative_to(tmp_path))
    assert (cache.folder.stat().st_mode & 0o077) == 0


def _cut(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _changed(path: Path, other: Path) -> None:
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(body)


def _swapped(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def _linked(path: Path, other: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _folder(path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, other: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [_cut, _changed, _swapped, _linked, _folder, _pipe])
def test_what_is_not_whole_is_not_there(tmp_path: Path, spoil: Any) -> None:
    version = made(tmp_path).version(LINKS, 1000, None)
    version.put(0, b"hello")
    (path,) = files(tmp_path)
    version.put(5, b"there")
    (other,) = [one for one in files(tmp_path) if one != path]
    spoil(path, other)
    assert version.get(0, 5) is None
    assert version.get(5, 5) == b"there"
    version.put(0, b"hello")  # no failure, whatever lies there


def test_the_least_recently_used_goes(tmp_path: Path) -> None:
    cache = made(tmp_path, 10_000)
    version = cache.version(LINKS, 10**6, None)
    for number in range(40):
        version.put(number, bytes(492))
        os.utime(max(files(tmp_path), key=lambda one: one.stat().st_mtime_ns), ns=(number, number))
        version.get(0, 492)  # used all the time
        assert sum(path.stat().st_size for path in files(tmp_path)) <= 10_000
    assert version.get(0, 492) is not None
    assert version.get(39, 492) is not None
    assert version.get(1, 492) is None
    version.put(77, bytes(20_000))  # more than all
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 10_000


def work(cache: ChunkCache, seed: int) -> int:
    noise, found = np.random.default_rng(seed), 0
    version = cache.version(LINKS, 10**6, "tag")
    for _ in range(400):
        number = int(noise.integers(60))
        expected = bytes([number]) * (1000 + number)
        known = version.get(number, len(expected))
        if known is None:
            version.put(number, expected)
        else:
            assert known == expected
            found += 1
    return found


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    cache = made(tmp_path, 40_000)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert sum(pool.map(work, [cache] * 3, range(3))) > 100
    threads = [threading.Thread(target=work, args=(cache, seed)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 40_000 * (1 + 4 / 16)
    assert not [path for path in files(tmp_path) if path.name.endswith(".part")]


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATALOG_BUILDER_CACHE", raising=False)
    assert ChunkCache.of(None) is None
    monkeypatch.setenv("CATALOG_BUILDER_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("CATALOG_BUILDER_CACHE_BYTES", "12345")
    cache = ChunkCache.of(None)
    assert cache is not None
    assert (cache.folder, cache.capacity) == (tmp_path / "a", 12345)
    assert ChunkCache.of(False) is None
    assert (
        ChunkCache.of(cache) is ChunkCache.of(None) is pickle.loads(pickle.dumps(cache)) is cache
    )
    assert ChunkCache.of(tmp_path / "b", 7) == ChunkCache(folder=tmp_path / "b", capacity=7)
    monkeypatch.setenv("CATALOG_BUILDER_CACHE_BYTES", "10 GB")
    with pytest.raises(FolderError, match="'10 GB': expected a number of bytes"):
        ChunkCache.of(None)
    (tmp_path / "file").write_text("")
    for nowhere in ("~nobody-of-this-name/cache", "a\0b"):
        with pytest.raises(FolderError, match="No cache can be kept in"):
            ChunkCache.of(nowhere, 7)
    with pytest.raises(FolderError, match="No cache can be kept in"):
        ChunkCache.of(tmp_path / "file" / "c", 7)


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    cache = ChunkCache(folder=tmp_path / "cache", capacity=10**6)
    cache.folder.mkdir()
    for number in range(256):
        (cache.folder / f"{number:02x}").symlink_to(tmp_path / "outside")
    cache.put("key", b"data")
    assert cache.get("key", 4) is None
    assert not [*(tmp_path / "outside").iterdir()]


def test_a_folder_that_cannot_be_written_only_keeps_nothing(tmp_path: Path) -> None:
    cache = made(tmp_path / "cache")
    version = cache.version(LINKS, 1000, None)
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file")
    version.put(0, b"hello")
    assert version.get(0, 5) is None


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_beam_is_read_again_without_a_request(
    stored: tuple[GranuleLinks, Path],
    cloud: EarthdataStandin,
    access: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links, _ = stored
    known = scan(links, "s3").beams["gt1r"]
    expected = open_beam(links, "gt1r", access=access, references=known)
    monkeypatch.setenv("CATALOG_BUILDER_CACHE", str(tmp_path))
    first = open_beam(links, "gt1r", access=access, references=known)
    cloud.requests.clear()
    again = open_beam(links, "gt1r", access=access, references=known)
    assert not cloud.requests
    require_same(first, expected)
    require_same(again, expected)
    # A chunk more is all that is asked for; and one that is spoilt is asked for again.
    open_beam(links, "gt1r", ["h_ph", "quality_ph"], access=access, references=known)
    ranges = [one for one in cloud.requests if one.range]
    assert len(ranges) <= 3  # over HTTPS two find the signed URL
    assert sum(one.bytes for one in ranges) < 20_000
    for path in files(tmp_path):
        _changed(path, path)
    require_same(open_beam(links, "gt1r", access=access, references=known), expected)
