"""The stand-in's services, asked by clients that no one here wrote."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import cmr
import numpy as np
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from obstore.auth.earthdata import NasaEarthdataCredentialProvider

from earthdata_standin import EarthdataStandin, Faults, World
from earthdata_standin.cmr_times import read_interval
from earthdata_standin.extents import Box, Boxes

BUCKET = "nsidc-cumulus-prod-protected"
NAME = "ATL03_20181014031924_02370102_007_01.h5"
KEY = f"ATLAS/ATL03/007/2018/10/14/{NAME}"
CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 1_000_003, dtype=np.uint8))

V007 = "C3326974349-NSIDC_CPRD"
BOX = (-76.623291, 38.842973, -76.506054, 38.934599)
"""For which NASA's CMR returned the 1,408 real records."""


def get(cloud: EarthdataStandin, path: str, **kwargs: Any) -> requests.Response:
    return requests.get(f"{cloud.cmr_url}/{path}", timeout=10, **kwargs)


def granules(cloud: EarthdataStandin, **conditions: Any) -> list[dict[str, Any]]:
    """All granules that fulfil the conditions, page by page."""
    found, headers = [], {}
    while True:
        answer = get(
            cloud,
            "granules.umm_json",
            params={"short_name": "ATL03", "page_size": 7, **conditions},
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if "CMR-Search-After" not in answer.headers:
            assert answer.json()["items"] == []
            return found
        headers = {"CMR-Search-After": answer.headers["CMR-Search-After"]}


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["meta"]["concept-id"] for item in items]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("objects") / NAME
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def store(file: Path) -> Iterator[EarthdataStandin]:
    """A stand-in whose buckets hold three objects, all with the same content."""
    objects = {
        f"{BUCKET}/{KEY}": file,
        f"{BUCKET}/ATLAS/a key+with (odd) signs=~ü.h5": file,
        f"{BUCKET.replace('protected', 'public')}/{KEY}": file,
    }
    world = World.from_records([], objects=objects)
    with EarthdataStandin(world=world) as cloud:
        yield cloud


def s3_client(cloud: EarthdataStandin, **keys: str) -> Any:
    if not keys:
        issued = requests.get(
            cloud.credentials_endpoint,
            headers={"Authorization": f"Bearer {cloud.token}"},
            timeout=10,
        ).json()
        keys = {
            "aws_access_key_id": issued["accessKeyId"],
            "aws_secret_access_key": issued["secretAccessKey"],
            "aws_session_token": issued["sessionToken"],
        }
    return boto3.client(
        "s3",
        endpoint_url=cloud.s3_url,
        region_name="us-west-2",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        **keys,
    )


# Start and stop


def test_starts_and_stops_clean(world: World) -> None:
    threads = threading.active_count()
    with EarthdataStandin(world=world) as cloud:
        assert get(cloud, "collections.umm_json").status_code == 200
    assert threading.active_count() == threads
    with pytest.raises(requests.ConnectionError):
        get(cloud, "collections.umm_json")


def test_stops_under_a_request_that_waits(world: World) -> None:
    cloud = EarthdataStandin(world=world, faults=Faults(slow=60))
    cloud.start()
    errors: list[Exception] = []

    def ask() -> None:
        try:
            get(cloud, "collections.umm_json")
        except requests.ConnectionError as error:
            errors.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    while not cloud.requests:
        time.sleep(0.01)
    cloud.stop()
    asker.join(timeout=5)
    assert len(errors) == 1


