"""Granules as other tools hand them out."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import fsspec
import pystac
import pytest
from obstore.store import HTTPStore, LocalStore, S3Store
from small_granule import NAME, SmallBeam, write_granule

import catalog_builder as cb
from catalog_builder.errors import AccessError, CatalogBuilderError
from catalog_builder.opening.granule_forms import data_assets, in_own_form
from catalog_builder.opening.resolve import NSIDC_CREDENTIALS, resolve
from earthdata_standin import EarthdataStandin

BUCKET = "nsidc-cumulus-prod-protected"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("granule") / NAME, gt1l=SmallBeam())


@pytest.fixture
def record(cloud: EarthdataStandin) -> dict[str, Any]:
    """A record of a granule that the stand-in serves whole."""
    odd = cloud.world.odd.values()
    return next(
        one
        for one in cloud.world.granules
        if one["meta"]["provider-id"] == "NSIDC_CPRD"
        and one["umm"]["GranuleUR"] not in odd
        and resolve(one).links.s3
    )


def test_a_record_of_cmr_opens(record: dict[str, Any], cloud: EarthdataStandin) -> None:
    links = resolve(record).links
    assert links.s3 is not None
    assert links.s3.startswith(f"s3://{BUCKET}/")
    assert links.credentials_endpoint == NSIDC_CREDENTIALS
    expected = cb.open_beam(links.https or "", "gt1l", ["h_ph"], access="https")
    for one in (record, record["umm"]):
        assert cb.open_beam(one, "GT1L", ["h_ph"], access="https").identical(expected)


@pytest.mark.filterwarnings("ignore:As of version:FutureWarning")
def test_a_granule_of_earthaccess_opens(record: dict[str, Any]) -> None:
    results = pytest.importorskip("earthaccess.results")
    granule = results.DataGranule(record, cloud_hosted=True)
    assert resolve(granule).links == resolve(record).links


def test_an_item_of_cmr_stac_opens(record: dict[str, Any], cloud: EarthdataStandin) -> None:
    name = record["umm"]["GranuleUR"]
    url = f"{cloud.stac_url}/NSIDC_CPRD/collections/ATL03_007/items/{name}"
    with urllib.request.urlopen(url) as answer:
        item = json.loads(answer.read())
    assert {"data", "https"}.isdisjoint(item["assets"])
    for one in (item, pystac.Item.from_dict(item)):
        links = resolve(one).links
        assert (links.s3, links.https) == (resolve(record).links.s3, resolve(record).links.https)
    beam = cb.open_beam(item, "gt1l", ["h_ph"], access="https")
    assert beam.attrs["beam"] == "gt1l"


def test_which_assets_are_the_granule() -> None:
    data = {"href": f"s3://{BUCKET}/a/{NAME}"}
    web = {"href": f"https://host/{NAME}"}
    others = {
        "public": {"href": f"s3://nsidc-cumulus-prod-public/a/{NAME}"},
        "metadata": {"href": "https://host/one.xml"},
        "odd": "text",
    }
    assert data_assets({"assets": {**others, "x": data, "y": web}}) == [data, web]
    assert data_assets({"assets": {**others, "x": data, "https": web}}) == [web]
    assert data_assets({"assets": others}) == []


@pytest.mark.parametrize("opened", [True, False])
def test_files_of_fsspec(path: Path, opened: bool) -> None:
    for given in (str(path), f"file://{path}"):
        file = fsspec.open(given)
        with file.open() if opened else file as one:
            beam = cb.open_beam(one if opened else file, "gt1l")
    assert beam.identical(cb.open_beam(path, "gt1l"))


def test_addresses_of_fsspec_and_obstore(path: Path) -> None:
    s3 = fsspec.filesystem("s3", anon=True)
    file = fsspec.core.OpenFile(s3, f"{BUCKET}/a/{NAME}")
    assert in_own_form(file) == f"s3://{BUCKET}/a/{NAME}"
    store = S3Store(BUCKET, prefix="a", region="us-west-2", skip_signature=True)
    assert in_own_form((store, NAME)) == f"s3://{BUCKET}/a/{NAME}"
    assert in_own_form((HTTPStore("https://host/a"), NAME)) == f"https://host/a/{NAME}"
    local = (LocalStore(path.parent), NAME)
    assert cb.open_beam(local, "gt1l").identical(cb.open_beam(path, "gt1l"))


def test_a_record_without_data_is_refused() -> None:
    with pytest.raises(AccessError, match=r"record one has no link .* ends in \.h5"):
        resolve({"umm": {"GranuleUR": "one", "RelatedUrls": [{"URL": "https://host/x.xml"}, 3]}})
    pair = (1, 2)
    assert in_own_form(pair) is pair


@pytest.mark.parametrize(
    "odd",
    [
        *(5, None, b"x", (1, 2), ("a", "b"), (None, "p")),
        *({"umm": {"RelatedUrls": 5}}, {"RelatedUrls": {"a": 1}}, {"RelatedUrls": [1, None]}),
        *({"umm": None}, {"umm": []}),
    ],
)
def test_what_is_no_granule_is_an_error_of_the_tree(odd: Any) -> None:
    with pytest.raises(CatalogBuilderError, match=r"no link|no STAC [iI]tem"):
        cb.open_beam(odd, "gt1l")
