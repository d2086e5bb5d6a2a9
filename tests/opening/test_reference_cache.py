"""A reference set is kept in memory, and read anew where a rebuild replaced it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import Answer, Asked, ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from web_folder import serve_folder

from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import CatalogNotFoundError
from catalog_builder.opening.reference_cache import load_references


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> BeamReferences:
    path = write_granule(tmp_path_factory.mktemp("granule") / NAME, gt1l=SmallBeam())
    (found,) = scan(GranuleLinks(local=str(path))).beams.values()
    return found


@pytest.mark.parametrize("host", ["local", "etag", "nothing"])
def test_a_set_that_is_replaced_is_read_anew(
    references: BeamReferences, tmp_path: Path, host: str
) -> None:
    file = tmp_path / "gt1l.json.zst"
    plain = serve_folder(tmp_path)

    def answer(asked: Asked) -> Answer:
        body = plain(asked)
        if host == "etag" and file.exists():
            body.headers["ETag"] = tag = f'"{file.stat().st_ino}-{file.stat().st_mtime_ns}"'
            if asked.headers.get("If-None-Match") == tag:
                return Answer(status=304)
        return body

    with ScriptedServer(answer) as server:
        address = str(file) if host == "local" else f"{server.url}/{file.name}"
        for size in (1, 2, 3):
            part = tmp_path / "part"
            part.write_bytes(write_references(replace(references, size=size)))
            part.replace(file)
            first = load_references(address)
            assert first.size == size
            assert load_references(address) is first
        if host == "etag":
            assert {"If-None-Match"} <= set(server.asked[-1].headers)
        file.unlink()
        with pytest.raises(CatalogNotFoundError, match=r"gt1l\.json\.zst"):
            load_references(address)
