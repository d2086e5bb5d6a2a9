"""What a worker is given, and what it gives back of one granule."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from small_granule import SmallBeam, write_granule

from catalog_builder.beams.references.frames import Frame, cut
from catalog_builder.beams.references.kerchunk_reader import read_frame
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import AccessError, LoginMissingError
from catalog_builder.indexing.scan_task import (
    FailedGranule,
    ScannedGranule,
    ScanTask,
    describe_error,
    scan_granule,
)
from earthdata_standin import EarthdataStandin

ID = "ATL03_20190401120000_03850302_006_01"


def local(path: Path, granule: str = ID) -> ScanTask:
    return ScanTask(granule=granule, links=GranuleLinks(local=str(path)), access="local")


def test_no_secret_goes_to_a_worker(
    cloud: EarthdataStandin, stored: tuple[GranuleLinks, Path]
) -> None:
    links, path = stored
    body = pickle.dumps(ScanTask(granule=path.stem, links=links, access="auto"))
    for secret in (cloud.token, cloud.username, cloud.password):
        assert secret.encode() not in body


def test_a_scan_gives_what_is_published_and_what_it_took(
    cloud: EarthdataStandin, stored: tuple[GranuleLinks, Path]
) -> None:
    links, path = stored
    found = scan_granule(ScanTask(granule=path.stem, links=links, access="auto"))
    assert isinstance(found, ScannedGranule), found
    frames = {beam: Frame.parse(facts["references"]) for beam, facts in found.beams.items()}
    assert len(frames) > 1
    for beam, frame in cut(found.references, frames).items():
        references = read_frame(frame, beam)
        assert (references.granule, references.href) == (path.stem, links.s3)
        assert references.datasets["heights/h_ph"].shape == (found.beams[beam]["photons"],)
    # Not what tests before this one left behind, which may still be on its way.
    reads = [one for one in cloud.requests if one.service == "s3" and path.name in one.path]
    assert found.cost is not None
    assert found.cost.requests == len(reads)
    assert found.cost.bytes == sum(one.bytes for one in reads if one.method == "GET")


def test_another_granule_and_one_without_photons_fail(tmp_path: Path) -> None:
    path = write_granule(tmp_path / f"{ID}.h5", gt1l=SmallBeam())
    other = ID.replace("_01", "_02")
    error = f"The file there is another granule, {ID}."
    assert scan_granule(local(path, other)) == FailedGranule(granule=other, error=error)
    write_granule(path, gt1l=SmallBeam(counts=[0, 0]))
    assert scan_granule(local(path)) == FailedGranule(granule=ID, error="It holds no photon.")
    path.write_bytes(b"no HDF5 at all")
    failed = scan_granule(local(path))
    assert isinstance(failed, FailedGranule)
    assert path.name in failed.error


def test_an_error_of_the_login_is_raised(
    cloud: EarthdataStandin,
    stored: tuple[GranuleLinks, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links, path = stored
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", os.devnull)
    with pytest.raises(LoginMissingError):
        scan_granule(ScanTask(granule=path.stem, links=links, access="auto"))


def test_an_error_is_told_in_one_line() -> None:
    assert describe_error(AccessError("one\n  two")) == "one two"
    assert describe_error(OSError("no\nspace")) == "OSError: no space"
    assert describe_error(MemoryError()) == "MemoryError"
