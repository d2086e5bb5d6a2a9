from __future__ import annotations

from pathlib import Path

import pystac
import pytest
import xarray as xr
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import AccessError
from catalog_builder.opening.one_granule import (
    NSIDC_CREDENTIALS,
    describe,
    links_of,
    open_beam,
    open_granule,
    open_lazy,
)

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
    assert links_of(ITEM) == LINKS
    assert links_of(pystac.Item.from_dict(ITEM)) == LINKS


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
    assert links_of(href) == links


def test_an_address_that_cannot_be_read() -> None:
    with pytest.raises(AccessError, match=r"gs://bucket/x\.h5 cannot be read"):
        links_of("gs://bucket/x.h5")


def test_an_item_without_the_file() -> None:
    item = {**ITEM, "assets": {"metadata": ITEM["assets"]["metadata"]}}
    with pytest.raises(AccessError, match="none of the assets data and https: it has metadata"):
        links_of(item)


def test_an_item_of_a_local_folder(path: Path, tmp_path: Path) -> None:
    """A relative address is one beside the item's own file."""
    item = pystac.Item.from_dict({**ITEM, "assets": {"data": {"href": f"./{NAME}"}}})
    item.set_self_href(str(path.with_suffix(".json")))
    assert links_of(item).local == str(path)


def test_everything_opens_by_path(path: Path) -> None:
    beam = open_beam(path, "gt1l", ["h_ph"], access="local")
    assert beam.attrs["source"] == str(path)
    xr.testing.assert_identical(open_lazy(path, "gt1l", ["h_ph"]).compute(), beam)
    xr.testing.assert_identical(open_granule(path, variables=["h_ph"])["gt1l"].to_dataset(), beam)
    assert describe(path).beams[0].photons == beam.sizes["photon"]
