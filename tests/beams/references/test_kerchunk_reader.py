"""Reference sets that cannot be right: h5py reads the beam, with one warning."""

from __future__ import annotations

import copy
import gc
import json
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import xarray as xr
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from older_references import older_set
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.granule_tree import open_granule
from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.references.frames import MOST_BYTES, MOST_WHOLE, cut, inflate
from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.beams.references.kerchunk_reader import (
    memory_of,
    read_frame,
    read_references,
)
from catalog_builder.beams.references.kerchunk_writer import KEY, write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesError, ReferencesWarning, StaleReferencesError
from tests.beams.odd_datasets import write_odd_granule

Parts = dict[str, Any]
"""A set taken apart: its keys, with all that is JSON within JSON as JSON has it."""


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_references, "_rejected", set())


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> GranuleLinks:
    path = tmp_path_factory.mktemp("granule") / NAME
    beam = SmallBeam(counts=[30, 0, 25] * 8, start=(10.0, 0.0))
    return GranuleLinks(local=str(write_granule(path, gt1l=beam)))


@pytest.fixture(scope="module")
def parts(granule: GranuleLinks) -> Parts:
    return taken_apart(frame_of(scan(granule).beams["gt1l"]))


def frame_of(references: BeamReferences) -> bytes:
    """The frame of a beam."""
    file = write_references({"gt1l": references})
    return cut(file.body, file.frames)["gt1l"]


def read(frame: bytes) -> BeamReferences:
    return read_frame(frame, "gt1l")


def taken_apart(frame: bytes) -> Parts:
    refs = orjson.loads(b"{%b}" % inflate(frame)[1:])
    return {
        key: orjson.loads(value) if key.rpartition("/")[2].startswith(".z") else value
        for key, value in refs.items()
    }


def put_together(parts: Parts) -> bytes:
    refs = {
        key: json.dumps(value) if key.rpartition("/")[2].startswith(".z") else value
        for key, value in parts.items()
    }
    return zstandard.compress(b"," + json.dumps(refs).encode()[1:-1])


def own(parts: Parts) -> Parts:
    found: Parts = parts["gt1l/.zattrs"][KEY]
    return found


def array(name: str, **changed: Any) -> Callable[[Parts], None]:
    return lambda parts: parts[f"{name}/.zarray"].update(changed)


def chunk(key: str, *place: Any) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts[key] = ["{{u}}", *place]

    return change


def drop(key: str) -> Callable[[Parts], None]:
    return lambda parts: parts.pop(key)


def say(**changed: Any) -> Callable[[Parts], None]:
    return lambda parts: own(parts).update(changed)


