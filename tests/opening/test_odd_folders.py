"""Local folders whose names would mean something in a URL, by every door; and no catalog."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import intake
import pytest
from click.testing import CliRunner
from published_catalog import publish
from scripted_server import Answer, Asked, ScriptedServer

from catalog_builder import (
    open_beam,
    open_index,
    open_photons,
    open_references,
    verify,
)
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.serve import Host
from catalog_builder.cli import main
from catalog_builder.errors import AddressError, CatalogError, CatalogNotFoundError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.saving import save_beams, save_granules
from earthdata_standin import EarthdataStandin


@pytest.mark.parametrize("name", ["run#3", "what?", "a%20b", "with space", "q?x=1#y%23 ü"])
def test_a_folder_may_have_any_name(cloud: EarthdataStandin, tmp_path: Path, name: str) -> None:
    """Warnings are errors: none says that references cannot be read."""
    root = publish(tmp_path / name)
    with ThreadPoolExecutor(2) as executor:
        index_catalog(root, executor=executor, limit=1)
    assert verify(root).ok
    index = open_index(root)
    (item,) = (one for one in index if "references" in one.assets)
    (beam, *_) = (b for b, f in item.properties["icesat2:beams"].items() if f["photons"])
    expected = open_beam(item, beam, ["h_ph"], references=False).h_ph
    for same in (item, item.to_dict(), item.clone(), find_item(root, item.id)):
        assert open_references(same)
        assert open_beam(same, beam, ["h_ph"]).h_ph.identical(expected)
    photons = open_photons([item], (-180, -90, 180, 90), variables=["h_ph"])
    assert photons.sizes["photon"]
    catalog = intake.open_catalog(str(root / "catalog.yml"))
    for source in (catalog.beam(granule=item.id), catalog.granules[item.id]):
        assert source(beam=beam).read().h_ph.size == expected.size
    with Host(root) as host:
        assert verify(host.url).ok
        assert open_references(open_index(host.url).item(item.id))
    to = tmp_path / f"downloads {name}"
    (file,) = save_granules([item], to)
    save_beams([item], to, beams=[beam], variables=["h_ph"])
    assert open_beam(file, beam, ["h_ph"]).h_ph.size == expected.size
    saved = intake.open_catalog(str(to / "local.yml"))
    assert saved[f"{item.id}_{beam}"].read().h_ph.size == expected.size
    assert saved[item.id](beam=beam).read().h_ph.size == expected.size
    done = CliRunner().invoke(main, ["find", str(root)])
    assert item.id in done.output, done.output


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
def test_what_is_not_in_s3_is_not_found(code: str) -> None:
    def answer(_: Asked) -> Answer:
        body = f"<Error><Code>{code}</Code><Message>It is not there.</Message></Error>"
        return Answer(status=404, body=body.encode())

    with ScriptedServer(answer) as s3:
        anonymous = {"anon": True, "endpoint_url": s3.url}
        with pytest.raises(
            CatalogNotFoundError, match=r"There is no s3://lab/typo/items\.parquet"
        ):
            len(open_index("s3://lab/typo", storage_options=anonymous))
        with pytest.raises(CatalogNotFoundError, match="There is no s3://lab/typo"):
            find_item(
                "s3://lab/typo", "ATL03_20181014031924_02370102_007_01", storage_options=anonymous
            )


def test_s3_that_refuses_is_another_error() -> None:
    body = b"<Error><Code>AccessDenied</Code><Message>Not for you.</Message></Error>"
    with ScriptedServer(lambda _: Answer(status=403, body=body)) as s3:
        anonymous = {"anon": True, "endpoint_url": s3.url}
        with pytest.raises(CatalogError, match="cannot be read: Not for you") as caught:
            len(open_index("s3://lab/typo", storage_options=anonymous))
        assert not isinstance(caught.value, CatalogNotFoundError)


@pytest.mark.parametrize("chain", ["simplecache", "filecache", "blockcache"])
@pytest.mark.parametrize("address", ["https://host.invalid/x", "s3://lab/cat", "/tmp/catalog"])
def test_chains_of_file_systems_are_refused_by_name(chain: str, address: str) -> None:
    with pytest.raises(AddressError, match=f"{chain}::.* is a chain of file systems"):
        open_index(f"{chain}::{address}")
