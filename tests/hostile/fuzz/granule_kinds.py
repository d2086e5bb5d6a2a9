"""Reference files and granules."""

from __future__ import annotations

import copy
import itertools
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import orjson
from hypothesis import strategies as st
from older_references import older_set

from catalog_builder.beams.references.frames import Frame, compress, inflate
from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.opening.one_granule import (
    describe,
    open_beam,
    open_granule,
    open_lazy,
    open_references,
)
from catalog_builder.opening.reference_cache import load_references
from catalog_builder.photons.open_photons import open_photons, plan_photons
from catalog_builder.photons.writing.photon_files import write_photons
from tests.hostile.fuzz.catalog_kinds import EVERYWHERE, Published, forget_references
from tests.hostile.fuzz.kind import Refused, answered, require
from tests.hostile.fuzz.mutations import damaged, dump, harmed

_TEXTS: Final = (".zattrs", ".zarray", ".zgroup")
"""Members of a reference set that are JSON within JSON."""


def _opened(frame: bytes) -> dict[str, Any]:
    members = orjson.loads(b"{" + inflate(frame)[1:] + b"}")
    return {
        key: orjson.loads(value) if key.endswith(_TEXTS) else value
        for key, value in members.items()
    }


def _closed(members: dict[str, Any]) -> bytes:
    texts = {
        key: dump(value).decode(errors="replace") if key.endswith(_TEXTS) else value
        for key, value in members.items()
    }
    return compress(b"," + dump(texts)[1:-1])


class References:
    """Reference files: damage, which their checksums tell, and sets that lie with right ones."""

    def __init__(self, folder: Path) -> None:
        self._published = published = Published(folder)
        self._folder = folder
        self._numbers = itertools.count()
        self._older = older_set(published.references["gt1l"])
        self._frame = published.file.frames["gt1l"]
        whole = published.file.body
        frame = whole[self._frame.offset : self._frame.stop]
        span = [(self._frame.offset, self._frame.stop)]
        lies = harmed(_opened(frame)).map(_closed)
        self.cases = st.one_of(
            st.tuples(st.just("frame"), damaged(whole, span)),
            st.tuples(st.just("file"), damaged(whole, [(0, len(whole))])),
            st.tuples(st.just("older"), damaged(self._older, [(0, len(self._older))])),
            st.tuples(st.just("lies"), lies),
            st.tuples(st.just("lies"), lies),
        )
        for how, body in (("frame", whole), ("file", whole), ("older", self._older)):
            require(not self.run((how, body)), f"{how} is refused")

    def run(self, case: tuple[str, bytes]) -> bool:
        how, body = case
        forget_references()
        path = self._folder / f"{next(self._numbers)}.json.zst"
        path.write_bytes(body)
        try:
            if how == "older":
                return self._damage_older(path)
            return self._lie(path, body) if how == "lies" else self._damage(path, how)
        finally:
            path.unlink()

    def _damage(self, path: Path, how: str) -> bool:
        """A right answer, or an error, whatever bytes are changed."""
        granule, right = self._published.granule, self._published.heights
        if how == "frame":
            beam = answered(lambda: open_beam(self._item(path), "gt1l", ["h_ph"]))
            require(not isinstance(beam, Refused), "the photons are hidden")
            require(Published.heights_of(beam) == right, "other photons")
            found: Any = answered(lambda: open_references(self._item(path)))
        else:
            found = answered(lambda: load_references(str(path), "gt1l"))
            if not isinstance(found, Refused):
                beam = open_beam(granule, "gt1l", ["h_ph"], references=str(path))
                require(Published.heights_of(beam) == right, "other photons")
        if isinstance(found, GranuleReferences):
            found = found.beams["gt1l"]
        if isinstance(found, Refused):
            return True
        wanted = self._published.references["gt1l"]
        for name in ("h_ph", "lat_ph", "delta_time"):
            one, other = (each.datasets[f"heights/{name}"] for each in (found, wanted))
            require(np.array_equal(one.offsets, other.offsets), f"other offsets of {name}")
            require(np.array_equal(one.sizes, other.sizes), f"other sizes of {name}")
        return False

    def _damage_older(self, path: Path) -> bool:
        """Sets of layout 1 carry no checksum: an answer, or an error."""
        found = answered(
            lambda: open_beam(self._published.granule, "gt1l", ["h_ph"], references=str(path))
        )
        return isinstance(found, Refused)

    def _lie(self, path: Path, frame: bytes) -> bool:
        """Whoever wrote the item wrote these references too: an answer, or an error."""
        item = self._item(path, Frame.of(frame, 0))
        photons: tuple[Callable[[], Any], ...] = (
            lambda: open_photons([item], EVERYWHERE, variables=["h_ph", "x_atc"]),
            lambda: open_photons(
                [item], [179, -17, 180, 0], variables=["geolocation/surf_type"], chunks=30
            ).compute(),
            lambda: write_photons(
                plan_photons([item], EVERYWHERE, where={"h_ph": (">", 0)}),
                self._folder / "photons.parquet",
                overwrite=True,
            ),
        )
        found = [
            answered(ask)
            for ask in (
                lambda: open_beam(item, "gt1l"),
                lambda: open_beam(
                    item, "gt1l", ["h_ph", "geolocation/surf_type"], [179, -17, 180, 0]
                ),
                lambda: open_lazy(item, "gt1l", ["h_ph"]).compute(),
                lambda: open_references(item).to_manifest(),
                photons[zlib.crc32(frame) % len(photons)],  # one, the same for the same case
            )
        ]
        return any(isinstance(one, Refused) for one in found)

    def _item(self, path: Path, frame: Frame | None = None) -> PublishedItem:
        item = copy.deepcopy(self._published.item)
        item["assets"]["references"]["href"] = str(path)
        if frame is not None:
            facts = {"photons": 95, "references": frame.to_dict()}
            item["properties"][BEAM_FACTS] = {"gt1l": facts}
        return PublishedItem(item, str(path.with_name("item.json")))

    def close(self) -> None:
        pass


