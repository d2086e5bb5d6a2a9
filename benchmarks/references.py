"""Reference sets at the catalog's host, made before anyone opens a beam: kerchunk's and ours."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.granules import BEAM, Granule, all_granules
from benchmarks.reader import KERCHUNK, REFERENCES, s3_href
from catalog_builder.beams.references.kerchunk_reader import read_references
from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks

_GROUPS = ("heights", "geolocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Our reference sets of a granule."""

    beams: int
    bytes: int
    load: float
    """Seconds to load that of the strong beam, the best of twenty."""


def make_kerchunk_references() -> None:
    """Those of kerchunk, where they are not there yet."""
    Granule(layout="v006").on_catalog("").parent.mkdir(exist_ok=True)
    missing = [g for g in all_granules() if not g.on_catalog(KERCHUNK).exists()]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_with_kerchunk, missing))


def main() -> None:
    """Ours, each time anew, as the code that makes them changes; read from the far store.

    Prints JSON: for each layout, what the sets of the large granule's beams take together, and how
    long one takes to load.
    """
    sizes: dict[str, Sets] = {}
    for granule in all_granules():
        found = scan(GranuleLinks(s3=s3_href(granule)), "s3")
        sets = {beam: write_references(known) for beam, known in found.beams.items()}
        _write(granule.on_catalog(REFERENCES), sets[BEAM])
        if not granule.small:
            size = sum(map(len, sets.values()))
            sizes[granule.layout] = Sets(beams=len(sets), bytes=size, load=_load(sets[BEAM]))
    sys.stdout.write(json.dumps({layout: asdict(sets) for layout, sets in sizes.items()}))


def _load(data: bytes) -> float:
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        read_references(data)
        best = min(best, time.perf_counter() - began)
    return best


def _with_kerchunk(granule: Granule) -> None:
    """As kerchunk finds them, cut to the groups that are read: the less to load, the better."""
    from kerchunk.hdf import SingleHdf5ToZarr

    found = SingleHdf5ToZarr(str(granule.path), url=s3_href(granule), inline_threshold=0)
    refs = found.translate()["refs"]
    wanted = {f"{BEAM}/{name}" for name in _GROUPS}
    kept = {
        key: list(entry) if isinstance(entry, tuple) else entry
        for key, entry in refs.items()
        if key.startswith(".z")
        or key in (f"{BEAM}/.zgroup", f"{BEAM}/.zattrs")
        or "/".join(key.split("/")[:2]) in wanted
    }
    for entry in kept.values():
        if isinstance(entry, list):
            entry[0] = s3_href(granule)
    _write(granule.on_catalog(KERCHUNK), json.dumps({"version": 1, "refs": kept}).encode())


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


if __name__ == "__main__":
    main()
