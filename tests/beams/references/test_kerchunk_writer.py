"""Reference files: nothing is lost in them, and they are the same for the same references."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
import zstandard
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder import open_beam
from catalog_builder.beams.read.hdf5 import read_attributes
from catalog_builder.beams.read.segments import Segments
from catalog_builder.beams.references.frames import cut, inflate, inflate_file
from catalog_builder.beams.references.kerchunk_reader import read_frame, read_references
from catalog_builder.beams.references.kerchunk_writer import KEY, chunk_keys, write_references
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.beams.scanning.place_chunks import place_chunks
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesError
from catalog_builder.products.atl03 import BEAMS, Beam
from tests.beams.odd_datasets import write_odd_granule

REAL = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"


def first_beam(path: Path) -> BeamReferences:
    return next(iter(scan(GranuleLinks(local=str(path))).beams.values()))


def round_trip(references: BeamReferences) -> BeamReferences:
    file = write_references({references.beam: references})
    return read_references(file.body, references.beam)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same type, bit for bit."""
    if isinstance(left, np.ndarray | np.generic):
        same_type = type(left) is type(right) and left.dtype == right.dtype
        return same_type and left.shape == right.shape and left.tobytes() == right.tobytes()
    if dataclasses.is_dataclass(left):
        names = [field.name for field in dataclasses.fields(left)]
        return type(left) is type(right) and all(
            same(getattr(left, name), getattr(right, name)) for name in names
        )
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        both = type(left) is type(right) and len(left) == len(right)
        return both and all(same(one, other) for one, other in zip(left, right, strict=True))
    return type(left) is type(right) and bool(left == right)


def test_nothing_is_lost(granule: Path) -> None:
    beams = scan(GranuleLinks(local=str(granule))).beams
    file = write_references(beams)
    frames = cut(file.body, file.frames)
    assert list(frames) == list(beams)
    again = {beam: read_frame(frame, beam) for beam, frame in frames.items()}
    assert all(same(again[beam], known) for beam, known in beams.items())
    assert write_references(again) == file
    for beam, known in beams.items():
        assert same(read_references(file.body, beam), known)


def test_the_frames_are_one_document(granule: Path) -> None:
    """Each of them with size and checksum of its content."""
    beams = scan(GranuleLinks(local=str(granule))).beams
    file = write_references(beams)
    pieces, rest = [], file.body
    while rest:
        facts = zstandard.get_frame_parameters(rest)
        inflating = zstandard.ZstdDecompressor().decompressobj()
        pieces.append(inflating.decompress(rest))
        assert facts.has_checksum
        assert facts.content_size == len(pieces[-1])
        rest = inflating.unused_data
    assert len(pieces) == len(beams) + 2
    text = b"".join(pieces)
    document = json.loads(text)
    assert inflate_file(file.body) == text
    assert document["version"] == 1
    assert document["templates"] == {"u": str(granule)}
    refs = document["refs"]
    for beam, known in beams.items():
        for path, dataset in known.datasets.items():
            places = [refs.get(key) for key in chunk_keys(f"{beam}/{path}", dataset.grid)]
            if dataset.inline is None:
                stored = zip(dataset.offsets.tolist(), dataset.sizes.tolist(), strict=True)
                assert places == [["{{u}}", at, size] if size else None for at, size in stored]


def test_the_consolidated_metadata_is_that_of_the_groups(granule: Path) -> None:
    refs = json.loads(
        inflate_file(write_references(scan(GranuleLinks(local=str(granule))).beams).body)
    )["refs"]
    known = {
        key: json.loads(value)
        for key, value in refs.items()
        if key.rpartition("/")[2] in (".zgroup", ".zarray", ".zattrs")
    }
    for key, value in known.items():
        if key.count("/") == 1 and key.endswith("/.zattrs"):
            del value[KEY]  # is of no use to others
    found = json.loads(refs[".zmetadata"])
    assert found == {"zarr_consolidated_format": 1, "metadata": known}


def test_a_dataset_by_a_name_of_zarrs_is_hidden(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "a") as file:
        for name in ("photon_chunks/south", "odd/.zarray", "odd/.zattrs/h"):
            file[f"gt1l/{name}"] = np.arange(3.0)
    references = first_beam(path)
    names = {"photon_chunks/south", "odd/.zarray", "odd/.zattrs/h"}
    assert names <= references.datasets.keys()
    again = round_trip(references)
    assert same(again, references)
    with open_beam(path, "gt1l", sorted(names), references=again) as found:
        assert found.identical(open_beam(path, "gt1l", sorted(names)))


def test_of_odd_datasets_nothing_but_the_unreadable_type_is_lost(tmp_path: Path) -> None:
    references = first_beam(write_odd_granule(tmp_path))
    again = round_trip(references)
    assert again.datasets.keys() == references.datasets.keys()
    for path, dataset in references.datasets.items():
        if path == "odd/words":  # text of any length: h5py reads it
            assert not again.datasets[path].supported
        else:
            assert same(again.datasets[path], dataset), path


def test_attributes_are_those_that_h5py_reads(granule: Path) -> None:
    references = round_trip(first_beam(granule))
    with h5py.File(granule) as file:
        group = file[references.beam]
        assert same(references.attrs, read_attributes(group))
        for path, dataset in references.datasets.items():
            assert same(dataset.attrs, read_attributes(group[path])), path
            assert list(dataset.attrs) == list(read_attributes(group[path])), path