def test_five_ports_in_a_row_or_a_clear_failure(world: World) -> None:
    with EarthdataStandin(world=world) as taken:
        port = int(taken.cmr_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"):
            EarthdataStandin(port=port, world=world).start()


def test_the_command_prints_its_environment_and_stops() -> None:
    command = [sys.executable, "-m", "earthdata_standin", "--granules", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            lines = list(iter(server.stdout.readline, "# Ctrl-C to stop.\n"))
            exported = dict(
                line.removeprefix("export ").strip().split("=", 1)
                for line in lines
                if line.startswith("export ")
            )
            url = f"{exported['CMR_URL']}/collections.umm_json"
            assert requests.get(url, timeout=10).json()["hits"] == 3
        finally:
            server.terminate()
        assert server.wait(timeout=10) == 0


# CMR


def test_collections(cloud: EarthdataStandin) -> None:
    answer = get(cloud, "collections.umm_json", params={"short_name": "ATL03"})
    assert answer.headers["CMR-Hits"] == "3"
    hosted = get(
        cloud, "collections.umm_json", params={"cloud_hosted": "true", "version": "007"}
    ).json()["items"]
    assert ids(hosted) == [V007]
    direct = hosted[0]["umm"]["DirectDistributionInformation"]
    assert direct["S3CredentialsAPIEndpoint"] == cloud.credentials_endpoint
    on_premises = get(cloud, "collections.umm_json", params={"cloud_hosted": "false"}).json()
    assert [i["meta"]["provider-id"] for i in on_premises["items"]] == ["NSIDC_ECS"]


def test_collections_with_their_granule_counts(cloud: EarthdataStandin) -> None:
    items = get(
        cloud, "collections.umm_json_v1_18_4", params={"include_granule_counts": "true"}
    ).json()["items"]
    for item in items:
        concept_id = item["meta"]["concept-id"]
        assert item["meta"]["granule-count"] == sum(
            g["meta"]["collection-concept-id"] == concept_id for g in cloud.world.granules
        )


def test_headers_and_body_of_a_page(cloud: EarthdataStandin) -> None:
    answer = get(
        cloud, "granules.umm_json_v1_6_6", params={"collection_concept_id": V007, "page_size": 5}
    )
    assert answer.json().keys() == {"hits", "took", "items"}
    assert len(answer.json()["items"]) == 5
    assert int(answer.headers["CMR-Hits"]) == answer.json()["hits"] == 12
    assert answer.headers["Content-MD5"] == hashlib.md5(answer.content).hexdigest()
    assert answer.headers["CMR-Request-Id"]
    assert "version=1.6.6" in answer.headers["Content-Type"]


def test_ten_items_unless_asked_otherwise(cloud: EarthdataStandin) -> None:
    answer = get(cloud, "granules.umm_json", params={"collection_concept_id": V007})
    assert len(answer.json()["items"]) == 10
    answer = get(
        cloud, "granules.umm_json", params={"collection_concept_id": V007, "page_size": 0}
    )
    assert answer.json()["items"] == []
    assert answer.headers["CMR-Hits"] == "12"
    assert "CMR-Search-After" not in answer.headers


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("sort_key", [None, "-start_date", "granule_ur", "-revision_date"])
def test_pages_lose_nothing_and_repeat_nothing(
    cloud: EarthdataStandin, short: bool, sort_key: str | None
) -> None:
    cloud.faults.short_pages = short
    items = granules(cloud, **({"sort_key": sort_key} if sort_key else {}))
    assert len(items) == len(cloud.world.granules)
    assert set(ids(items)) == set(ids(list(cloud.world.granules)))
    if sort_key == "granule_ur":
        names = [item["umm"]["GranuleUR"] for item in items]
        assert names == sorted(names)
    if sort_key == "-start_date":
        starts = [i["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"] for i in items]
        assert starts == sorted(starts, reverse=True)


def test_pages_by_number(cloud: EarthdataStandin) -> None:
    conditions = {"collection_concept_id": V007, "page_size": 5}
    pages = [
        get(cloud, "granules.umm_json", params={**conditions, "page_num": page}).json()["items"]
        for page in (1, 2, 3, 4)
    ]
    assert [len(page) for page in pages] == [5, 5, 2, 0]
    offset = get(cloud, "granules.umm_json", params={**conditions, "offset": 3}).json()["items"]
    assert ids(offset) == ids(pages[0] + pages[1])[3:8]


def test_paging_goes_on_where_a_record_went_away(cloud: EarthdataStandin) -> None:
    everything = ids(granules(cloud, provider="NSIDC_CPRD"))
    conditions = {"provider": "NSIDC_CPRD", "page_size": 4}
    first = get(cloud, "granules.umm_json", params=conditions)
    gone = everything[3]
    cloud.world = replace(
        cloud.world, granules=[g for g in cloud.world.granules if g["meta"]["concept-id"] != gone]
    )
    second = get(
        cloud,
        "granules.umm_json",
        params=conditions,
        headers={"CMR-Search-After": first.headers["CMR-Search-After"]},
    )
    assert ids(first.json()["items"]) == everything[:4]
    assert ids(second.json()["items"]) == everything[4:8]


REFUSALS: list[tuple[str, dict[str, Any], dict[str, str], str]] = [
    ("granules", {"provider": "X", "foo": 1}, {}, "Parameter [foo] was not recognized."),
    (
        "granules",
        {"provider": "X", "cloud_hosted": "true"},
        {},
        "Parameter [cloud_hosted] was not recognized.",
    ),
    ("granules", {}, {}, "The CMR does not allow querying across granules in all collections."),
    ("granules", {"provider": "X", "page_size": 2001}, {}, "page_size must be a number between"),
    ("granules", {"provider": "X", "page_size": "x"}, {}, "page_size must be a number between"),
    ("granules", {"provider": "X", "page_num": 0}, {}, "page_num must be a number greater than"),
    (
        "granules",
        {"provider": "X", "page_num": 1001, "page_size": 1000},
        {},
        "The paging depth (page_num * page_size) of [1001000] exceeds the limit of 1000000.",
    ),
    (
        "granules",
        {"provider": "X", "page_num": 2},
        {"CMR-Search-After": "[0]"},
        "page_num is not allowed with search-after",
    ),
    (
        "granules",
        {"provider": "X", "offset": 2},
        {"CMR-Search-After": "[0]"},
        "offset is not allowed with search-after",
    ),
    (
        "granules",
        {"provider": "X"},
        {"CMR-Search-After": "12345"},
        "search-after header value is invalid, must be in the form of a JSON array.",
    ),
    (
        "granules",
        {"provider": "NSIDC_CPRD"},
        {"CMR-Search-After": '[0, "xxx"]'},
        "search_after has 2 value(s) but sort has 3.",
    ),
    (
        "granules",
        {"provider": "NSIDC_CPRD"},
        {"CMR-Search-After": '[0, "xxx", "y"]'},
        "search_after has a value of another type",
    ),
    ("granules", {"provider": "X", "sort_key": "colour"}, {}, "The sort key [colour] is not"),
    (
        "granules",
        {"provider": "X", "bounding_box": "1,2,3"},
        {},
        "[1,2,3] is not a valid URL encoded bounding_box",
    ),
    *(
        (
            "granules",
            {"provider": "X", "bounding_box": f"{west},5,1,6"},
            {},
            f"[{west},5,1,6] is not a valid URL encoded bounding_box",
        )
        for west in ("1e-05", "1E1", ".5", "5.", " 5", "0x1", "nan", "inf", "1_0", "٣", "")
    ),
    (
        "granules",
        {"provider": "X", "polygon": "0,0,1e0,0,1,1,0,0"},
        {},
        "[0,0,1e0,0,1,1,0,0] is not a valid URL encoded polygon",
    ),
    (
        "granules",
        {"provider": "X", "point": "1e1,5"},
        {},
        "[1e1,5] is not a valid URL encoded point",
    ),
    ("granules", {"provider": "X", "bounding_box": "0,5,1,4"}, {}, "was less than the south"),
    ("granules", {"provider": "X", "bounding_box": "0,5,200,6"}, {}, "longitude [200] must be"),
    (
        "granules",
        {"provider": "X", "polygon": "0,0,0,1,1,1,1,0,0,0"},
        {},
        "listed in the wrong order",
    ),
    ("granules", {"provider": "X", "polygon": "0,0,1,0,1,1,0,1"}, {}, "was not closed"),
    ("granules", {"provider": "X", "circle": "0,0,1"}, {}, "Circle radius must be between"),
    (
        "granules",
        {"provider": "X", "temporal": "yesterday,"},
        {},
        "temporal start datetime is invalid: [yesterday] is not a valid datetime.",
    ),
    *(
        (
            "granules",
            {"provider": "X", "temporal": f",{end}"},
            {},
            f"temporal end datetime is invalid: [{end}] is not a valid datetime.",
        )
        for end in (
            *("20210409", "2021-W02", "2021-099", "2021", "2021-04", "2021-02-30"),
            *("2021-04-09T00", "2021-04-09T00:00Z", "2021-04-09 00:00:00", "2021-13-12T12:00:00"),
            *("2021-04-09T00:00:00+0100", "2021-04-09T00:00:00z", "20210409T000000Z"),
        )
    ),
    (
        "granules",
        {"provider": "X", "revision_date": "1,2,3"},
        {},
        "Too many commas in revision-date 1,2,3",
    ),
    (
        "granules",
        {"provider": "X", "revision_date": "2021-1-1,"},
        {},
        "revision-date start datetime is invalid: [2021-1-1]",
    ),
    (
        "granules",
        {"provider": "X", "keyword": "photon"},
        {},
        "Parameter [keyword] was not recognized.",
    ),
    (
        "granules",
        {"provider": "X", "temporal": "2019-01-01T00:00:00Z,2018-01-01T00:00:00Z"},
        {},
        "must be before end_date",
    ),
    (
        "collections",
        {"cloud_hosted": "yes"},
        {},
        "Parameter cloud_hosted must take value of true or false but was [yes]",
    ),
]


@pytest.mark.parametrize(
    ("concept", "conditions", "headers", "message"),
    REFUSALS,
    ids=[f"{number}" for number in range(len(REFUSALS))],
)
def test_a_wrong_query_is_refused_in_words(
    cloud: EarthdataStandin,
    concept: str,
    conditions: dict[str, Any],
    headers: dict[str, str],
    message: str,
) -> None:
    answer = get(cloud, f"{concept}.umm_json", params=conditions, headers=headers)
    assert answer.status_code == 400
    assert any(message in error for error in answer.json()["errors"]), answer.json()


def test_an_unknown_format_is_refused(cloud: EarthdataStandin) -> None:
    assert get(cloud, "granules.echo10").status_code == 400
    assert get(cloud, "nonsense.umm_json").status_code == 404


def test_granules_in_time(cloud: EarthdataStandin) -> None:
    some = cloud.world.granules[5]["umm"]["TemporalExtent"]["RangeDateTime"]
    start, end = some["BeginningDateTime"], some["EndingDateTime"]
    expected = {
        g["meta"]["concept-id"]
        for g in cloud.world.granules
        if g["umm"]["TemporalExtent"]["RangeDateTime"]["BeginningDateTime"] <= end
        and g["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"] >= start
    }
    assert set(ids(granules(cloud, **{"temporal[]": f"{start},{end}"}))) == expected
    before = ids(granules(cloud, temporal=f",{start}"))
    after = ids(granules(cloud, temporal=f"{start},"))
    assert set(before) | set(after) == set(ids(list(cloud.world.granules)))
    assert expected <= set(before) & set(after)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2021-04-09", 0),
        ("2021-04-09T00:00:01", 1),
        ("2021-04-09T00:00:01Z", 1),
        ("2021-04-09T00:00:01.5Z", 1.5),
        ("2021-04-09T00:00:01.250", 1.25),
        ("2021-04-09T02:00:00+01:30", 1800),
    ],
)
def test_times_as_cmr_reads_them(written: str, seconds: float) -> None:
    day = datetime(2021, 4, 9, tzinfo=UTC).timestamp() * 1000
    assert read_interval("temporal", f"{written},") == (day + seconds * 1000, math.inf)


