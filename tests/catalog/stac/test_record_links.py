"""The links of a record that a granule keeps."""

from __future__ import annotations

import pytest

from catalog_builder.catalog.cmr.umm_g import RelatedUrl
from catalog_builder.catalog.stac.granule import parse_umm
from catalog_builder.catalog.stac.record_links import NO_LINKS, granule_links
from tests.catalog.sample_record import changed


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("HTTPS://host/browse/1.JPEG?size=2", True),
        ("https://host/1.png#top", True),
        ("s3://bucket/1.jpg", False),
        ("https://host.png", False),
        ("https://host/1.jpg.xml", False),
        ("https://host/?picture=1.jpg", False),
    ],
)
def test_browse_images_are_known_by_their_path(url: str, kept: bool) -> None:
    granule = parse_umm(changed("umm", "RelatedUrls", 5, "URL", to=url))
    expected = url if kept else "https://n5eil01u.ecs.nsidc.org/2.jpg"
    assert granule.thumbnail_href == expected


def links(*pairs: tuple[str, str]) -> dict[str, str]:
    return granule_links([RelatedUrl(type=kind, url=url) for kind, url in pairs])


def test_each_kind_is_known_by_its_type_and_its_address() -> None:
    assert links(
        ("GET DATA VIA DIRECT ACCESS", "S3://protected/a.h5"),
        ("GET DATA", "HTTPS://host/a.h5"),
        ("VIEW RELATED INFORMATION", "https://host/a.iso.xml"),
        ("GET RELATED VISUALIZATION", "https://host/a.png"),
        ("USE SERVICE API", "https://opendap.host/a.h5"),
    ) == {
        "s3_href": "S3://protected/a.h5",
        "https_href": "HTTPS://host/a.h5",
        "metadata_href": "https://host/a.iso.xml",
        "thumbnail_href": "https://host/a.png",
    }
    assert links() == {}


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("GET DATA VIA DIRECT ACCESS", "s3://nsidc-cumulus-prod-public/side.h5"),
        ("GET DATA VIA DIRECT ACCESS", "s3://protected/a.xml"),
        ("GET DATA VIA DIRECT ACCESS", "https://host/a.h5"),
        ("GET DATA", "s3://protected/a.h5"),
        ("GET DATA", "ftp://host/a.h5"),
        ("GET DATA", "https://host/a.h5.xml"),
        ("VIEW RELATED INFORMATION", "https://host/guide.pdf"),
        ("", "https://host/a.h5"),
    ],
)
def test_what_is_of_no_use_is_passed_over(kind: str, url: str) -> None:
    assert links((kind, url)) == {}


def test_of_several_the_first_that_fits_is_kept() -> None:
    kind = "GET DATA VIA DIRECT ACCESS"
    found = links((kind, "s3://x-public/a.h5"), (kind, "s3://x/b.h5"), (kind, "s3://x/c.h5"))
    assert found == {"s3_href": "s3://x/b.h5"}
    assert set(found) <= set(NO_LINKS)
    assert set(NO_LINKS.values()) == {None}
