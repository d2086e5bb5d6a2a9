"""References are kept in memory as far as they fit, and never taken for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import Answer, Asked, ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from web_folder import serve_folder

from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.references.frames import Frame
from catalog_builder.beams.references.kerchunk_reader import memory_of
from catalog_builder.beams.references.kerchunk_writer import ReferenceFile, write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.byte_cache import ByteCache
from catalog_builder.errors import CatalogError, CatalogNotFoundError, ReferencesError
from catalog_builder.opening import reference_cache
from catalog_builder.opening.reference_cache import (
    KEPT,
    ReferencePlace,
    fetch_frames,
    load_frames,
    load_references,
)
from catalog_builder.products.atl03 import Beam

BEAMS: tuple[Beam, ...] = ("gt1l", "gt1r", "gt3l")


@pytest.fixture(scope="module")
def beams(tmp_path_factory: pytest.TempPathFactory) -> dict[Beam, BeamReferences]:
    path = tmp_path_factory.mktemp("granule") / NAME
    write_granule(path, **{beam: SmallBeam() for beam in BEAMS})
    return scan(GranuleLinks(local=str(path))).beams


@pytest.fixture
def written(beams: dict[Beam, BeamReferences], tmp_path: Path) -> ReferenceFile:
    file = write_references(beams)
    (tmp_path / "set.json.zst").write_bytes(file.body)
    return file


@contextmanager
def host(
    folder: Path, answer: Callable[[Asked, Answer], Answer | None] = lambda asked, body: None
) -> Iterator[tuple[ScriptedServer, ReferencePlace]]:
    plain = serve_folder(folder)

    def answered(asked: Asked) -> Answer:
        body = plain(asked)
        return answer(asked, body) or body

    with ScriptedServer(answered) as server:
        yield server, ReferencePlace.of_address(f"{server.url}/set.json.zst")


def test_what_was_fetched_is_unpacked_without_its_host(
    written: ReferenceFile, tmp_path: Path
) -> None:
    with host(tmp_path) as (server, place):
        unpack = fetch_frames(place, written.frames)
        assert len(server.asked) == 1
    assert set(unpack()) == set(load_frames(place, written.frames)) == set(written.frames)


def test_one_ranged_request_for_a_beam_and_one_for_all(
    written: ReferenceFile, tmp_path: Path
) -> None:
    with host(tmp_path) as (server, place):
        one = {"gt1r": written.frames["gt1r"]}
        found = load_frames(place, one)
        assert [(asked.method, asked.headers.get("Range")) for asked in server.asked] == [
            ("GET", f"bytes={one['gt1r'].offset}-{one['gt1r'].stop - 1}")
        ]
        assert found["gt1r"].beam == "gt1r"
        assert load_frames(place, one)["gt1r"] is found["gt1r"]
        assert len(server.asked) == 1
        all_of_them = load_frames(place, written.frames)
        assert len(server.asked) == 2
        assert all_of_them["gt1r"] is found["gt1r"]
        assert load_frames(place, written.frames) == all_of_them
        assert len(server.asked) == 2
        assert {beam: known.beam for beam, known in all_of_them.items()} == {b: b for b in BEAMS}


def test_in_a_folder(written: ReferenceFile, tmp_path: Path) -> None:
    place = ReferencePlace.of_address(str(tmp_path / "set.json.zst"))
    assert set(load_frames(place, written.frames)) == set(BEAMS)
    (tmp_path / "set.json.zst").unlink()
    assert set(load_frames(place, written.frames)) == set(BEAMS)
    with pytest.raises(CatalogNotFoundError):
        load_frames(replace(place, name="other.json.zst"), written.frames)


def test_a_host_without_ranges(written: ReferenceFile, tmp_path: Path) -> None:
    """It sends the whole file, of which no more is read than is needed."""
    path = tmp_path / "set.json.zst"

    def whole(asked: Asked, _: Answer) -> Answer:
        return Answer(body=path.read_bytes())

    with host(tmp_path, whole) as (_, place):
        assert set(load_frames(place, written.frames)) == set(BEAMS)


def test_what_was_replaced_is_told_by_its_checksum(
    beams: dict[Beam, BeamReferences], written: ReferenceFile, tmp_path: Path
) -> None:
    other = write_references({b: replace(known, size=10**6) for b, known in beams.items()})
    (tmp_path / "set.json.zst").write_bytes(other.body)
    with host(tmp_path) as (_, place):
        with pytest.raises(ReferencesError, match="checksum"):
            load_frames(place, written.frames)
        assert load_frames(place, other.frames)["gt1l"].size == 10**6


@pytest.mark.parametrize("place_in_file", [0, 0.2, 0.5, 0.8, -1])
def test_every_flipped_bit_is_told(
    written: ReferenceFile, tmp_path: Path, place_in_file: float
) -> None:
    body = bytearray(written.body)
    frame = written.frames["gt1l"]
    at = frame.stop - 1 if place_in_file < 0 else frame.offset + int(frame.length * place_in_file)
    body[at] ^= 1
    (tmp_path / "set.json.zst").write_bytes(body)
    place = ReferencePlace.of_address(str(tmp_path / "set.json.zst"))
    with pytest.raises(ReferencesError, match="checksum"):
        load_frames(place, {"gt1l": frame})
    # Read whole, it is zstd's own checksum that tells.
    with pytest.raises(ReferencesError, match="no references of gt1l"):
        load_references(str(tmp_path / "set.json.zst"), "gt1l")


@pytest.mark.parametrize(
    "frame",
    [
        {"offset": 2**40, "length": 10, "crc32": 1},
        {"offset": 0, "length": 10**6, "crc32": 1},
        {"offset": 100, "length": 10, "crc32": 1},
    ],
)
def test_a_place_beyond_the_file(
    written: ReferenceFile, tmp_path: Path, frame: dict[str, int]
) -> None:
    wrong = Frame.parse(frame)
    with host(tmp_path) as (_, place), pytest.raises((ReferencesError, CatalogError)):
        load_frames(place, {"gt1l": wrong})
    local = ReferencePlace.of_address(str(tmp_path / "set.json.zst"))
    with pytest.raises(ReferencesError, match="checksum"):
        load_frames(local, {"gt1l": wrong})


def test_frames_far_apart_are_not_fetched(written: ReferenceFile, tmp_path: Path) -> None:
    far = replace(written.frames["gt1r"], offset=2**40)
    with host(tmp_path) as (server, place):
        with pytest.raises(ReferencesError, match="more than can be"):
            load_frames(place, {"gt1l": written.frames["gt1l"], "gt1r": far})
        assert not server.asked


def test_references_that_do_not_fit_their_granule_are_read_anew(
    written: ReferenceFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_references, "_rejected", set())
    with host(tmp_path) as (server, place):
        found = load_frames(place, written.frames)
        rejected_references.reject(found["gt1l"])
        load_frames(place, written.frames)
        assert len(server.asked) == 2


def test_no_more_is_kept_than_fits(
    written: ReferenceFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reference_cache._loaded.capacity == KEPT == 32 * 2**20
    place = ReferencePlace.of_address(str(tmp_path / "set.json.zst"))
    size = memory_of(load_frames(place, written.frames)["gt1l"])
    cache = ByteCache[object, object](capacity=5 * size // 2)
    monkeypatch.setattr(reference_cache, "_loaded", cache)
    with host(tmp_path) as (server, there):
        for beam, frame in written.frames.items():
            load_frames(there, {beam: frame})
        assert size < cache.bytes <= 5 * size // 2
        load_frames(there, {"gt3l": written.frames["gt3l"]})
        assert len(server.asked) == 3
        load_frames(there, {"gt1l": written.frames["gt1l"]})  # the oldest was dropped
        assert len(server.asked) == 4


@pytest.mark.parametrize("kind", ["local", "etag", "nothing"])
def test_a_file_by_its_address_alone_is_read_anew_where_it_was_replaced(
    beams: dict[Beam, BeamReferences], tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "set.json.zst"

    def tagged(asked: Asked, body: Answer) -> Answer | None:
        if kind == "etag" and file.exists():
            body.headers["ETag"] = tag = f'"{file.stat().st_ino}-{file.stat().st_mtime_ns}"'
            if asked.headers.get("If-None-Match") == tag:
                return Answer(status=304)
        return None

    with host(tmp_path, tagged) as (server, place):
        address = str(file) if kind == "local" else place.folder.href(place.name)
        for size in (1, 2, 3):
            part = tmp_path / "part"
            known = {beam: replace(one, size=size) for beam, one in beams.items()}
            part.write_bytes(write_references(known).body)
            part.replace(file)
            first = load_references(address, "gt1r")
            assert (first.size, first.beam) == (size, "gt1r")
            assert load_references(address, "gt1r") is first
            assert load_references(address, "gt3l").beam == "gt3l"
        if kind == "etag":
            assert {"If-None-Match"} <= set(server.asked[-2].headers)
        with pytest.raises(ReferencesError, match="no references of gt2l"):
            load_references(address, "gt2l")
        file.unlink()
        with pytest.raises(CatalogNotFoundError, match=r"set\.json\.zst"):
            load_references(address, "gt1r")