def test_a_boundary_may_be_left_out(cloud: EarthdataStandin) -> None:
    end = cloud.world.granules[5]["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"]
    concept_id = cloud.world.granules[5]["meta"]["concept-id"]
    exclude = {"options[temporal][exclude_boundary]": "true"}
    assert concept_id in ids(granules(cloud, temporal=f"{end},"))
    assert concept_id not in ids(granules(cloud, temporal=f"{end},", **exclude))


def test_areas_that_cross_180(cloud: EarthdataStandin) -> None:
    cloud.faults.loose_search = False
    fiji = granules(cloud, bounding_box="177,-19,-178.5,-16")
    assert fiji
    polygon = "177,-19,-178.5,-19,-178.5,-16,177,-16,177,-19"
    assert ids(granules(cloud, polygon=polygon)) == ids(fiji)
    assert set(ids(granules(cloud, point="179.9,-17.5"))) <= set(ids(fiji))
    assert set(ids(fiji)) <= set(ids(granules(cloud, circle="179.25,-17.5,400000")))
    both = {"bounding_box[]": ["177,-19,-178.5,-16", "-136,58,-133,59"]}
    assert granules(cloud, **both) == []
    either = granules(cloud, **both, **{"options[bounding_box][or]": "true"})
    assert len(either) > len(fiji)


