"""The table of a granule's chunks: what is in it, and that another reader reads by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks


def references(path: Path) -> GranuleReferences:
    return GranuleReferences(beams=scan(GranuleLinks(local=str(path))).beams)


def test_each_stored_chunk_is_a_row(granule: Path, tmp_path: Path) -> None:
    known = references(granule)
    table = known.to_manifest(tmp_path / "manifest.parquet")
    assert pq.read_table(tmp_path / "manifest.parquet").equals(table)
    rows = table.to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["dataset"], row["chunk_idx"]))
    beam = next(iter(known.beams))
    with h5py.File(granule) as file:
        for name in ("h_ph", "signal_conf_ph"):
            stored = file[f"{beam}/heights/{name}"]
            own = [row for row in rows if row["dataset"] == stored.name]
            assert len(own) == stored.id.get_num_chunks()
            for number, row in enumerate(own):
                chunk = stored.id.get_chunk_info_by_coord(tuple(orjson.loads(row["chunk_offset"])))
                assert (row["byte_offset"], row["nbytes"]) == (chunk.byte_offset, chunk.size)
                assert row["filter_mask"] == chunk.filter_mask
                assert row["chunk_idx"] == number
                assert row["elem_start"] == chunk.chunk_offset[0]
                assert row["elem_end"] == min(
                    chunk.chunk_offset[0] + stored.chunks[0], stored.shape[0]
                )
                assert tuple(orjson.loads(row["shape"])) == stored.shape
                assert tuple(orjson.loads(row["chunk_shape"])) == stored.chunks
                assert np.dtype(row["dtype"]) == stored.dtype
                assert (row["gzip"], row["shuffle"]) == (
                    stored.compression == "gzip",
                    stored.shuffle,
                )


def test_what_two_flags_cannot_tell_is_left_out(granule: Path) -> None:
    known = references(granule)
    beam, one = next(iter(known.beams.items()))
    twice = replace(one.datasets["heights/h_ph"], filters=("deflate", "deflate"))
    changed = replace(one, datasets={**one.datasets, "heights/h_ph": twice})
    names = set(GranuleReferences(beams={beam: changed}).to_manifest()["dataset"].to_pylist())
    assert f"/{beam}/heights/h_ph" not in names
    assert f"/{beam}/heights/lat_ph" in names


def test_no_beam_is_a_table_without_rows() -> None:
    table = GranuleReferences(beams={}).to_manifest()
    assert (table.num_rows, table.num_columns) == (0, 13)


def test_hidefix_reads_the_values_of_h5py_by_it(granule: Path) -> None:
    hidefix = pytest.importorskip("h5coro_hidefix")
    from h5coro_hidefix.manifest import datasets_from_manifest

    facts = datasets_from_manifest(references(granule).to_manifest().to_pydict())
    index = hidefix.Index.from_chunks(str(granule), facts)
    assert len(facts) > 10
    with h5py.File(granule) as file:
        for name in facts:
            values, stored = index.read(name), file[name][...]
            assert values.dtype == stored.dtype
            np.testing.assert_array_equal(values, stored)
