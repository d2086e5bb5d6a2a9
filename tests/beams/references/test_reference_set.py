"""Reference sets: nothing is lost in them, and other readers get the values of the file."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
import xarray as xr
import zarr
import zstandard

from catalog_builder.beams.read.hdf5 import read_attributes
from catalog_builder.beams.read.segments import Segments
from catalog_builder.beams.references.kerchunk_reader import read_references
from catalog_builder.beams.references.kerchunk_writer import KEY, write_references
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.beams.scanning.place_chunks import place_chunks
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesError
from earthdata_standin import World
from tests.beams.odd_datasets import write_odd_granule

REAL = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"
AS_STORED = {"mask_and_scale": False, "decode_times": False, "decode_coords": False}
ZSTD = {"target_options": {"compression": "zstd"}}


def first_beam(path: Path) -> BeamReferences:
    return next(iter(scan(GranuleLinks(local=str(path))).beams.values()))


@pytest.fixture(params=["real", "006", "007"])
def granule(request: pytest.FixtureRequest) -> Path:
    """A real granule, and a simulated one in each layout."""
    if request.param == "real":
        folder: Path = request.getfixturevalue("real_data")
        return folder / REAL
    world: World = request.getfixturevalue("world")
    key = next(
        key for key in sorted(world.objects) if key.endswith(".h5") and f"_{request.param}_" in key
    )
    path = world.objects.get(key)
    assert path is not None
    return path


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
    for references in scan(GranuleLinks(local=str(granule))).beams.values():
        data = write_references(references)
        again = read_references(data)
        assert same(again, references)
        assert write_references(again) == data


def test_of_odd_datasets_nothing_but_the_unreadable_type_is_lost(tmp_path: Path) -> None:
    references = first_beam(write_odd_granule(tmp_path))
    again = read_references(write_references(references))
    assert again.datasets.keys() == references.datasets.keys()
    for path, dataset in references.datasets.items():
        if path == "odd/words":  # text of any length: h5py reads it
            assert not again.datasets[path].supported
        else:
            assert same(again.datasets[path], dataset), path


def test_attributes_are_those_that_h5py_reads(granule: Path) -> None:
    references = read_references(write_references(first_beam(granule)))
    with h5py.File(granule) as file:
        group = file[references.beam]
        assert same(references.attrs, read_attributes(group))
        for path, dataset in references.datasets.items():
            assert same(dataset.attrs, read_attributes(group[path])), path
            assert list(dataset.attrs) == list(read_attributes(group[path])), path


def assert_as_stored(found: xr.Dataset, references: BeamReferences, granule: Path) -> None:
    with h5py.File(granule) as file:
        for path in references.datasets:
            name = path.removeprefix("heights/").replace("/", "_")
            values, stored = found[name].values, file[references.beam][path][()]
            assert values.dtype == stored.dtype, path
            assert values.shape == stored.shape, path
            assert values.tobytes() == stored.tobytes(), path


def test_xarray_with_kerchunk_reads_the_same_values(granule: Path, tmp_path: Path) -> None:
    references = first_beam(granule)
    path = tmp_path / "beam.json.zst"
    path.write_bytes(write_references(references))
    with xr.open_dataset(
        path.as_posix(), engine="kerchunk", storage_options=ZSTD, **AS_STORED
    ) as found:
        assert_as_stored(found, references, granule)
        assert found.h_ph.dims == ("photon",)
        assert found.geolocation_segment_id.dims == ("segment",)
        assert found.attrs["atlas_beam_type"] == references.attrs["atlas_beam_type"]
    # Decoded as CF says, too.
    with xr.open_dataset(path.as_posix(), engine="kerchunk", storage_options=ZSTD) as found:
        assert found.delta_time.dtype.kind == "M"


def test_zarr_reads_the_positions(granule: Path, tmp_path: Path) -> None:
    from kerchunk.utils import refs_as_store

    references = first_beam(granule)
    path = tmp_path / "beam.json.zst"
    path.write_bytes(write_references(references))
    store = refs_as_store(path.as_posix(), **ZSTD)
    group = zarr.open_group(store, mode="r", zarr_format=2)
    for name in ("south", "north", "west", "east", "first_lat", "last_lon", "start", "end"):
        found = group[f"photon_chunks/{name}"][:]
        np.testing.assert_array_equal(found, getattr(references.positions, name))
    found = group["photon_chunks/last_segment"][:]
    np.testing.assert_array_equal(found, references.positions.last_segment)


def test_virtualizarr_reads_the_same_values(granule: Path, tmp_path: Path) -> None:
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore
    from virtualizarr.parsers import KerchunkJSONParser

    references = first_beam(granule)
    # VirtualiZarr takes plain JSON, and no templates.
    text = zstandard.decompress(write_references(references)).decode()
    href = json.loads(text)["templates"]["u"]
    path = tmp_path / "beam.json"
    path.write_text(text.replace("{{u}}", f"file://{href}"))
    with warnings.catch_warnings():
        # Shuffle and deflate are no part of Zarr version 3.
        warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
        store = KerchunkJSONParser()(
            f"file://{path}", ObjectStoreRegistry({"file://": LocalStore()})
        )
        with xr.open_zarr(store, consolidated=False, zarr_format=3, **AS_STORED) as found:
            assert_as_stored(found, references, granule)


def test_others_see_nothing_that_they_would_read_wrongly(tmp_path: Path) -> None:
    granule = write_odd_granule(tmp_path)
    references = first_beam(granule)
    path = tmp_path / "beam.json.zst"
    path.write_bytes(write_references(references))
    hidden = {
        f"odd_{name}" for name in ("masked", "checked", "fast", "rounded", "words", "padded")
    }
    with (
        xr.open_dataset(
            path.as_posix(), engine="kerchunk", storage_options=ZSTD, **AS_STORED
        ) as found,
        h5py.File(granule) as file,
    ):
        odd = {str(name) for name in found.variables if str(name).startswith("odd_")}
        assert odd == {f"odd_{name}" for name in file["gt1l/odd"]} - hidden
        for name in odd:
            stored = file["gt1l/odd"][name.removeprefix("odd_")][()]
            np.testing.assert_array_equal(found[name].values, stored, err_msg=name)


def changed(data: bytes, **own: Any) -> bytes:
    """A set with other values under our own key."""
    whole = orjson.loads(zstandard.decompress(data))
    attrs = orjson.loads(whole["refs"][".zattrs"])
    attrs[KEY] |= own
    whole["refs"][".zattrs"] = orjson.dumps(attrs).decode()
    return zstandard.compress(orjson.dumps(whole))


def test_what_is_no_reference_set_is_told(tmp_path: Path) -> None:
    references = first_beam(write_odd_granule(tmp_path))
    data = write_references(references)
    for wrong in (
        b"",
        b"no zstd",
        data[: len(data) // 2],
        zstandard.compress(b"no JSON"),
        zstandard.compress(b"[]"),
        zstandard.compress(b'{"version":1,"refs":{".zattrs":"{}"}}'),
        changed(data, photons=-1),
        changed(data, photons=10**5),
        changed(data, chunk=0),
        changed(data, paths=["heights/other"]),
    ):
        with pytest.raises(ReferencesError):
            read_references(wrong)
    with pytest.raises(ReferencesError, match=re.escape("format 2")):
        read_references(changed(data, format=2))


def test_an_attribute_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    references = first_beam(write_odd_granule(tmp_path))
    odd = dataclasses.replace(references, attrs={"when": np.datetime64("2019-01-01")})
    with pytest.raises(ReferencesError, match="attribute when"):
        write_references(odd)


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
        assert same(read_references(write_references(references)), references)


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
    total = 0
    for photons in (5_200_000, 1_300_000):
        data = write_references(grown(metadata, rng, photons, 10_000, 110_000))
        assert read_references(data).positions.photons == photons
        total += 3 * len(data)
    assert total < 300_000