WRONG: dict[str, Callable[[Parts], None]] = {
    "a chunk is missing": drop("gt1l/heights/h_ph/3"),
    "a chunk is empty": chunk("gt1l/heights/h_ph/3", 4000, 0),
    "the chunks are missing": lambda parts: (
        [
            parts.pop(key)
            for key in [*parts]
            if key.startswith("gt1l/heights/lat_ph/") and key[-1].isdigit()
        ]
        and None
    ),
    "an offset of 2**63": chunk("gt1l/heights/h_ph/3", 2**63, 10),
    "a size of 2**63": chunk("gt1l/heights/h_ph/3", 10, 2**63),
    "a size of 2**64 - 1": chunk("gt1l/heights/h_ph/3", 10, 2**64 - 1),
    "a size of 10**30": chunk("gt1l/heights/h_ph/3", 10, 10**30),
    "a negative offset": chunk("gt1l/heights/h_ph/3", -1, 10),
    "a broken number": chunk("gt1l/heights/h_ph/3", 1.5, 10),
    "no size": chunk("gt1l/heights/h_ph/3", 4000),
    "an address alone": lambda parts: parts.update({"gt1l/heights/h_ph/3": ["{{u}}"]}),
    "text for a chunk": lambda parts: parts.update({"gt1l/heights/h_ph/3": "base64:AAAA"}),
    "a number for a chunk": lambda parts: parts.update({"gt1l/heights/h_ph/3": 7}),
    "chunks beyond the file": chunk("gt1l/heights/h_ph/3", 10**9, 10),
    "fewer rows": array("gt1l/heights/h_ph", shape=[300]),
    "more rows": array("gt1l/heights/h_ph", shape=[10**12]),
    "rows beyond 2**63": array("gt1l/heights/h_ph", shape=[2**64]),
    "negative rows": array("gt1l/heights/h_ph", shape=[-440]),
    "no rank": array("gt1l/heights/h_ph", shape=[], chunks=[]),
    "another rank": array("gt1l/heights/h_ph", shape=[440, 1]),
    "chunks of nothing": array("gt1l/heights/h_ph", chunks=[0]),
    "other chunks": array("gt1l/heights/h_ph", chunks=[20]),
    "one chunk": array("gt1l/heights/h_ph", chunks=[10**9]),
    "a shape of text": array("gt1l/heights/h_ph", shape="440"),
    "objects": array("gt1l/heights/h_ph", dtype="|O"),
    "a huge type": array("gt1l/heights/h_ph", dtype="|S2147483647"),
    "a void type": array("gt1l/heights/h_ph", dtype="|V1000000000000"),
    "a compound type": array("gt1l/heights/h_ph", dtype=[["a", "<f4"]]),
    "types with commas": array("gt1l/heights/h_ph", dtype="f4,f4"),
    "text for heights": array("gt1l/heights/lat_ph", dtype="|S8"),
    "counts of text": array("gt1l/geolocation/segment_ph_cnt", dtype="|S4"),
    "floating counts": array("gt1l/geolocation/segment_ph_cnt", dtype="<f4"),
    "fewer segments": array("gt1l/geolocation/segment_ph_cnt", shape=[5]),
    "filters of no name": array("gt1l/heights/h_ph", filters=[{}]),
    "filters of another kind": array("gt1l/heights/h_ph", filters="zlib"),
    "no description": drop("gt1l/heights/h_ph/.zarray"),
    "no attributes": drop("gt1l/heights/h_ph/.zattrs"),
    "no dimensions": lambda parts: parts["gt1l/heights/h_ph/.zattrs"].pop("_ARRAY_DIMENSIONS"),
    "a size of the granule in words": say(size="s3://b/c"),
    "a negative size of the granule": say(size=-1),
    "no photon": say(photons=0),
    "more photons": say(photons=441),
    "other chunks of photons": say(chunk=17),
    "a beam of no name": say(beam="gt9z"),
    "no granule": say(granule=None),
    "another kind of paths": say(paths={"heights/h_ph": 1}),
    "attributes of impossible types": say(types={"heights/h_ph": {"units": "|V99999999999"}}),
    "attributes of other types": say(types={"heights/h_ph": {"coordinates": "<f8"}}),
    "positions missing": drop("gt1l/photon_chunks/south/0"),
    "positions cut": lambda parts: parts.update({"gt1l/photon_chunks/south/0": "base64:AAAA"}),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_right(granule: GranuleLinks, parts: Parts, wrong: str) -> None:
    changed = copy.deepcopy(parts)
    WRONG[wrong](changed)
    data = put_together(changed)
    try:
        known = read(data)
    except ReferencesError:
        return
    expected = open_beam(granule, "gt1l")
    for how in ({}, {"chunks": 100}, {"bbox": [9, -1, 11, 0.0]}):
        rejected_references._rejected.clear()
        with pytest.warns(ReferencesWarning) as warned:
            found = open_beam(granule, "gt1l", references=known, **how).compute()
        assert len(warned) == 1
        if "bbox" not in how:
            assert found.identical(expected)
    rejected_references._rejected.clear()
    with pytest.warns(ReferencesWarning) as warned:
        tree = open_granule(granule, ["gt1l"], references=GranuleReferences(beams={"gt1l": known}))
    assert len(warned) == 1
    assert tree["gt1l"].to_dataset().identical(expected)


def test_another_type_shows_when_it_is_read(granule: GranuleLinks, parts: Parts) -> None:
    """Lazily the Dataset has that type already: it cannot be what it says it is."""
    changed = copy.deepcopy(parts)
    array("gt1l/heights/h_ph", dtype="<f8")(changed)
    known = read(put_together(changed))
    lazy = open_beam(granule, "gt1l", references=known, chunks=100)
    with pytest.warns(ReferencesWarning, match="instead of|do not inflate"):
        assert open_beam(granule, "gt1l", references=known).h_ph.dtype == "<f4"
    with pytest.raises(StaleReferencesError, match="references=False"):
        lazy.h_ph.compute()


def test_chunks_that_were_never_written_are_known(tmp_path: Path) -> None:
    """A set of an older version does not say how many: its beam is read by h5py."""
    path = write_odd_granule(tmp_path)
    links = GranuleLinks(local=str(path))
    parts = taken_apart(frame_of(scan(links).beams["gt1l"]))
    assert own(parts)["unwritten"] == {"odd/reserved": 1, "odd/sparse": 3}
    names = ["odd/sparse", "odd/reserved"]
    expected = open_beam(links, "gt1l", names)
    known = read(put_together(parts))
    assert open_beam(links, "gt1l", names, references=known).identical(expected)
    del own(parts)["unwritten"]
    older = read(put_together(parts))
    with pytest.warns(ReferencesWarning, match=r"odd/sparse lacks 3 of 4 chunks"):
        assert open_beam(links, "gt1l", names, references=older).identical(expected)
    rejected_references._rejected.clear()
    assert open_beam(links, "gt1l", references=older).identical(open_beam(links, "gt1l"))


NUMBERS = [None, True, -1, 0, 1, 7, 2**31, 2**63, 2**64 - 1, 10**30, 1.5, 1e300]
TEXTS = ["", "NaN", "|O", "<f8", "base64:AAAA", "x" * 300]
NESTED: list[Any] = [[], [[]], [1], [-1], [2**64], [[[[[1]]]]], {}, {"a": []}]
ODD = st.sampled_from([*NUMBERS, *TEXTS, *NESTED])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where all that a set holds stands in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in list(items):
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places(one, (*path, key))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_changed_at_random(granule: GranuleLinks, parts: Parts, data: st.DataObject) -> None:
    """Whatever changes: a Dataset, or an error of the package's tree."""
    changed = copy.deepcopy(parts)
    there = list(places(changed))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(there))
        at: Any = changed
        try:
            for key in way:
                at = at[key]
            if data.draw(st.booleans()):
                at[last] = copy.deepcopy(data.draw(ODD))
            else:
                del at[last]
        except (LookupError, TypeError):
            continue  # gone already
    rejected_references._rejected.clear()
    with warnings.catch_warnings(action="ignore", category=ReferencesWarning):
        try:
            known = read(put_together(changed))
        except ReferencesError:
            return
        for how in ({}, {"bbox": [9, -1, 11, 0.0]}, {"chunks": 100}):
            open_beam(granule, "gt1l", ["h_ph", "geolocation/segment_id"], references=known, **how)


