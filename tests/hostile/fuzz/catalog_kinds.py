"""Items and indexes of catalogs."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pystac
from hypothesis import strategies as st
from sample_items import make_item
from scripted_server import Answer, ScriptedServer
from small_granule import NAME, SmallBeam, write_granule
from web_folder import serve_folder

from catalog_builder.beams.read import rejected_references
from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.byte_cache import ByteCache
from catalog_builder.catalog.build.item_files import read_item
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index import partitions
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.layout import CATALOG, INDEX, item_path, references_path
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.opening import reference_cache
from catalog_builder.opening.many_granules import open_beams
from catalog_builder.opening.one_granule import (
    describe,
    open_beam,
    open_granule,
    open_lazy,
    open_references,
)
from catalog_builder.photons.open_photons import open_photons, plan_photons
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.saving import save_granules
from tests.hostile.fuzz.kind import REFUSED, Refused, answered, require
from tests.hostile.fuzz.mutations import damaged, dump, harmed

GRANULE: Final = NAME.removesuffix(".h5")
EVERYWHERE: Final = [-180.0, -90.0, 180.0, 90.0]
COLLECTION: Final = "ATL03_006"


def forget_references() -> None:
    """Let nothing that a case left in memory answer the next one."""
    reference_cache._loaded = ByteCache(reference_cache.KEPT)  # type: ignore[misc]
    rejected_references._rejected.clear()


class Published:
    """A catalog on disk of one indexed granule."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "public"
        self.granule = write_granule(folder / NAME, gt1l=SmallBeam(), gt2r=SmallBeam())
        found = scan(GranuleLinks(local=str(self.granule)))
        self.references = found.beams
        self.file = write_references(found.beams)
        name = GranuleName.parse(GRANULE)
        self.path = item_path(COLLECTION, name)
        self.item = {**make_item(0), "id": GRANULE, "collection": COLLECTION}
        self.item["assets"]["data"]["href"] = str(self.granule)
        del self.item["assets"]["https"]
        facts: dict[Any, Any] = {
            beam: {
                "strength": found.strengths[beam],
                "spot": found.spots[beam],
                "photons": found.photons[beam],
                "track": [list(place) for place in found.tracks[beam]],
                "references": self.file.frames[beam].to_dict(),
            }
            for beam in found.beams
        }
        add_references(self.item, self.path, size=len(self.file.body), beams=facts, orientation=1)
        self.set = self.folder / references_path(COLLECTION, name)
        for path, body in (
            (self.folder / self.path, orjson.dumps(self.item)),
            (self.set, self.file.body),
            (self.folder / CATALOG, b'{"type": "Catalog", "links": []}'),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        write_index([self.item], self.folder / INDEX)
        self.heights = self.heights_of(open_beam(self.granule, "gt1l", ["h_ph"]))

    @staticmethod
    def heights_of(beam: Any) -> bytes:
        return np.asarray(beam["h_ph"].values).tobytes()


class Items:
    """STAC items, handed over, in a catalog's folder, and in its index."""

    def __init__(self, folder: Path) -> None:
        self._published = published = Published(folder)
        self._folder = published.folder
        self._file = published.folder / published.path
        self._saved = folder / "saved"
        self._store = ScriptedServer(lambda _: Answer(status=404))
        self._store.__enter__()
        os.environ["AWS_ENDPOINT_URL_S3"] = self._store.url  # where s3 addresses lead
        self._index = folder / "index"
        self._index.mkdir()
        doors: dict[str, Callable[[Any], Any]] = {
            "beam": lambda item: open_beam(item, "gt1l", ["h_ph"]),
            "pystac": self._as_pystac,
            "lazy": lambda item: open_lazy(item, "gt1l", ["h_ph"]).compute(),
            "granule": lambda item: open_granule(item, variables=["h_ph"]).get("gt1l"),
            "beams": lambda item: open_beams([item], "gt1l", ["h_ph"]).compute(),
            "references": open_references,
            "describe": describe,
            "photons": lambda item: open_photons([item], EVERYWHERE, variables=["h_ph"]),
            "lazy photons": lambda item: open_photons(
                [item], EVERYWHERE, variables=["h_ph"], chunks=50
            ).compute(),
            "plan": lambda item: plan_photons([item], EVERYWHERE, variables=["h_ph"]),
            "download": lambda item: save_granules([item], self._saved),
            "found": lambda _: open_beam(find_item(self._folder, GRANULE), "gt1l", ["h_ph"]),
            "source": lambda _: BeamSource(catalog=str(self._folder), granule=GRANULE).read(),
            "verify": lambda _: verify(self._folder),
            "indexed": self._indexed,
        }
        self._doors = doors
        item = harmed(published.item)
        self.cases = st.tuples(st.sampled_from(sorted(doors)), item)
        for door in doors:
            require(door == "download" or not self.run((door, published.item)), f"{door} is shut")

    def run(self, case: tuple[str, Any]) -> bool:
        door, item = case
        forget_references()
        handed = item
        if door in ("found", "source", "verify", "indexed"):
            self._file.write_bytes(dump(item))
        elif isinstance(item, dict):
            handed = PublishedItem(item, str(self._file))
        found = answered(lambda: self._doors[door](handed))
        shutil.rmtree(self._saved, ignore_errors=True)
        if isinstance(found, Refused):
            return True
        if door in ("beam", "pystac", "lazy", "granule", "found") and found is not None:
            right = self._published.heights
            require(Published.heights_of(found) == right, f"{door}: other photons")
        return False

    def _as_pystac(self, item: Any) -> Any:
        try:
            made = pystac.Item.from_dict(copy.deepcopy(dict(item)))
            made.set_self_href(str(self._file))
        except Exception:
            return REFUSED  # by pystac
        return open_beam(made, "gt1l", ["h_ph"])

    def _indexed(self, _: Any) -> None:
        item = read_item(PublishedFolder(self._folder), self._published.path)
        write_index([item], self._index / INDEX)
        (again,) = ItemIndex.open(self._index).dictionaries()
        require(again["id"] == item["id"], "the index holds another item")
        if item == self._published.item:
            require(dict(again) == item, "not the same item")

    def close(self) -> None:
        self._store.__exit__(None, None, None)


_ROWS: Final = 60


class Indexes:
    """``items.parquet``: damage of its rows, and rows that hold what cannot be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / INDEX
        (folder / CATALOG).write_text("{}")
        with patch.object(partitions, "MOST_ROWS", 20):
            write_index([make_item(number) for number in range(0, 14 * _ROWS, 14)], self._path)
        self._whole = self._path.read_bytes()
        self._metadata = pq.ParquetFile(self._path).metadata
        table = pq.read_table(self._path)
        self._schema = table.schema
        self._rows = table.slice(0, 3).to_pylist()
        self._server = ScriptedServer(serve_folder(folder))
        self._server.__enter__()
        self._right = {where: self._answers(where) for where in (str(folder), self._server.url)}
        rows_end = len(self._whole) - 8 - int.from_bytes(self._whole[-8:-4], "little")
        damage = damaged(self._whole, [(4, rows_end)], moves=False)
        rows = harmed(self._rows, 2)
        where = st.sampled_from((str(folder), str(folder), self._server.url))
        self.cases = st.one_of(
            st.tuples(where, damage),
            st.tuples(where, damage),
            st.tuples(st.just("rows"), rows),
        )

    def run(self, case: tuple[str, Any]) -> bool:
        where, changed = case
        if where == "rows":
            return self._run_rows(changed)
        self._write(changed)
        found = answered(lambda: self._answers(where))
        if isinstance(found, Refused):
            return True
        require(found == self._right[where], "another answer")
        return False

    def _write(self, body: bytes) -> None:
        other = self._path.with_name("other")
        other.write_bytes(body)
        other.replace(self._path)

    def _answers(self, where: str) -> Any:
        index = ItemIndex.open(where)
        found = index.search(bbox=EVERYWHERE, datetime="2018-10-14/2019-12-31")
        return [sorted(found.ids), list(index.dictionaries())]

    def _run_rows(self, rows: Any) -> bool:
        try:
            table = pa.Table.from_pylist(rows, schema=self._schema)
        except Exception:
            return True  # no such file can be
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, write_page_checksum=True)
        self._write(sink.getvalue().to_pybytes())
        index = ItemIndex.open(self._folder)
        found = [
            answered(ask)
            for ask in (
                lambda: list(index.search(bbox=[0.0, -90.0, 180.0, 90.0], precise=True)),
                lambda: list(index.search(datetime="2018-10-14", rgt=1)),
                lambda: index.ids,
                lambda: [answered(lambda i=i: describe(i)) for i in index.dictionaries()],  # type: ignore[misc]
                lambda: index.to_geodataframe(),
                lambda: "x" in index,
            )
        ]
        return any(isinstance(one, Refused) for one in found)

    def close(self) -> None:
        self._server.__exit__(None, None, None)
