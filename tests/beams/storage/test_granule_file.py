"""A granule opened as a file over each transport, and what goes wrong on any of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stored_files import BUCKET, KEY, asked, links_to, store, write_granule

from catalog_builder.beams.storage.granule_file import (
    BLOCK_SIZE,
    expected_transport,
    open_granule_file,
    open_hdf5,
)
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    AccessError,
    AccessWarning,
    GranuleNotFoundError,
    NotATL03Error,
    OutOfRegionError,
)
from earthdata_standin import EarthdataStandin
from tests.beams.storage.granule_reads import VALUES, read_all


@pytest.mark.parametrize("access", ["s3", "https", "auto"])
def test_values_are_those_of_the_file(links: GranuleLinks, access: Access) -> None:
    assert read_all(links, access) == (links.https if access == "https" else links.s3)


def test_a_local_file_is_read_as_it_is(
    granule: Path, links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    here = replace(links, local=str(granule))
    assert read_all(here, "auto") == read_all(here, "local") == str(granule)
    assert not cloud.requests


def test_each_block_is_fetched_once(
    links: GranuleLinks, cloud: EarthdataStandin, granule: Path
) -> None:
    read_all(links, "s3")
    read_all(links, "https")
    for service in ("s3", "download"):
        ranges = [one.range for one in cloud.requests if one.service == service and one.range]
        assert len(ranges) == len(set(ranges))
        assert len(ranges) <= -(-granule.stat().st_size // BLOCK_SIZE) + 1


def test_a_file_reads_like_any_other(links: GranuleLinks, granule: Path) -> None:
    whole = granule.read_bytes()
    with open_granule_file(links, "s3") as file:
        assert not isinstance(file.source, str)
        assert file.source.seek(-5, os.SEEK_END) == len(whole) - 5
        assert file.source.read(10) == whole[-5:]
        assert file.source.read(10) == b""
        edge = BLOCK_SIZE
        assert file.source.seek(edge - 3) == file.source.tell()
        assert file.source.read(6) == whole[edge - 3 : edge + 3]
        assert file.source.seek(len(whole) + 7) == len(whole) + 7
        assert file.source.read() == b""
        file.source.seek(0)
        assert file.source.read() == whole
    assert file.source.closed
    file.close()


def test_no_link_to_follow(links: GranuleLinks) -> None:
    with pytest.raises(AccessError, match=r"access='local' needs a link.*it has s3, https"):
        open_granule_file(links, "local")
    with pytest.raises(GranuleNotFoundError, match="There is no file"):
        open_granule_file(GranuleLinks(local="/nowhere/granule.h5"))


# -- out of region


def test_auto_goes_over_https_where_s3_refuses_and_says_so_once(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.in_region = False
    with pytest.warns(AccessWarning, match=f"s3://{BUCKET} answers only inside us-west-2") as told:
        assert read_all(links, "auto") == links.https
    assert len(told) == 1
    assert expected_transport(links, "auto") == ("https", links.https)
    before = asked(cloud, "s3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_all(links, "auto") == links.https
    assert asked(cloud, "s3") == before


def test_s3_alone_out_of_region_names_region_and_way_out(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    cloud.faults.in_region = False
    with pytest.raises(OutOfRegionError, match=r'us-west-2.*use access="https"'):
        open_granule_file(links, "s3")
    with pytest.raises(OutOfRegionError):
        open_granule_file(replace(links, https=None))


# -- what goes wrong


@pytest.mark.parametrize("access", ["s3", "https"])
def test_bodies_that_end_early_are_fetched_again(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access
) -> None:
    with open_hdf5(links, access) as (file, _):
        cloud.faults.object_truncate = 2
        np.testing.assert_array_equal(file["second"][:], np.arange(VALUES))
    assert cloud.faults.object_truncate == 0


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_busy_store_is_tried_again(
    links: GranuleLinks, cloud: EarthdataStandin, access: Access
) -> None:
    cloud.faults.object_unavailable = 2
    read_all(links, access)


@pytest.mark.parametrize("access", ["s3", "https"])
def test_nothing_there(cloud: EarthdataStandin, granule: Path, access: Access) -> None:
    store(cloud, {KEY: granule})
    missing = links_to(cloud, "ATLAS/other.h5")
    with pytest.raises(GranuleNotFoundError, match=r"nothing at .*ATLAS/other\.h5"):
        open_granule_file(missing, access)


@pytest.mark.parametrize("access", ["s3", "https", "local"])
def test_no_hdf5_file(cloud: EarthdataStandin, tmp_path: Path, access: Access) -> None:
    (tmp_path / "page.h5").write_text("<html>Sorry</html>")
    store(cloud, {KEY: tmp_path / "page.h5"})
    links = replace(links_to(cloud), local=str(tmp_path / "page.h5"))
    with pytest.raises(NotATL03Error, match="is not an HDF5 file"), open_hdf5(links, access):
        pass


@pytest.mark.parametrize("access", ["s3", "https"])
@pytest.mark.usefixtures("little_memory")
def test_a_granule_replaced_while_it_is_read(
    cloud: EarthdataStandin, tmp_path: Path, access: Access
) -> None:
    store(cloud, {KEY: write_granule(tmp_path / "granule.h5", VALUES)})
    with open_hdf5(links_to(cloud), access) as (file, _):
        write_granule(tmp_path / "new.h5", VALUES + 1)
        (tmp_path / "new.h5").replace(tmp_path / "granule.h5")
        with pytest.raises(AccessError, match="was replaced while it was read"):
            file["second"][:]


# -- other processes


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_file_left_open_does_not_crash_the_interpreter(
    links: GranuleLinks, access: Access
) -> None:
    program = (
        "import pickle, sys\n"
        "from catalog_builder.beams.storage.granule_file import open_hdf5\n"
        "opened = open_hdf5(pickle.loads(sys.stdin.buffer.read()), sys.argv[1])\n"
        "file, href = opened.__enter__()\n"
        "data = file['first']\n"
        "print(data[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, access],
        input=pickle.dumps(links),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
