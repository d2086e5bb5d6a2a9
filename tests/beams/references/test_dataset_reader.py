"""One dataset of a reference set: what it is, or why it cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.references.dataset_reader import array_name, unpack
from catalog_builder.beams.references.frames import compress, cut, inflate
from catalog_builder.beams.references.kerchunk_json import DecodedSet, decode_frame
from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesError

H_PH = "gt1l/heights/h_ph"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> BeamReferences:
    path = tmp_path_factory.mktemp("granule") / NAME
    write_granule(path, gt1l=SmallBeam(counts=[30, 0, 25] * 8))
    return scan(GranuleLinks(local=str(path))).beams["gt1l"]


@pytest.fixture(scope="module")
def members(scanned: BeamReferences) -> dict[str, Any]:
    file = write_references({"gt1l": scanned})
    return orjson.loads(b"{" + inflate(cut(file.body, file.frames)["gt1l"])[1:] + b"}")


def decoded(members: dict[str, Any]) -> DecodedSet:
    return decode_frame(compress(b"," + orjson.dumps(members)[1:-1]), "gt1l")


def test_each_dataset_is_as_it_was_scanned(
    scanned: BeamReferences, members: dict[str, Any]
) -> None:
    found = decoded(members)
    assert array_name(found, "heights/h_ph") == H_PH
    for path, known in scanned.datasets.items():
        one = unpack(path, found)
        assert (one.path, one.shape, one.chunk_shape, one.dtype, one.filters) == (
            *(path, known.shape, known.chunk_shape, known.dtype, known.filters),
        )
        for name in ("offsets", "sizes", "filter_masks"):
            assert np.array_equal(getattr(one, name), getattr(known, name)), (path, name)
        assert one.inline == known.inline


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({f"{H_PH}/0": None}, "lacks 1 of"),
        ({f"{H_PH}/999": ["{{u}}", 9, 9]}, None),  # of no chunk: it is not looked at
        ({f"{H_PH}/0": ["{{u}}", 2**62, 9]}, "cannot lie where"),
        ({f"{H_PH}/0": ["{{u}}", 9, 0]}, "lacks 1 of"),
        ({f"{H_PH}/.zarray": "|S0"}, "is no type of values"),
    ],
)
def test_what_cannot_be_is_told(
    members: dict[str, Any], changes: dict[str, Any], reason: str | None
) -> None:
    changed = {key: value for key, value in members.items() if changes.get(key, 0) is not None}
    for key, value in changes.items():
        if key.endswith(".zarray"):
            value = orjson.dumps({**orjson.loads(members[key]), "dtype": value}).decode()
        if value is not None:
            changed[key] = value
    # The chunks of a dataset stand together.
    in_order = sorted(changed, key=lambda key: (isinstance(changed[key], list), key))
    found = decoded({key: changed[key] for key in in_order})
    if reason is None:
        assert len(unpack("heights/h_ph", found).sizes) > 1
        return
    with pytest.raises(ReferencesError, match=reason):
        unpack("heights/h_ph", found)


def test_a_chunk_beyond_the_shape_is_told(members: dict[str, Any]) -> None:
    count = sum(key.startswith(f"{H_PH}/") and isinstance(v, list) for key, v in members.items())
    more = {f"{H_PH}/{count}": ["{{u}}", 9, 9]}
    last = [key for key in members if key.startswith(f"{H_PH}/")][-1]
    changed: dict[str, Any] = {}
    for key, value in members.items():
        changed[key] = value
        if key == last:
            changed |= more
    with pytest.raises(ReferencesError, match="chunks beyond its shape"):
        unpack("heights/h_ph", decoded(changed))