def test_segments_that_contradict_each_other_are_asked_of_the_file(
    granule: GranuleLinks, parts: Parts
) -> None:
    """A scan placed the photons by them: the set is damaged, and not the granule."""
    whole = open_beam(granule, "gt1l", ["h_ph", "x_atc", "geolocation/segment_id"])
    for name in ("ph_index_beg", "segment_ph_cnt", "segment_dist_x"):
        changed = copy.deepcopy(parts)
        changed[f"gt1l/geolocation/{name}/.zarray"]["shape"][0] -= 1
        rejected_references._rejected.clear()
        known = read(put_together(changed))
        with pytest.warns(ReferencesWarning, match="Read without references"):
            found = open_beam(
                granule, "gt1l", ["h_ph", "x_atc", "geolocation/segment_id"], references=known
            )
        xr.testing.assert_identical(found, whole)


BOMBS = ("lists", "lists within", "nested", "attributes", "nested attributes", "keys", "places")


def bomb(kind: str, most: int) -> bytes:
    """The members of a set that is short, and would be long."""
    most -= 100
    many = "[]," * (most // 3 - 40)
    nested = b"[" * 100_000 + b"]" * 100_000
    inner = b'"gt1l/.zattrs":%s'
    made: dict[str, Callable[[], bytes]] = {
        "lists": lambda: b'"a":[' + b"[]," * 2**26 + b"[]]",
        "lists within": lambda: b'"a":[' + b"[]," * (most // 3 - 20) + b"[]]",
        "nested": lambda: b'"a":' + nested,
        "attributes": lambda: inner % orjson.dumps(f'{{"a":[{many}[]],"{KEY}":{{}}}}'),
        "nested attributes": lambda: inner % orjson.dumps('{"a":' + nested.decode() + "}"),
        "keys": lambda: b",".join(b'"%x":""' % k for k in range(most // 12)),
        "places": lambda: b",".join(b'"%x":["{{u}}",1,1]' % k for k in range(most // 24)),
    }
    return made[kind]()


@pytest.mark.parametrize("how", ["frame", "file"])
@pytest.mark.parametrize("kind", BOMBS)
def test_what_would_take_all_memory(tmp_path: Path, kind: str, how: str) -> None:
    path = tmp_path / "set"
    members = bomb(kind, MOST_BYTES if how == "frame" else MOST_WHOLE)
    text = b"," + members if how == "frame" else b'{"version":1,"refs":{%s}}' % members
    path.write_bytes(zstandard.ZstdCompressor(level=1).compress(text))
    code = """
import resource, sys, time
from pathlib import Path
import catalog_builder.beams.references.kerchunk_reader
from catalog_builder.beams.references.kerchunk_reader import read_frame, read_references
from catalog_builder.errors import ReferencesError
read = read_frame if sys.argv[2] == "frame" else read_references
data = Path(sys.argv[1]).read_bytes()
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    read(data, "gt1l")
except ReferencesError:
    took = time.process_time() - start
    print(took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), how], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 3
    assert megabytes < (100 if kind in ("lists", "nested", "nested attributes") else 700)
    if kind == "lists":
        assert seconds < 0.1


def test_sets_of_layout_1_are_read(granule: GranuleLinks) -> None:
    """Each beam had a file of its own, with its datasets in the root."""
    expected = open_beam(granule, "gt1l")
    known = read_references(older_set(scan(granule).beams["gt1l"]), "gt1l")
    for how in ({}, {"bbox": [9, -1, 11, 0.0]}):
        assert open_beam(granule, "gt1l", references=known, **how).identical(
            open_beam(granule, "gt1l", **how) if how else expected
        )


@pytest.mark.parametrize("version", [0, 1, 3, "2"])
def test_another_version_is_refused(parts: Parts, version: Any) -> None:
    changed = copy.deepcopy(parts)
    own(changed)["format"] = version
    with pytest.raises(ReferencesError, match="format"):
        read(put_together(changed))


def test_the_frame_of_another_beam_is_refused(parts: Parts) -> None:
    data = put_together(parts)
    with pytest.raises(ReferencesError, match="no references of gt2l"):
        read_frame(data, "gt2l")
    renamed = {key.replace("gt1l/", "gt2l/", 1): value for key, value in parts.items()}
    with pytest.raises(ReferencesError, match="say that they are of gt1l"):
        read_frame(put_together(renamed), "gt2l")


def test_chunks_lie_in_the_granule_alone(parts: Parts) -> None:
    changed = copy.deepcopy(parts)
    changed["gt1l/heights/h_ph/3"] = ["s3://elsewhere/x.h5", 4000, 10]
    with pytest.raises(ReferencesError, match="no references of gt1l"):
        read(put_together(changed))


@pytest.mark.parametrize("photons", [10_000, 100_000])
def test_the_memory_that_it_takes_is_known(tmp_path: Path, photons: int) -> None:
    """What the cache counts is what Python takes, within a third."""
    beam = SmallBeam(counts=[100] * (photons // 100), start=(10.0, 0.0), step=(1e-5, 1e-5))
    path = write_granule(tmp_path / NAME, gt1l=beam)
    frame = frame_of(scan(GranuleLinks(local=str(path))).beams["gt1l"])
    read(frame)
    gc.collect()
    tracemalloc.start()
    known = read(frame)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / 1.5 < memory_of(known) < taken * 1.5
