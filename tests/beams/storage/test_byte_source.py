from __future__ import annotations

import gc
import io
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.storage import byte_source
from catalog_builder.beams.storage.byte_source import BlockFile, read_exactly
from catalog_builder.errors import AccessError


class Memory:
    """A source that keeps its bytes here, and count of what was asked."""

    href = "memory"
    etag = None

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.asked: list[tuple[int, int]] = []
        self.open = True

    def read(self, start: int, stop: int) -> bytes:
        assert 0 <= start < stop <= self.size
        self.asked.append((start, stop))
        return self.data[start:stop]

    def close(self) -> None:
        self.open = False


STEP = st.tuples(st.integers(-20, 120), st.integers(0, 50), st.sampled_from([0, 1, 2]))


@given(st.binary(max_size=100), st.integers(1, 30), st.integers(1, 4), st.lists(STEP))
def test_it_reads_as_a_file_does(
    data: bytes, block_size: int, blocks: int, steps: list[tuple[int, int, int]]
) -> None:
    source = Memory(data)
    file = BlockFile(source, block_size=block_size, blocks=blocks)
    plain = io.BytesIO(data)
    for offset, length, whence in steps:
        if whence == 0:
            offset = max(0, offset)
        assert file.seek(offset, whence) == plain.seek(offset, whence)
        assert file.read(length) == plain.read(length)
        assert file.tell() == plain.tell()
        assert len(file._futures) <= blocks


def test_what_was_read_last_is_kept() -> None:
    source = Memory(bytes(range(100)))
    file = BlockFile(source, block_size=10, blocks=2)
    for place in (0, 10, 0, 20, 0, 10):
        file.seek(place)
        file.read(10)
    assert source.asked == [(0, 10), (10, 20), (20, 30), (10, 20)]
    file.close()
    assert not source.open
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_the_next_blocks_are_prefetched() -> None:
    source = Memory(bytes(range(100)))
    file = BlockFile(source, block_size=1, blocks=32)
    for place in (0, 50, 51):  # two blocks in a row: the next one, then two more, then four
        file.seek(place)
        assert file.read(1) == bytes([place])
    file.read(2)
    assert sorted(file._futures) == [0, *range(50, 58)]
    file.close()


@pytest.mark.parametrize("size", [1, 33, 100])
def test_a_file_read_to_its_end_is_fetched_once(size: int) -> None:
    source = Memory(bytes(range(size)))
    with BlockFile(source, block_size=3, blocks=16) as file:
        assert b"".join(iter(lambda: file.read(2), b"")) == source.data
    assert sorted(start for start, _ in source.asked) == list(range(0, size, 3))


def test_a_block_that_failed_is_fetched_again() -> None:
    class Failing(Memory):
        failed = False

        def read(self, start: int, stop: int) -> bytes:
            if start == 20 and not self.failed:
                self.failed = True
                raise AccessError("for once")
            return super().read(start, stop)

    file = BlockFile(Failing(bytes(range(100))), block_size=10, blocks=16)
    assert file.read(20) == bytes(range(20))  # the third block was asked for ahead
    with pytest.raises(AccessError, match="for once"):
        file.read(10)
    assert file.read(10) == bytes(range(20, 30))
    file.close()


def test_a_short_answer_is_fetched_again_and_then_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(byte_source.time, "sleep", lambda _: None)

    class Short(Memory):
        def __init__(self, *lengths: int) -> None:
            super().__init__(bytes(100))
            self.lengths: Iterator[int] = iter(lengths)

        def read(self, start: int, stop: int) -> bytes:
            return super().read(start, stop)[: next(self.lengths)]

    assert len(read_exactly(Short(3, 0, 10), 0, 10)) == 10
    with pytest.raises(AccessError, match="asked for bytes 0 to 10, got 4 of 10, 4 times"):
        read_exactly(Short(3, 0, 2, 4), 0, 10)


def test_no_garbage_is_collected_while_h5py_waits() -> None:
    """In another process, which would hang for ever if it were."""
    program = """
import gc, io, threading
import h5py
from catalog_builder.beams.storage.byte_source import BlockFile

stored, other = io.BytesIO(), h5py.File(io.BytesIO(), "w")
with h5py.File(stored, "w") as file:
    file["x"] = range(1000)
groups = [other.require_group(str(number)) for number in range(100)]

class Garbage:
    pass

class Source:
    href, etag, size = "memory", None, len(stored.getvalue())

    def read(self, start, stop):
        garbage = Garbage()
        garbage.itself, garbage.group = garbage, groups.pop()
        del garbage
        thread = threading.Thread(target=lambda: [[n] for n in range(5000)])
        thread.start()
        thread.join()
        return stored.getvalue()[start:stop]

    def close(self):
        pass

gc.set_threshold(100, 1, 1)
with BlockFile(Source(), block_size=512, blocks=4) as blocks:
    with h5py.File(blocks, "r") as file:
        total = file["x"][:].sum()
print(total, gc.isenabled())
other.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=60
    )
    assert done.stdout == b"499500 True\n"


def test_the_collector_is_left_as_it_was() -> None:
    source = Memory(bytes(100_000))

    def read(_: int) -> None:
        BlockFile(source, block_size=10, blocks=1).read(1000)

    gc.disable()
    try:
        read(0)
        assert not gc.isenabled()
    finally:
        gc.enable()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(64)))
    assert gc.isenabled()
