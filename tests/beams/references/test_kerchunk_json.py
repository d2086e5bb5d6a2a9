"""JSON of reference sets: read by its types, refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
import zstandard
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.references.frames import compress, cut, inflate
from catalog_builder.beams.references.kerchunk_json import (
    damage_as_references_error,
    decode_array,
    decode_attributes,
    decode_file,
    decode_frame,
)
from catalog_builder.beams.references.kerchunk_writer import KEY, ReferenceFile, write_references
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import ReferencesError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> ReferenceFile:
    """References of two beams."""
    path = tmp_path_factory.mktemp("granule") / NAME
    write_granule(path, gt1l=SmallBeam(), gt3r=SmallBeam(counts=[4, 0, 20]))
    return write_references(scan(GranuleLinks(local=str(path))).beams)


@pytest.mark.parametrize(("beam", "photons"), [("gt1l", 95), ("gt3r", 24)])
def test_a_beam_is_the_same_by_its_frame_and_by_the_whole_file(
    file: ReferenceFile, beam: Any, photons: int
) -> None:
    one = decode_frame(cut(file.body, file.frames)[beam], beam)
    whole = decode_file(file.body, beam)
    assert one.root == whole.root == f"{beam}/"
    assert one.own == whole.own
    assert (one.own.beam, one.own.photons) == (beam, photons)
    assert one.attrs == whole.attrs
    assert KEY not in one.attrs
    assert one.refs.items() <= whole.refs.items()
    assert 0 < one.memory < whole.memory


def test_an_array_and_its_attributes_are_read(file: ReferenceFile) -> None:
    refs = decode_file(file.body, "gt1l").refs
    array = decode_array(refs, "gt1l/heights/signal_conf_ph")
    assert (array.shape, array.chunks, array.dtype) == ((95, 5), (16, 5), "|i1")
    dims, attrs = decode_attributes(refs, "gt1l/heights/h_ph")
    assert len(dims) == 1
    assert attrs["units"] == "1"
    assert "_ARRAY_DIMENSIONS" not in attrs
    with pytest.raises(KeyError):
        decode_array(refs, "gt1l/heights/none")
    with pytest.raises(ReferencesError, match=r"a/\.zarray is no text"):
        decode_array({"a/.zarray": ("{{u}}", 0, 1)}, "a")
    with pytest.raises(msgspec.ValidationError):
        decode_array({"a/.zarray": '{"shape":[-1],"chunks":[1],"dtype":"<f4"}'}, "a")


def test_only_frames_of_beams_are_read(file: ReferenceFile) -> None:
    frame = cut(file.body, file.frames)["gt1l"]
    with pytest.raises(ReferencesError, match="no beam's"):
        decode_frame(compress(b"{" + inflate(frame)[1:] + b"}"), "gt1l")
    with pytest.raises(KeyError, match="gt3r"):
        decode_frame(frame, "gt3r")


@pytest.mark.parametrize("version", [0, 1, 3])
def test_another_format_is_named_in_the_error(file: ReferenceFile, version: int) -> None:
    refs = orjson.loads(b"{" + inflate(cut(file.body, file.frames)["gt1l"])[1:] + b"}")
    attrs = orjson.loads(refs["gt1l/.zattrs"])
    attrs[KEY]["format"] = version
    refs["gt1l/.zattrs"] = orjson.dumps(attrs).decode()
    with pytest.raises(ReferencesError, match=f"references of format {version}"):
        decode_frame(compress(b"," + orjson.dumps(refs)[1:-1]), "gt1l")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        ValueError("x"),
        OverflowError("x"),
        MemoryError(),
        RecursionError("x"),
        msgspec.ValidationError("x"),
        zstandard.ZstdError("x"),
    ],
)
def test_damage_becomes_an_error_of_references(error: Exception) -> None:
    with (
        pytest.raises(ReferencesError, match=f"The set is damaged \\({type(error).__name__}"),
        damage_as_references_error("The set is damaged"),
    ):
        raise error


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), damage_as_references_error("The set is damaged"):
        (tmp_path / "none").read_bytes()
    with (
        pytest.raises(ReferencesError, match=r"^its own reason$"),
        damage_as_references_error("The set is damaged"),
    ):
        raise ReferencesError("its own reason")
