"""Other libraries open a reference file as docs/references.md says, and get the file's values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
import orjson
import pytest
import xarray as xr
import zarr
import zstandard

from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.scanning.scan import GranuleScan, scan
from catalog_builder.beams.storage.links import GranuleLinks
from tests.beams.odd_datasets import write_odd_granule

AS_STORED = {"mask_and_scale": False, "decode_times": False, "decode_coords": False}
ZSTD = {"compression": "zstd"}


@pytest.fixture
def known(granule: Path) -> GranuleScan:
    return scan(GranuleLinks(local=str(granule)))


@pytest.fixture
def file(known: GranuleScan, tmp_path: Path) -> str:
    path = tmp_path / "granule.json.zst"
    path.write_bytes(write_references(known.beams).body)
    return str(path)


def stored(granule: Path, group: str) -> dict[str, Any]:
    """The values of the datasets of a group that have references, by h5py."""
    with h5py.File(granule) as opened:
        return {
            name: values[()]
            for name, values in opened[group].items()
            if isinstance(values, h5py.Dataset) and values.shape
        }


def groups(known: GranuleScan) -> list[str]:
    return sorted(
        {
            f"{beam}/{path.rpartition('/')[0]}"
            for beam, references in known.beams.items()
            for path in references.datasets
        }
    )


def assert_same(found: Mapping[Any, xr.Variable], expected: Mapping[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].values.dtype == values.dtype, name
        assert found[name].values.shape == values.shape, name
        assert found[name].values.tobytes() == values.tobytes(), name


def test_xarray_opens_the_whole_tree(known: GranuleScan, granule: Path, file: str) -> None:
    with xr.open_datatree(
        "reference://",
        engine="zarr",
        storage_options={"fo": file, "target_options": ZSTD},
        **AS_STORED,
    ) as tree:
        assert tree.attrs["granule"] == known.granule
        for group in groups(known):
            assert_same(tree[group].to_dataset().variables, stored(granule, group))
        for beam, references in known.beams.items():
            assert tree[beam].attrs["atlas_beam_type"] == references.attrs["atlas_beam_type"]
            assert not [name for name in tree[beam].attrs if name.startswith("atl03_")]
            heights = tree[f"{beam}/heights"].to_dataset()
            assert heights.h_ph.dims == ("photon",)
            assert tree[f"{beam}/geolocation"].segment_id.dims == ("segment",)
    # Over a file system that was made before, and decoded as CF says.
    files = fsspec.filesystem("reference", fo=file, target_options=ZSTD)
    with xr.open_datatree(files.get_mapper(), engine="zarr", consolidated=True) as tree:
        assert tree[f"{next(iter(known.beams))}/heights"].delta_time.dtype.kind == "M"


def test_xarray_with_kerchunk_opens_a_group(known: GranuleScan, granule: Path, file: str) -> None:
    for group in groups(known):
        with xr.open_dataset(
            file,
            engine="kerchunk",
            group=group,
            storage_options={"target_options": ZSTD},
            **AS_STORED,
        ) as found:
            assert_same(found.variables, stored(granule, group))


def test_virtualizarr_opens_a_group(known: GranuleScan, granule: Path, file: str) -> None:
    """It takes plain JSON, and no templates."""
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore, MemoryStore
    from virtualizarr.parsers import KerchunkJSONParser

    with fsspec.open(file, compression="zstd") as opened:
        text = opened.read()
    href = orjson.loads(text)["templates"]["u"]
    memory = MemoryStore()
    memory.put("granule.json", text.replace(b"{{u}}", f"file://{href}".encode()))
    stores = ObjectStoreRegistry({"memory://references": memory, "file://": LocalStore()})
    for group in groups(known):
        with warnings.catch_warnings():
            # Shuffle and deflate are no part of Zarr version 3.
            warnings.simplefilter("ignore", zarr.errors.ZarrUserWarning)
            store = KerchunkJSONParser(group=group)("memory://references/granule.json", stores)
            with xr.open_zarr(store, consolidated=False, zarr_format=3, **AS_STORED) as found:
                assert_same(found.variables, stored(granule, group))


def test_zarr_reads_the_positions(known: GranuleScan, file: str) -> None:
    from kerchunk.utils import refs_as_store

    store = refs_as_store(file, target_options=ZSTD)
    root = zarr.open_group(store, mode="r", zarr_format=2)
    for beam, references in known.beams.items():
        group = root[f"{beam}/photon_chunks"]
        for name in ("south", "north", "west", "east", "first_lat", "last_lon", "start", "end"):
            np.testing.assert_array_equal(group[name][:], getattr(references.positions, name))
        found = group["last_segment"][:]
        np.testing.assert_array_equal(found, references.positions.last_segment)


def test_others_see_nothing_that_they_would_read_wrongly(tmp_path: Path) -> None:
    granule = write_odd_granule(tmp_path)
    path = tmp_path / "granule.json.zst"
    path.write_bytes(write_references(scan(GranuleLinks(local=str(granule))).beams).body)
    hidden = {"masked", "checked", "fast", "rounded", "words", "padded"}
    options = {"fo": str(path), "target_options": ZSTD}
    with (
        xr.open_dataset(
            str(path),
            engine="kerchunk",
            group="gt1l/odd",
            storage_options={"target_options": ZSTD},
            **AS_STORED,
        ) as group,
        xr.open_datatree("reference://", engine="zarr", storage_options=options, **AS_STORED) as t,
    ):
        values = stored(granule, "gt1l/odd")
        for found in (group, t["gt1l/odd"].to_dataset()):
            assert set(found.variables) == set(values) - hidden
            for name in found.variables:
                np.testing.assert_array_equal(found[name].values, values[name], err_msg=name)


def test_the_one_shot_of_zstandard_reads_the_first_frame_alone(file: str) -> None:
    """Which docs/references.md warns of."""
    body = Path(file).read_bytes()
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(zstandard.decompress(body))
