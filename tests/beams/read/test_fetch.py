from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import UNTRUSTED_HOST, Answer, Asked, Script, ScriptedServer
from stored_chunks import all_rows, file_references
from stored_files import KEY, links_to, store

from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.beams.read.fetch import cut, read_planned
from catalog_builder.beams.read.plan import ReadPlan, plan_reads
from catalog_builder.beams.read.request_pool import CONNECTIONS
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    AccessError,
    AccessWarning,
    GranuleNotFoundError,
    OutOfRegionError,
    StaleReferencesError,
)
from earthdata_standin import EarthdataStandin

PHOTONS = 1_200_000
WAYS: tuple[Access, ...] = ("s3", "https", "local")


@pytest.fixture(scope="module")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 15 MB: photons that do not deflate well, and what is stored otherwise."""
    path = tmp_path_factory.mktemp("granules") / "granule.h5"
    noise = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        heights = file.create_group("heights")
        stored = {"chunks": (100_000,), "compression": 1}
        heights.create_dataset("h_ph", data=noise.random(PHOTONS, "f4"), **stored)
        heights.create_dataset("lat_ph", data=noise.random(PHOTONS), **stored)
        count = noise.integers(0, 99, PHOTONS, "u4")
        heights.create_dataset("pce_mframe_cnt", data=count, shuffle=True, **stored)
        conf = noise.integers(-2, 5, (PHOTONS, 5), "i1")
        heights.create_dataset("signal_conf_ph", data=conf, chunks=(99_000, 5), compression=1)
        file["segments"] = np.arange(1000.0)
        file.create_dataset("unwritten", (PHOTONS,), "f4", chunks=(9_999,), fillvalue=7.0)
        file.create_dataset("empty", (0,), "f4", chunks=(9,), maxshape=(None,))
    return path


@pytest.fixture
def links(cloud: EarthdataStandin, granule: Path) -> GranuleLinks:
    store(cloud, {KEY: granule})
    return replace(links_to(cloud), local=str(granule))


@pytest.fixture
def plan(granule: Path) -> ReadPlan:
    references = file_references(granule)
    return plan_reads(references, all_rows(references))


def etag_of(cloud: EarthdataStandin, links: GranuleLinks) -> str:
    from catalog_builder.beams.storage.s3 import StoreSource

    etag = StoreSource(links).etag
    cloud.requests.clear()
    assert etag is not None
    return etag


def read_rightly(links: GranuleLinks, plan: ReadPlan, granule: Path, access: Access) -> None:
    """Read a plan, and hold what comes against the file."""
    found = read_planned(links, plan, access)
    with h5py.File(granule) as file:
        for output in plan.outputs:
            expected = file[output.dataset.path][:][output.rows.numbers()]
            values = found[output.dataset.path]
            assert values.dtype == expected.dtype
            np.testing.assert_array_equal(values, expected, strict=True)


def gets(cloud: EarthdataStandin, service: str = "s3") -> int:
    return sum(one.service == service and one.method == "GET" for one in cloud.requests)


def serve(body: bytes, broken: Callable[[int], bool]) -> Script:
    """A script of a server that breaks off in the middle where it is told to."""
    asked: list[Asked] = []

    def script(one: Asked) -> Answer:
        asked.append(one)
        first, last = map(int, one.headers["Range"].removeprefix("bytes=").split("-"))
        part = body[first : last + 1]
        where = {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(body)}"}
        sent = len(part) // 2 if broken(len(asked)) else len(part)
        return Answer(status=206, headers=where, body=part[:sent], length=len(part))

    return script


@pytest.mark.parametrize("access", WAYS)
def test_whole_datasets(
    links: GranuleLinks, plan: ReadPlan, granule: Path, cloud: EarthdataStandin, access: Access
) -> None:
    read_rightly(links, plan, granule, access)
    assert gets(cloud) == (len(plan.requests) if access == "s3" else 0)
    if access == "s3":
        assert sum(one.bytes for one in cloud.requests if one.service == "s3") == (
            plan.bytes_fetched
        )


@pytest.mark.parametrize("access", WAYS)
def test_some_rows(links: GranuleLinks, granule: Path, access: Access) -> None:
    references = file_references(granule)
    rows = RowSlices.of_rows(np.r_[150_000:350_001, 777_777, PHOTONS - 3 : PHOTONS])
    wanted = {path: rows for path in references.datasets if path.startswith("heights")}
    read_rightly(links, plan_reads(references, wanted), granule, access)


def test_nothing_to_fetch_sends_no_request(
    links: GranuleLinks, granule: Path, cloud: EarthdataStandin
) -> None:
    references = file_references(granule)
    wanted = {
        "empty": RowSlices.whole(0),
        "unwritten": RowSlices.whole(PHOTONS),
        "segments": RowSlices.whole(0),
    }
    read_rightly(links, plan_reads(references, wanted), granule, "s3")
    assert not cloud.requests


@pytest.mark.usefixtures("cloud")
def test_requests_go_out_in_one_round(plan: ReadPlan, granule: Path) -> None:
    whole = serve(granule.read_bytes(), lambda number: False)
    together = threading.Barrier(len(plan.requests))

    def script(one: Asked) -> Answer:
        if one.headers["Range"] != "bytes=0-0":
            together.wait(20)  # for all others to be asked for
        return whole(one)

    assert 4 < len(plan.requests) <= CONNECTIONS
    with ScriptedServer(script, UNTRUSTED_HOST) as server:
        read_rightly(GranuleLinks(https=f"{server.url}/granule.h5"), plan, granule, "https")


# -- what goes wrong


def test_a_busy_store_and_broken_answers(
    links: GranuleLinks, plan: ReadPlan, granule: Path, cloud: EarthdataStandin
) -> None:
    plan = replace(plan, etag=etag_of(cloud, links))
    cloud.faults.object_unavailable = 3
    cloud.faults.object_truncate = 3
    read_rightly(links, plan, granule, "s3")
    assert cloud.faults.object_unavailable == cloud.faults.object_truncate == 0


@pytest.mark.usefixtures("cloud")
def test_broken_answers_over_https(plan: ReadPlan, granule: Path) -> None:
    script = serve(granule.read_bytes(), lambda number: number % 3 == 2)
    with ScriptedServer(script, UNTRUSTED_HOST) as server:
        read_rightly(GranuleLinks(https=f"{server.url}/granule.h5"), plan, granule, "https")
        assert len(server.asked) > 1 + len(plan.requests)
        asked = sum(span(one.headers["Range"]) for one in server.asked)
    # What has come is not asked for again.
    assert asked < 1.7 * plan.bytes_fetched


def span(asked: str) -> int:
    first, last = map(int, asked.removeprefix("bytes=").split("-"))
    return last - first + 1


@pytest.mark.usefixtures("cloud")
def test_answers_that_always_end_early(plan: ReadPlan, granule: Path) -> None:
    def script(one: Asked) -> Answer:
        if one.headers["Range"] != "bytes=0-0":
            return replace(whole(one), body=b"")
        return whole(one)

    whole = serve(granule.read_bytes(), lambda number: False)
    plan = replace(plan, requests=plan.requests[:1])
    with (
        ScriptedServer(script, UNTRUSTED_HOST) as server,
        pytest.raises(AccessError, match=r"broke off at \d+, 4 times"),
    ):
        read_planned(GranuleLinks(https=f"{server.url}/granule.h5"), plan)


@pytest.mark.heavy
def test_s3_answers_that_always_end_early(
    links: GranuleLinks, plan: ReadPlan, cloud: EarthdataStandin
) -> None:
    cloud.faults.object_truncate = 10**6
    with pytest.raises(AccessError, match="broke off"):
        read_planned(links, replace(plan, requests=plan.requests[:1]), "s3")


@pytest.mark.parametrize("access", WAYS)
@pytest.mark.parametrize("larger", [-1, 1])
def test_another_size(links: GranuleLinks, plan: ReadPlan, access: Access, larger: int) -> None:
    with pytest.raises(StaleReferencesError, match="index the granule again"):
        read_planned(links, replace(plan, size=plan.size + larger), access)


@pytest.mark.parametrize("access", ["s3", "https"])
def test_another_version(links: GranuleLinks, plan: ReadPlan, access: Access) -> None:
    with pytest.raises(StaleReferencesError, match="index the granule again"):
        read_planned(links, replace(plan, etag='"other"'), access)


@pytest.mark.parametrize("access", WAYS)
def test_a_file_cut_short(
    cloud: EarthdataStandin, tmp_path: Path, granule: Path, plan: ReadPlan, access: Access
) -> None:
    last = plan.requests[-1]
    (tmp_path / "short.h5").write_bytes(granule.read_bytes()[: last.start])
    store(cloud, {KEY: tmp_path / "short.h5"})
    links = replace(links_to(cloud), local=str(tmp_path / "short.h5"))
    with pytest.raises(StaleReferencesError, match="index the granule again"):
        read_planned(links, replace(plan, requests=(last,)), access)


@pytest.mark.parametrize("access", WAYS)
def test_bytes_that_are_no_chunks(
    links: GranuleLinks, granule: Path, access: Access, cloud: EarthdataStandin
) -> None:
    references = file_references(granule)
    dataset = references.datasets["heights/h_ph"]
    dataset.offsets[5:] += np.uint64(3)
    plan = plan_reads(references, {dataset.path: RowSlices.whole(PHOTONS)})
    with pytest.raises(StaleReferencesError, match=r"heights/h_ph: .*do not inflate"):
        read_planned(links, plan, access)
    assert not [stack for stack in sys._current_frames().values() if is_reading(stack)]


def is_reading(stack: FrameType | None) -> bool:
    """Whether a thread is at work on a request."""
    while stack is not None and stack.f_code.co_name != "read_request":
        stack = stack.f_back
    return stack is not None


@pytest.mark.parametrize("access", WAYS)
def test_nothing_there(
    cloud: EarthdataStandin, granule: Path, plan: ReadPlan, access: Access
) -> None:
    store(cloud, {KEY: granule})
    missing = replace(links_to(cloud, "ATLAS/other.h5"), local="/no/such/other.h5")
    with pytest.raises(GranuleNotFoundError, match=r"other\.h5"):
        read_planned(missing, plan, access)


def test_out_of_region(
    links: GranuleLinks, plan: ReadPlan, granule: Path, cloud: EarthdataStandin
) -> None:
    remote = replace(links, local=None)
    cloud.faults.in_region = False
    with pytest.raises(OutOfRegionError, match='use access="https"'):
        read_planned(remote, plan, "s3")
    with pytest.warns(AccessWarning, match="read over HTTPS"):
        read_rightly(remote, plan, granule, "auto")
    cloud.requests.clear()
    read_rightly(remote, plan, granule, "auto")
    assert gets(cloud) == 0


def test_keys_that_s3_refuses_are_renewed(
    links: GranuleLinks, plan: ReadPlan, granule: Path, cloud: EarthdataStandin
) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    provider._keys = provider() | {"access_key_id": "ASIAREVOKED"}
    read_rightly(links, plan, granule, "s3")
    assert sum(one.path == "/s3credentials" for one in cloud.requests) == 2


# -- cutting a stream


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30))), st.integers(1, 40))
def test_a_stream_is_cut_into_ranges(ranges: list[tuple[int, int]], piece: int) -> None:
    ranges.sort()
    whole = bytes(range(5, 125))

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(whole), piece):
            yield whole[start : start + piece]

    found = [bytes(one) for one in cut(pieces(), 1000, [(1000 + a, n) for a, n in ranges])]
    assert found == [whole[a : a + n] for a, n in ranges]
