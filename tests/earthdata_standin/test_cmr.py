"""The stand-in's CMR, asked by clients that no one here wrote."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cmr
import pytest
import requests

from earthdata_standin import EarthdataStandin
from tests.earthdata_standin.standin_clients import (
    BOX,
    V007,
    get,
    granules,
    ids,
)


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


def test_ten_items_by_default(cloud: EarthdataStandin) -> None:
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


def test_a_boundary_may_be_left_out(cloud: EarthdataStandin) -> None:
    end = cloud.world.granules[5]["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"]
    concept_id = cloud.world.granules[5]["meta"]["concept-id"]
    exclude = {"options[temporal][exclude_boundary]": "true"}
    assert concept_id in ids(granules(cloud, temporal=f"{end},"))
    assert concept_id not in ids(granules(cloud, temporal=f"{end},", **exclude))


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


def test_cmr_fails_as_often_as_configured(cloud: EarthdataStandin) -> None:
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
