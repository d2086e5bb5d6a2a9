"""What an item or an address resolves to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pystac
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import AccessError, RecordError
from catalog_builder.opening.one_granule import open_beam, open_granule, open_lazy
from catalog_builder.opening.resolve import NSIDC_CREDENTIALS, resolve

BUCKET = "nsidc-cumulus-prod-protected"
ITEM = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "stac_extensions": [],
    "id": "ATL03_20190401120000_03850302_006_01",
    "geometry": None,
    "properties": {
        "datetime": "2019-04-01T12:00:00Z",
        "storage:schemes": {"aws": {"type": "aws-s3", "region": "us-east-1"}},
        "auth:schemes": {
            "earthdata": {"type": "http"},
            "s3credentials": {"type": "s3", "credentials_endpoint": "https://keys.example.org"},
        },
    },
    "links": [],
    "assets": {
        "data": {
            "href": f"s3://{BUCKET}/ATLAS/ATL03/{NAME}",
            "file:checksum": "1220ab",
            "storage:refs": ["aws"],
            "auth:refs": ["s3credentials"],
        },
        "https": {"href": f"https://data.example.org/{NAME}", "auth:refs": ["earthdata"]},
        "metadata": {"href": "https://cmr.example.org/x.xml"},
    },
}
LINKS = GranuleLinks(
    s3=f"s3://{BUCKET}/ATLAS/ATL03/{NAME}",
    https=f"https://data.example.org/{NAME}",
    credentials_endpoint="https://keys.example.org",
    region="us-east-1",
    checksum="1220ab",
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_granule(tmp_path_factory.mktemp("granule") / NAME, gt1l=SmallBeam())


def test_an_item_in_all_its_forms() -> None:
    assert resolve(ITEM).links == LINKS
    assert resolve(pystac.Item.from_dict(ITEM)).links == LINKS


@pytest.mark.parametrize(
    ("href", "links"),
    [
        (
            f"s3://{BUCKET}/ATLAS/{NAME}",
            GranuleLinks(s3=f"s3://{BUCKET}/ATLAS/{NAME}", credentials_endpoint=NSIDC_CREDENTIALS),
        ),
        (f"s3://other/{NAME}", GranuleLinks(s3=f"s3://other/{NAME}")),
        (f"https://example.org/{NAME}", GranuleLinks(https=f"https://example.org/{NAME}")),
        (f"/data/{NAME}", GranuleLinks(local=f"/data/{NAME}")),
        (Path("data", NAME), GranuleLinks(local=f"data/{NAME}")),
        (f"file:///my%20data/{NAME}", GranuleLinks(local=f"/my data/{NAME}")),
    ],
)
def test_an_address(href: str | Path, links: GranuleLinks) -> None:
    assert resolve(href).links == links


def test_an_address_that_cannot_be_read() -> None:
    with pytest.raises(AccessError, match=r"gs://bucket/x\.h5 cannot be read"):
        resolve("gs://bucket/x.h5")


def test_an_item_without_the_file() -> None:
    item = {**ITEM, "assets": {"metadata": ITEM["assets"]["metadata"]}}
    with pytest.raises(AccessError, match="it has metadata"):
        resolve(item)


def test_an_item_of_a_local_folder(path: Path, tmp_path: Path) -> None:
    """A relative address is one beside the item's own file."""
    item = pystac.Item.from_dict({**ITEM, "assets": {"data": {"href": f"./{NAME}"}}})
    item.set_self_href(str(path.with_suffix(".json")))
    assert resolve(item).links.local == str(path)


class CountedItem(pystac.Item):
    """An item that counts how often it is asked where it lies."""

    asked = 0

    def get_self_href(self) -> str | None:
        CountedItem.asked += 1
        return super().get_self_href()


def test_each_call_resolves_its_item_once(path: Path) -> None:
    item = CountedItem.from_dict({**ITEM, "assets": {"data": {"href": str(path)}}})
    for opener in (
        lambda: open_beam(item, "gt1l", ["h_ph"]),
        lambda: open_lazy(item, "gt1l", ["h_ph"]),
        lambda: open_granule(item, variables=["h_ph"]),
    ):
        CountedItem.asked = 0
        opener()
        assert CountedItem.asked == 1


def test_what_is_resolved_is_opened_as_it_is(path: Path) -> None:
    resolved = resolve(ITEM | {"assets": {"data": {"href": str(path)}}})
    assert resolve(resolved) is resolved
    assert (resolved.id, resolved.photons) == (ITEM["id"], {})
    assert open_beam(resolved, "gt1l", ["h_ph"]).attrs["source"] == str(path)


@pytest.mark.parametrize("none", [None, "text", 3])
def test_of_two_addresses_one_may_be_none(path: Path, none: Any) -> None:
    data = {"href": str(path)}
    for assets in ({"data": data, "https": None}, {"data": None, "https": data}):
        assert resolve({**ITEM, "assets": assets}).links.local == str(path)
    with pytest.raises((AccessError, RecordError)):
        resolve({**ITEM, "assets": {"data": none, "https": none}})


@pytest.mark.parametrize("asset", [None, "text", {"href": None}])
@pytest.mark.parametrize("key", ["references", "references_gt1l"])
def test_an_asset_that_is_none_leads_to_no_references(path: Path, key: str, asset: object) -> None:
    facts = {"gt1l": {"photons": 9, "references": {"offset": 1, "length": 1, "crc32": 1}}}
    assets = {"data": {"href": str(path)}, key: asset}
    resolved = resolve({**ITEM, "properties": {"icesat2:beams": facts}, "assets": assets})
    assert resolved.has_references("gt1l") == isinstance(asset, dict)
    assert not resolved.has_references("gt9x")
    assert resolved.beam_references("gt1l", False) is None