_UNCHANGEABLE: Final = (KeyError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
"""What h5py raises where an object cannot be changed as a case wants."""

_VALUES: Final[tuple[Callable[[int], Any], ...]] = (
    lambda n: np.zeros(n),
    lambda n: np.full(n, np.nan),
    lambda n: np.full(n, np.inf),
    lambda n: np.arange(n + 1),
    lambda n: np.arange(max(n - 1, 0)),
    lambda n: np.full(n, -1, np.int64),
    lambda n: np.full(n, 2**63 - 1, np.int64),
    lambda n: np.full(n, 2**64 - 1, np.uint64),
    lambda n: np.full(n, b"x"),
    lambda n: np.zeros((n, 2)),
    lambda n: np.zeros((0,)),
    lambda n: np.float64(3),
    lambda n: h5py.Empty("f4"),
    lambda n: np.zeros(n, [("a", "i4"), ("b", "f4")]),
    lambda n: np.zeros(n, bool),
    lambda n: np.zeros(n, "f2"),
    lambda n: np.zeros(n, "c16"),
    lambda n: np.array(["x"] * n, h5py.string_dtype()),
    lambda n: np.array([np.arange(2)] * n + [None], h5py.vlen_dtype(int))[:-1],
    lambda n: np.zeros(n, h5py.enum_dtype({"A": 1})),
)

_STORED: Final[tuple[dict[str, Any], ...]] = (
    {"shape": (10**12,), "dtype": "f8", "chunks": (10**6,)},
    {"shape": (10**9,), "dtype": "f4", "chunks": (1,)},
    {
        "shape": (95,),
        "dtype": "f4",
        "chunks": (10**6,),
        "maxshape": (None,),
        "compression": "gzip",
    },
    {"shape": (0,), "dtype": "f4", "chunks": (1,), "maxshape": (None,)},
    {"shape": (95,), "dtype": "f4", "chunks": (10,), "compression": "lzf"},
    {"shape": (95,), "dtype": "f4", "chunks": (10,), "compression": "gzip", "fletcher32": True},
    {"shape": (95,), "dtype": "f4", "chunks": (10,), "scaleoffset": 2},
    {"shape": (5, 5, 5, 5), "dtype": "i1", "chunks": (1, 1, 1, 1)},
)

_ATTRIBUTES: Final[tuple[Any, ...]] = (
    *("x", b"x", "ATL03", np.array([b"ATL03"]), np.array(["x", "y"], object), h5py.Empty("f4")),
    *(np.nan, np.int64(-1), np.zeros(2000), np.zeros((2, 2)), b"\xff\xfe", "\0", ""),
    *(np.array((1, 2.0), [("a", "i4"), ("b", "f4")]), np.array([], "i4"), True),
)

_NAMES: Final = (
    *("short_name", "atlas_beam_type", "atlas_spot_number", "units", "_FillValue", "coordinates"),
    *("DIMENSION_LIST", "REFERENCE_LIST", "CLASS", "fileName", "scale_factor", "add_offset", "x"),
    *("valid_min", "dtype", "calendar", "granule", "beam", "source", "flag_values"),
)


class Granules:
    """HDF5 files whose objects are others than a granule has, and such with changed bytes."""

    def __init__(self, folder: Path) -> None:
        self._published = published = Published(folder)
        self._path = folder / "changed" / published.granule.name
        self._path.parent.mkdir()
        self._whole = published.granule.read_bytes()
        names: list[str] = []
        with h5py.File(published.granule) as file:
            file.visit(names.append)
        names = [name for name in names if not name.startswith("gt2r")] + ["/"]
        change = st.tuples(
            st.sampled_from(
                ("values", "stored", "remove", "attribute", "attribute", "link", "move")
            ),
            st.sampled_from(names),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
        )
        doors: dict[str, Callable[[str], Any]] = {
            "beam": lambda path: open_beam(path, "gt1l"),
            "window": lambda path: open_beam(path, "gt1l", ["h_ph"], [179.9, -18, -179.9, 0]),
            "lazy": lambda path: open_lazy(path, "gt1l", chunks=50).compute(),
            "granule": open_granule,
            "scan": lambda path: scan(GranuleLinks(local=path)),
            "describe": describe,
            "photons": lambda path: open_photons([_item_of(path)], EVERYWHERE),
            "lazy photons": lambda path: open_photons(
                [_item_of(path)], EVERYWHERE, variables=["h_ph", "x_atc"], chunks=30
            ).compute(),
            "heights": lambda path: open_beam(path, "gt1l", ["h_ph"], heights=["geoid"]),
        }
        self._doors = doors
        self.cases = st.tuples(
            st.sampled_from(sorted(doors)),
            st.one_of(
                st.lists(change, min_size=1, max_size=2),
                st.lists(change, min_size=1, max_size=2),
                damaged(self._whole, [(0, len(self._whole))]),
            ),
        )

    def run(self, case: tuple[str, Any]) -> bool:
        door, change = case
        forget_references()
        self._path.unlink(missing_ok=True)
        if isinstance(change, bytes):
            self._path.write_bytes(change)
        else:
            self._path.write_bytes(self._whole)
            with h5py.File(self._path, "r+") as file:
                for one in change:
                    with suppress(*_UNCHANGEABLE):
                        _change(file, *one)
        found = answered(lambda: self._doors[door](str(self._path)))
        if isinstance(found, Refused):
            return True
        elsewhere = not isinstance(change, bytes) and all(
            how in ("values", "stored", "remove", "attribute")
            and name not in ("/", "gt1l", "gt1l/heights", "gt1l/heights/h_ph")
            for how, name, *_ in change
        )
        if elsewhere and door == "beam" and "h_ph" in found:
            require(Published.heights_of(found) == self._published.heights, "other photons")
        return False

    def close(self) -> None:
        pass


def _item_of(path: str) -> dict[str, Any]:
    assets = {"data": {"href": path}}
    return {"id": Path(path).stem, "properties": {}, "assets": assets, "links": []}


def _change(file: h5py.File, how: str, name: str, first: int, second: int) -> None:
    """Change one object of a granule, where it can be."""
    if name not in file:
        return
    found = file[name]
    rows = found.shape[0] if isinstance(found, h5py.Dataset) and found.shape else 8
    rows = min(rows, 10_000)
    if how == "attribute":
        attribute = (*found.attrs, *_NAMES)[first % (len(found.attrs) + len(_NAMES))]
        if attribute in found.attrs:
            del found.attrs[attribute]
        if second % 7:
            found.attrs.create(attribute, _ATTRIBUTES[second % len(_ATTRIBUTES)])
        return
    if name == "/":
        return
    if how == "move":
        target = f"{name.rpartition('/')[0]}/moved{second % 3}"
        if target not in file:
            file.move(name, target)
        return
    del file[name]
    if how == "values":
        file[name] = _VALUES[first % len(_VALUES)](rows)
    elif how == "stored":
        file.create_dataset(name, **_STORED[first % len(_STORED)])
    elif how == "link":
        links: tuple[Any, ...] = (
            h5py.SoftLink("/nowhere"),
            h5py.SoftLink(f"/{name}"),
            h5py.SoftLink("/gt1l"),
            h5py.SoftLink("gt2r/heights/h_ph"),
            h5py.SoftLink("../../x"),
            h5py.ExternalLink("/etc/passwd", "/x"),
            h5py.ExternalLink(str(Path(file.filename)), "/gt2r"),
        )
        file[name] = links[first % len(links)]
        if first % 11 == 0 and "gt1l" in file:
            del file[name]
            file[name] = file["gt1l"]  # perhaps a circle