def changed(frame: bytes, **own: Any) -> bytes:
    """A frame with other values under our own key."""
    refs = orjson.loads(b"{%b}" % inflate(frame)[1:])
    attrs = orjson.loads(refs["gt1l/.zattrs"])
    attrs[KEY] |= own
    refs["gt1l/.zattrs"] = orjson.dumps(attrs).decode()
    return zstandard.compress(b"," + orjson.dumps(refs)[1:-1])


def test_what_is_no_frame_is_refused(tmp_path: Path) -> None:
    file = write_references({"gt1l": first_beam(write_odd_granule(tmp_path))})
    frame = cut(file.body, file.frames)["gt1l"]
    for wrong in (
        b"",
        b"no zstd",
        frame[: len(frame) // 2],
        frame + frame,
        file.body,
        zstandard.compress(b"no JSON"),
        zstandard.compress(b"[]"),
        zstandard.compress(b",[]"),
        zstandard.compress(b',"gt1l/.zattrs":"{}"'),
        changed(frame, photons=-1),
        changed(frame, photons=10**5),
        changed(frame, chunk=0),
        changed(frame, paths=["heights/other"]),
    ):
        with pytest.raises(ReferencesError):
            read_frame(wrong, "gt1l")
        with pytest.raises(ReferencesError):
            read_references(wrong if wrong != file.body else b"", "gt1l")
    with pytest.raises(ReferencesError, match=re.escape("format 3")):
        read_frame(changed(frame, format=3), "gt1l")


def test_an_attribute_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    references = first_beam(write_odd_granule(tmp_path))
    odd = dataclasses.replace(references, attrs={"when": np.datetime64("2019-01-01")})
    with pytest.raises(ReferencesError, match="attribute when"):
        write_references({odd.beam: odd})


def test_real_chunk_tables_come_back(real_data: Path) -> None:
    """As releases 007 are stored: offsets and sizes of six beams, the metadata of a real one."""
    metadata = first_beam(real_data / REAL)
    table = pq.read_table(
        real_data / "layouts" / "ATL03_20181014103720_02410111_007_01.offsets.parquet"
    ).to_pandas()
    for _, rows in table.groupby("beam"):
        datasets = dict(metadata.datasets)
        for path, chunks in rows.groupby("dataset"):
            if path not in datasets:
                continue
            chunks = chunks.sort_values("chunk_idx")
            known = datasets[path]
            chunk = int((chunks.elem_end - chunks.elem_start).max())
            rest = known.shape[1:]
            datasets[path] = dataclasses.replace(
                known,
                shape=(int(chunks.elem_end.max()), *rest),
                chunk_shape=(chunk, *rest),
                offsets=chunks.byte_offset.to_numpy(np.uint64),
                sizes=chunks.nbytes.to_numpy(np.uint64),
                filter_masks=chunks.filter_mask.to_numpy(np.uint32),
            )
        heights = datasets["heights/h_ph"]
        photons, chunk = heights.shape[0], heights.chunk_shape[0]
        whole = Segments.parse(np.array([1]), np.array([photons]), photons)
        place = np.zeros(1)
        references = dataclasses.replace(
            metadata,
            size=2**40,
            datasets={path: datasets[path] for path in {*rows.dataset} & {*datasets}},
            positions=place_chunks(whole, chunk, place, place, place),
        )
        assert same(round_trip(references), references)


def grown(
    metadata: BeamReferences, rng: np.random.Generator, photons: int, chunk: int, segments: int
) -> BeamReferences:
    """The same datasets with more rows, chunks of realistic sizes one after the other."""
    at = int(rng.integers(10**8))
    datasets: dict[str, DatasetReferences] = {}
    for path, known in metadata.datasets.items():
        rows, per = (photons, chunk) if known.dims[0] == "photon" else (segments, 10_000)
        shape = (rows, *known.shape[1:])
        count = -(-rows // per)
        typical = 0.4 * known.dtype.itemsize * per
        sizes = rng.normal(typical, 0.03 * typical, count).astype(np.uint64)
        datasets[path] = dataclasses.replace(
            known,
            shape=shape,
            chunk_shape=(per, *known.shape[1:]),
            offsets=(at + np.cumsum(sizes) - sizes).astype(np.uint64),
            sizes=sizes,
            filter_masks=np.zeros(count, np.uint32),
        )
        at += int(sizes.sum()) + 600
    counts = np.full(segments, photons // segments)
    counts[-1] += photons - counts.sum()
    index_beg = np.cumsum(counts) - counts + 1
    along = np.linspace(0.0, 1.0, segments)
    positions = place_chunks(
        Segments.parse(index_beg, counts, photons),
        chunk,
        27.0 + 32.0 * along + 1e-4 * rng.random(segments),
        -140.0 - 8.0 * along**2,
        2.4e7 + 340.0 * along,
    )
    return dataclasses.replace(metadata, datasets=datasets, positions=positions)


def test_six_beams_are_small(real_data: Path) -> None:
    """As of a granule of 440 MB: 5.2 million photons a strong beam, a quarter a weak one."""
    metadata = first_beam(real_data / REAL)
    rng = np.random.default_rng(0)
    beams: dict[Beam, BeamReferences] = {}
    for beam in BEAMS:
        photons = 5_200_000 if beam.endswith("r") else 1_300_000
        known = grown(metadata, rng, photons, 10_000, 110_000)
        beams[beam] = dataclasses.replace(known, beam=beam)
    file = write_references(beams)
    for beam, frame in cut(file.body, file.frames).items():
        assert read_frame(frame, beam).positions.photons == beams[beam].positions.photons
        assert len(frame) < 80_000
    assert len(file.body) < 300_000
