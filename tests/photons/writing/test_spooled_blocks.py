"""Blocks of a pass on disk."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import orjson
import pytest

from catalog_builder.photons.reading.pass_reading import Interrupted
from catalog_builder.photons.writing import spooled_blocks
from catalog_builder.photons.writing.spooled_blocks import (
    SpooledBlocks,
    packed_variable,
    read_blocks,
    unpacked_variable,
)
from catalog_builder.safe_folder import SafeFolder
from tests.photons.made_passes import made_block, made_variable

VARIABLES = {path: made_variable(path) for path in made_block(1)}


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_blocks_come_back(
    thread: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_blocks, "BATCH", 8)
    stored = [made_block(5), made_block(20, 1), made_block(1, 2)]
    spooled = SpooledBlocks(SafeFolder(tmp_path), "pass.part", thread)
    for block in stored:
        spooled.append(block)
    spooled.close()
    assert not spooled  # nothing stays in memory
    assert spooled.photons == 26
    assert spooled.bytes == 26 * (3 * 8 + 4 + 5)
    with (tmp_path / "pass.part").open("rb") as file:
        found = list(read_blocks(file, VARIABLES))
    assert [len(block["heights/h_ph"]) for block in found] == [5, 8, 8, 4, 1]
    for path in VARIABLES:
        expected = np.concatenate([block[path] for block in stored])
        values = np.concatenate([block[path] for block in found])
        assert values.dtype == expected.dtype
        assert (values == expected).all()
    lon = np.concatenate([block["heights/lon_ph"] for block in stored])
    lat = np.concatenate([block["heights/lat_ph"] for block in stored])
    assert spooled.bounds == (lon.min(), lat.min(), lon.max(), lat.max())


def test_no_block_makes_no_file(thread: ThreadPoolExecutor, tmp_path: Path) -> None:
    spooled = SpooledBlocks(SafeFolder(tmp_path), "pass.part", thread)
    spooled.close()
    assert (spooled.photons, spooled.bounds, list(tmp_path.iterdir())) == (0, None, [])


def test_what_was_closed_takes_no_block(thread: ThreadPoolExecutor, tmp_path: Path) -> None:
    spooled = SpooledBlocks(SafeFolder(tmp_path), "pass.part", thread)
    spooled.append(made_block(3))
    spooled.close()
    size = (tmp_path / "pass.part").stat().st_size
    with pytest.raises(Interrupted):
        spooled.append(made_block(3))
    assert (tmp_path / "pass.part").stat().st_size == size


def test_many_passes_are_written_by_one_thread(thread: ThreadPoolExecutor, tmp_path: Path) -> None:
    files = SafeFolder(tmp_path)

    def write(number: int) -> int:
        spooled = SpooledBlocks(files, f"{number}.part", thread)
        for seed in range(4):
            spooled.append(made_block(10, seed))
        spooled.close()
        return threading.get_ident()

    with ThreadPoolExecutor(4) as readers:
        list(readers.map(write, range(8)))
    for number in range(8):
        with (tmp_path / f"{number}.part").open("rb") as file:
            heights = [block["heights/h_ph"] for block in read_blocks(file, VARIABLES)]
        expected = np.concatenate([made_block(10, seed)["heights/h_ph"] for seed in range(4)])
        assert (np.concatenate(heights) == expected).all()


def test_a_variable_goes_through_json() -> None:
    for path, variable in VARIABLES.items():
        text = orjson.dumps(packed_variable(variable), option=orjson.OPT_SERIALIZE_NUMPY)
        again = unpacked_variable(path, orjson.loads(text))
        assert (again.path, again.dims, again.shape, again.dtype) == (
            path,
            variable.dims,
            variable.shape,
            variable.dtype,
        )
        assert again.attrs == variable.attrs
        assert again.fill_value == variable.fill_value