def test_granules_revised_since(cloud: EarthdataStandin) -> None:
    dates = sorted(g["meta"]["revision-date"] for g in cloud.world.granules)
    middle = dates[len(dates) // 2]
    expected = {
        g["meta"]["concept-id"]
        for g in cloud.world.granules
        if g["meta"]["revision-date"] >= middle
    }
    assert set(ids(granules(cloud, updated_since=middle))) == expected
    assert set(ids(granules(cloud, **{"revision_date[]": f"{middle},"}))) == expected


def test_granules_by_name(cloud: EarthdataStandin) -> None:
    record = cloud.world.granules[0]
    name = record["umm"]["GranuleUR"]
    exact = granules(cloud, **{"readable_granule_name[]": name})
    assert record["meta"]["concept-id"] in ids(exact)
    assert granules(cloud, **{"readable_granule_name[]": name[:-4] + "*"}) == []
    pattern = {"options[readable_granule_name][pattern]": "true"}
    cut = name[:20].lower() + "?" + name[21:-3] + "*"
    assert ids(exact)[0] in ids(granules(cloud, **{"readable_granule_name[]": cut}, **pattern))


def test_granules_by_several_concept_ids(cloud: EarthdataStandin) -> None:
    wanted = ids(list(cloud.world.granules))[3:6]
    found = granules(cloud, **{"concept_id[]": wanted})
    assert set(ids(found)) == set(wanted)
    of_collection = granules(cloud, concept_id=V007)
    assert len(of_collection) == 12


def test_real_records_are_found_as_cmr_found_them(real_data: Path) -> None:
    with EarthdataStandin(records=real_data / "cmr" / "atl03_v007_granules.umm.jsonl") as cloud:
        answer = get(
            cloud,
            "granules.umm_json",
            params={
                "short_name": "ATL03",
                "bounding_box": ",".join(map(str, BOX)),
                "page_size": 2000,
            },
        )
        assert answer.json()["hits"] == 1408
        assert len(set(ids(answer.json()["items"]))) == 1408
        cloud.faults.loose_search = False
        near = granules(cloud, bounding_box=",".join(map(str, BOX)), page_size=2000)
        # Half of the records cross ±180 on the other side of the globe.
        assert len(near) == 708


def test_python_cmr_reads_it(cloud: EarthdataStandin) -> None:
    query = cmr.GranuleQuery(mode=f"{cloud.cmr_url}/").format("umm_json")
    query.collection_concept_id(V007).bounding_box(-180, -90, 180, 90)
    assert query.hits() == 12
    pages = query.get_all()
    assert sum(len(json.loads(page)["items"]) for page in pages) == 12
    collections = cmr.CollectionQuery(mode=f"{cloud.cmr_url}/").format("umm_json")
    assert collections.short_name("ATL03").cloud_hosted(True).hits() == 2


def test_restricted_collections_need_a_token(cloud: EarthdataStandin) -> None:
    cloud.faults.restricted.add(V007)
    headers = {"Authorization": f"Bearer {cloud.token}"}
    conditions = {"collection_concept_id": V007}
    assert get(cloud, "granules.umm_json", params=conditions).json()["hits"] == 0
    seen = get(cloud, "granules.umm_json", params=conditions, headers=headers)
    assert seen.json()["hits"] == 12
    assert get(cloud, "collections.umm_json").json()["hits"] == 2
    wrong = get(cloud, "collections.umm_json", headers={"Authorization": "Bearer nonsense"})
    assert (wrong.status_code, wrong.json()) == (401, {"errors": ["Token does not exist"]})


def test_cmr_fails_as_often_as_it_is_told_to(cloud: EarthdataStandin) -> None:
    faults = cloud.faults
    faults.retry_after, faults.retry_after_seconds = 2, 7
    answers = [get(cloud, "collections.umm_json") for _ in range(3)]
    assert [a.status_code for a in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["errors"]
    assert answers[0].headers["CMR-Request-Id"]

    faults.unavailable = 1
    assert get(cloud, "collections.umm_json").status_code == 503

    faults.timed_out = 1
    partial = get(cloud, "collections.umm_json")
    assert (partial.status_code, partial.headers["CMR-Timed-Out"]) == (200, "true")
    assert len(partial.json()["items"]) < partial.json()["hits"] == 3

    faults.not_json = 1
    with pytest.raises(requests.JSONDecodeError):
        get(cloud, "collections.umm_json").json()

    faults.truncate = 1
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(cloud, "collections.umm_json")
    assert get(cloud, "collections.umm_json").status_code == 200


def test_slow_answers(cloud: EarthdataStandin) -> None:
    cloud.faults.slow = 5
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{cloud.cmr_url}/collections.umm_json", timeout=0.1)


def test_the_log_names_no_secret(cloud: EarthdataStandin) -> None:
    get(cloud, "collections.umm_json", headers={"Authorization": f"Bearer {cloud.token}"})
    (entry,) = cloud.requests
    assert (entry.service, entry.method, entry.status) == ("cmr", "GET", 200)
    assert entry.authorization == "Bearer"
    assert entry.bytes > 1000
    assert cloud.token not in repr(cloud.requests)


# Boxes

longitudes = st.floats(-180, 180)
latitudes = st.floats(-90, 90)


@given(longitudes, longitudes, longitudes, longitudes, latitudes, latitudes)
def test_boxes_meet_across_180(
    w1: float, e1: float, w2: float, e2: float, south: float, north: float
) -> None:
    """Against the plain test of the pieces that ±180 cuts a box into."""
    south, north = sorted((south, north))
    one, other = (Box.of_edges(w, south, e, north) for w, e in ((w1, e1), (w2, e2)))

    def pieces(west: float, east: float) -> list[tuple[float, float]]:
        return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]

    touch = {-180.0, 180.0}
    expected = any(
        (a <= d and c <= b) or ({a, b} & touch and {c, d} & touch)
        for a, b in pieces(w1, e1)
        for c, d in pieces(w2, e2)
    )
    found = Boxes([one]).meet(other, loose=False)[0]
    # A box that only touches ±180 from one side touches those on the other side.
    assert found == expected or abs(w1 - e2) < 1e-9 or abs(w2 - e1) < 1e-9


def test_a_ring_around_the_pole_holds_it() -> None:
    box = Box.of_path([0, 90, 180, -90, 0], [85, 85, 85, 85, 85])
    assert (box.width, box.north) == (360.0, 90.0)
    southern = Box.of_path([0, -90, 180, 90, 0], [-85] * 5)
    assert (southern.width, southern.south) == (360.0, -90.0)


def test_circles() -> None:
    boxes = Boxes([Box.of_edges(179, -1, -179, 1)])
    assert boxes.meet(Box.of_circle(-178, 0, 120_000), loose=False)[0]
    assert not boxes.meet(Box.of_circle(-178, 0, 100_000), loose=False)[0]
    assert Box.of_circle(10, 89.9, 50_000).width == 360.0


# Earthdata Login


def test_a_token_for_a_password(cloud: EarthdataStandin) -> None:
    url = f"{cloud.earthdata_url}/api/users/find_or_create_token"
    answer = requests.post(url, auth=(cloud.username, cloud.password), timeout=10).json()
    assert (answer["access_token"], answer["token_type"]) == (cloud.token, "Bearer")
    assert datetime.strptime(answer["expiration_date"], "%m/%d/%Y") > datetime(2024, 1, 1)
    wrong = requests.post(url, auth=(cloud.username, "wrong"), timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_credentials")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_s3_keys_for_a_token(cloud: EarthdataStandin) -> None:
    cloud.faults.key_lifetime = 100
    issued = requests.get(
        cloud.credentials_endpoint, headers=bearer(cloud.token), timeout=10
    ).json()
    assert issued.keys() == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    left = datetime.fromisoformat(issued["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=95) < left < timedelta(seconds=101)
    wrong = requests.get(cloud.credentials_endpoint, headers=bearer("wrong"), timeout=10)
    assert wrong.status_code == 401


@pytest.mark.parametrize("status", [302, 307])
def test_s3_keys_for_a_password(cloud: EarthdataStandin, status: Any) -> None:
    cloud.faults.redirect_status = status
    with requests.Session() as session:
        session.trust_env = False
        first = session.get(cloud.credentials_endpoint, allow_redirects=False, timeout=10)
        assert first.status_code == status
        assert first.headers["Location"].startswith(f"{cloud.earthdata_url}/oauth/authorize?")
        nobody = session.get(first.headers["Location"], timeout=10)
        assert (nobody.status_code, nobody.headers["Content-Type"].split(";")[0]) == (
            200,
            "text/html",
        )
        wrong = session.get(first.headers["Location"], auth=(cloud.username, "no"), timeout=10)
        assert wrong.status_code == 401
        back = session.get(
            first.headers["Location"], auth=(cloud.username, cloud.password), timeout=10
        )
        assert back.json()["accessKeyId"]
        again = session.get(cloud.credentials_endpoint, allow_redirects=False, timeout=10)
        assert again.json()["accessKeyId"] != back.json()["accessKeyId"]
    assert all(r.authorization != "Basic" for r in cloud.requests if r.service != "earthdata")


def test_a_code_works_once(cloud: EarthdataStandin) -> None:
    unknown = requests.get(f"{cloud.data_url}/login", params={"code": "made-up"}, timeout=10)
    assert unknown.status_code == 401


@pytest.mark.parametrize("by", ["token", "password"])
def test_obstore_logs_in(cloud: EarthdataStandin, by: str) -> None:
    auth = cloud.token if by == "token" else (cloud.username, cloud.password)
    provider = NasaEarthdataCredentialProvider(
        cloud.credentials_endpoint, host="127.0.0.1", auth=auth
    )
    try:
        keys = provider()
    finally:
        provider.close()
    assert keys["access_key_id"].startswith("ASIA")
    assert keys["expires_at"] is not None
    assert keys["expires_at"] > datetime.now(UTC)


def test_an_agreement_not_accepted(cloud: EarthdataStandin) -> None:
    cloud.faults.eula_pending = True
    answer = requests.get(cloud.credentials_endpoint, headers=bearer(cloud.token), timeout=10)
    assert answer.status_code == 403
    assert "EULA" in answer.json()["error_description"]
    assert answer.json()["resolution_url"].startswith(f"{cloud.earthdata_url}/approve_app")


def test_a_login_answered_with_a_page(cloud: EarthdataStandin) -> None:
    cloud.faults.html_login = True
    answer = requests.get(cloud.credentials_endpoint, headers=bearer(cloud.token), timeout=10)
    assert answer.status_code == 200
    assert "<html" in answer.text


# S3


def test_boto3_reads_objects(store: EarthdataStandin) -> None:
    client = s3_client(store)
    head = client.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ContentLength"] == len(CONTENT)
    whole = client.get_object(Bucket=BUCKET, Key=KEY)
    assert whole["ETag"] == head["ETag"]
    assert whole["Body"].read() == CONTENT
    odd = client.get_object(Bucket=BUCKET, Key="ATLAS/a key+with (odd) signs=~ü.h5")
    assert odd["Body"].read() == CONTENT


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-99", slice(10, 100)),
        ("bytes=1000000-", slice(1_000_000, None)),
        ("bytes=1000000-99999999", slice(1_000_000, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-99999999", slice(None)),
    ],
)
def test_ranges(store: EarthdataStandin, asked: str, part: slice) -> None:
    answer = s3_client(store).get_object(Bucket=BUCKET, Key=KEY, Range=asked)
    expected = CONTENT[part]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["Body"].read() == expected
    start = CONTENT.index(expected) if len(expected) > 1 else 0
    assert answer["ContentRange"] == f"bytes {start}-{start + len(expected) - 1}/{len(CONTENT)}"
    assert store.requests[-1].bytes == len(expected)
    assert store.requests[-1].range == asked


def test_conditions(store: EarthdataStandin) -> None:
    client = s3_client(store)
    etag = client.head_object(Bucket=BUCKET, Key=KEY)["ETag"]
    good = client.get_object(Bucket=BUCKET, Key=KEY, IfMatch=etag, Range="bytes=0-9")
    assert good["Body"].read() == CONTENT[:10]
    assert refusal(client.get_object, IfMatch='"other"') == (412, "PreconditionFailed")
    assert refusal(client.get_object, IfNoneMatch=etag)[0] == 304


def test_a_range_of_a_file_that_has_changed_is_the_whole_file(store: EarthdataStandin) -> None:
    url = f"{store.data_url}/{BUCKET.replace('protected', 'public')}/{KEY}"
    etag = requests.head(url, allow_redirects=True, timeout=10).headers["ETag"]
    part = {"Range": "bytes=5-9"}
    same = requests.get(url, headers={**part, "If-Range": etag}, timeout=10)
    assert (same.status_code, same.content) == (206, CONTENT[5:10])
    other = requests.get(url, headers={**part, "If-Range": '"other"'}, timeout=10)
    assert (other.status_code, other.content) == (200, CONTENT)


def test_a_client_that_hangs_up(
    store: EarthdataStandin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    large = tmp_path / "large.h5"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    store.world = World.from_records([], objects={"some-public/large.h5": large})
    for bandwidth in (None, 1e6):
        store.faults.bandwidth = bandwidth
        url = f"{store.data_url}/some-public/large.h5"
        with requests.get(url, stream=True, timeout=10) as answer:
            assert len(answer.raw.read(1000)) == 1000
    store.stop()
    assert caplog.records == []


def refusal(call: Any, *, bucket: str = BUCKET, key: str = KEY, **kwargs: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(Bucket=bucket, Key=key, **kwargs)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_what_is_not_there(store: EarthdataStandin) -> None:
    client = s3_client(store)
    assert refusal(client.get_object, key="nothing") == (404, "NoSuchKey")
    assert refusal(client.head_object, key="nothing") == (404, "404")
    assert refusal(client.get_object, Range=f"bytes={len(CONTENT)}-") == (416, "InvalidRange")
    with pytest.raises(ClientError, match="MethodNotAllowed"):
        client.delete_object(Bucket=BUCKET, Key=KEY)


def test_keys_are_checked(store: EarthdataStandin) -> None:
    issued = requests.get(
        store.credentials_endpoint, headers=bearer(store.token), timeout=10
    ).json()
    good = {
        "aws_access_key_id": issued["accessKeyId"],
        "aws_secret_access_key": issued["secretAccessKey"],
        "aws_session_token": issued["sessionToken"],
    }
    for changed, code in (
        ({"aws_access_key_id": "ASIAOTHER"}, (403, "InvalidAccessKeyId")),
        ({"aws_secret_access_key": "other"}, (403, "SignatureDoesNotMatch")),
        ({"aws_session_token": "other"}, (400, "InvalidToken")),
    ):
        client = s3_client(store, **{**good, **changed})
        assert refusal(client.get_object) == code
    assert s3_client(store, **good).head_object(Bucket=BUCKET, Key=KEY)
    unsigned = requests.get(f"{store.s3_url}/{BUCKET}/{KEY}", timeout=10)
    assert (unsigned.status_code, "AccessDenied" in unsigned.text) == (403, True)


def test_keys_expire(store: EarthdataStandin) -> None:
    store.faults.key_lifetime = 0.2
    client = s3_client(store)
    time.sleep(0.25)
    assert refusal(client.get_object) == (400, "ExpiredToken")


def test_out_of_region(store: EarthdataStandin) -> None:
    client = s3_client(store)
    store.faults.in_region = False
    assert refusal(client.get_object) == (403, "AccessDenied")
    assert refusal(client.head_object) == (403, "403")
    store.faults.in_region = True
    assert client.head_object(Bucket=BUCKET, Key=KEY)


def test_listing(store: EarthdataStandin) -> None:
    client = s3_client(store)
    listing = client.list_objects_v2(Bucket=BUCKET, Prefix="ATLAS/")
    assert [c["Key"] for c in listing["Contents"]] == [KEY, "ATLAS/a key+with (odd) signs=~ü.h5"]
    assert listing["Contents"][0]["Size"] == len(CONTENT)
    folders = client.list_objects_v2(Bucket=BUCKET, Prefix="ATLAS/", Delimiter="/")
    assert [p["Prefix"] for p in folders["CommonPrefixes"]] == ["ATLAS/ATL03/"]
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, PaginationConfig={"PageSize": 1}
    )
    assert [c["Key"] for page in pages for c in page["Contents"]] == [
        c["Key"] for c in listing["Contents"]
    ]


def test_s3fs_reads_objects(store: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    issued = requests.get(
        store.credentials_endpoint, headers=bearer(store.token), timeout=10
    ).json()
    fs = s3fs.S3FileSystem(
        key=issued["accessKeyId"],
        secret=issued["secretAccessKey"],
        token=issued["sessionToken"],
        endpoint_url=store.s3_url,
        skip_instance_cache=True,
    )
    with fs.open(f"{BUCKET}/{KEY}", block_size=300_000) as remote:
        remote.seek(-5, 2)
        assert remote.read() == CONTENT[-5:]
    assert fs.cat_file(f"{BUCKET}/{KEY}", start=3, end=9) == CONTENT[3:9]
    assert fs.exists(f"{BUCKET}/{KEY}")
    assert not fs.exists(f"{BUCKET}/{KEY}.other")
    assert [Path(p).name for p in fs.ls(str(Path(f"{BUCKET}/{KEY}").parent))] == [NAME]


def test_obstore_reads_objects(store: EarthdataStandin) -> None:
    import obstore

    provider = NasaEarthdataCredentialProvider(store.credentials_endpoint, auth=store.token)
    s3 = obstore.store.S3Store(
        BUCKET,
        endpoint=store.s3_url,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        credential_provider=provider,
    )
    try:
        assert bytes(obstore.get_range(s3, KEY, start=5, end=50)) == CONTENT[5:50]
        parts = obstore.get_ranges(s3, KEY, starts=[0, 900_000], ends=[10, 900_010])
        assert [bytes(p) for p in parts] == [CONTENT[:10], CONTENT[900_000:900_010]]
        assert obstore.head(s3, KEY)["size"] == len(CONTENT)
        (page,) = list(obstore.list(s3, prefix="ATLAS/ATL03"))
        assert [entry["path"] for entry in page] == [KEY]
    finally:
        provider.close()


def test_files_break_off_or_are_refused(store: EarthdataStandin) -> None:
    client = s3_client(store)
    store.faults.object_unavailable = 1
    assert refusal(client.get_object) == (503, "SlowDown")
    store.faults.object_truncate = 1
    with pytest.raises(Exception, match="IncompleteRead"):
        client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    assert client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CONTENT


def test_latency_and_bandwidth(store: EarthdataStandin) -> None:
    client = s3_client(store)
    store.faults.latency, store.faults.bandwidth = 0.1, 5e6
    began = time.monotonic()
    assert client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == CONTENT
    assert time.monotonic() - began > 0.1 + len(CONTENT) / 5e6 - 0.01


# Downloads


def test_a_download_leaves_the_login_behind(store: EarthdataStandin) -> None:
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    first = requests.get(url, headers=bearer(store.token), allow_redirects=False, timeout=10)
    assert first.status_code == 303
    link = first.headers["Location"]
    assert link.startswith("http://localhost:")
    part = requests.get(link, headers={"Range": "bytes=-9"}, timeout=10)
    assert (part.status_code, part.content) == (206, CONTENT[-9:])
    leak = requests.get(link, headers=bearer(store.token), timeout=10)
    assert leak.status_code == 400
    assert store.requests[-1].authorization == "Bearer"
    forged = requests.get(link.replace("Signature=", "Signature=0"), timeout=10)
    assert forged.status_code == 403
    followed = requests.get(url, headers=bearer(store.token), timeout=10)
    assert followed.content == CONTENT
    assert followed.headers["ETag"] == part.headers["ETag"]
    assert store.requests[-1].authorization is None


@pytest.mark.parametrize("status", [302, 307])
def test_a_download_with_a_password(store: EarthdataStandin, status: Any) -> None:
    store.faults.redirect_status = status
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    with requests.Session() as session:
        session.trust_env = False
        login = session.get(url, allow_redirects=False, timeout=10).headers["Location"]
        answer = session.get(login, auth=(store.username, store.password), timeout=10)
        assert answer.content == CONTENT
        assert session.get(url, timeout=10).content == CONTENT
    assert [r.service for r in store.requests] == [
        "data",
        "earthdata",
        "data",
        "data",
        "download",
        "data",
        "download",
    ]


def test_links_die(store: EarthdataStandin) -> None:
    store.faults.link_lifetime = 0.1
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    link = requests.head(url, headers=bearer(store.token), timeout=10).headers["Location"]
    assert requests.head(link, timeout=10).headers["Content-Length"] == str(len(CONTENT))
    time.sleep(0.15)
    dead = requests.get(link, timeout=10)
    assert (dead.status_code, "Request has expired" in dead.text) == (403, True)


def test_downloads_that_are_refused(store: EarthdataStandin) -> None:
    url = f"{store.data_url}/{BUCKET}/{KEY}"
    assert requests.get(url, headers=bearer("wrong"), timeout=10).status_code == 401
    missing = requests.get(f"{url}.other", headers=bearer(store.token), timeout=10)
    assert missing.status_code == 404
    public = url.replace("-protected", "-public")
    assert requests.get(public, timeout=10).content == CONTENT
    store.faults.eula_pending = True
    assert requests.get(url, headers=bearer(store.token), timeout=10).status_code == 403


def test_many_readers_at_a_time(store: EarthdataStandin) -> None:
    import aiohttp

    async def read_all() -> list[bytes]:
        headers = bearer(store.token)

        async def read(session: aiohttp.ClientSession, number: int) -> bytes:
            part = {"Range": f"bytes={number * 1000}-{number * 1000 + 999}"}
            url = f"{store.data_url}/{BUCKET}/{KEY}"
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                link = answer.headers["Location"]
            async with session.get(link, headers=part) as answer:
                return await answer.read()

        async with aiohttp.ClientSession() as session:
            return list(await asyncio.gather(*(read(session, n) for n in range(100))))

    assert b"".join(asyncio.run(read_all())) == CONTENT[:100_000]
