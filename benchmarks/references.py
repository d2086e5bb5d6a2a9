"""References at the catalog's host, made before anyone opens a beam: kerchunk's and ours."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.granules import BEAM, PHOTONS, Granule, all_granules
from benchmarks.hidefix_openers import index_path
from benchmarks.reader import FRAME, KERCHUNK, PUBLISHED, REFERENCES, s3_href
from catalog_builder.beams.references.frames import cut
from catalog_builder.beams.references.kerchunk_reader import read_frame
from catalog_builder.beams.references.kerchunk_writer import ReferenceFile, write_references
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.stac.intake_yaml import intake_yaml
from catalog_builder.catalog.stac.layout import CATALOG_YML, item_path
from catalog_builder.products.atl03 import Beam
from catalog_builder.products.granule_name import GranuleName

_GROUPS = ("heights", "geolocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Our reference file of a granule."""

    beams: int
    bytes: int
    load: float
    """Seconds to load the references of the strong beam, the best of twenty."""
    load_all: float
    """The same of all beams."""


def make_kerchunk_references() -> None:
    """Those of kerchunk, where they are not there yet."""
    missing = [g for g in all_granules() if not g.on_catalog(KERCHUNK).exists()]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_with_kerchunk, missing))


def main() -> None:
    """Ours, each time anew, as the code that makes them changes; read from the far store.

    Prints JSON: for each layout, what the reference file of the large granule takes, and how long
    one beam and all of them take to load.
    """
    sizes: dict[str, Sets] = {}
    for granule in all_granules():
        found = scan(GranuleLinks(s3=s3_href(granule)), "s3")
        file = write_references(found.beams)
        write(granule.on_catalog(REFERENCES), file.body)
        write(granule.on_catalog(FRAME), json.dumps(file.frames[BEAM].to_dict()).encode())
        index_path(granule)
        if not granule.small:
            sizes[granule.layout] = Sets(
                beams=len(file.frames),
                bytes=len(file.body),
                load=_load(file, BEAM),
                load_all=_load(file, *file.frames),
            )
            _publish(granule, file)
    sys.stdout.write(json.dumps({layout: asdict(sets) for layout, sets in sizes.items()}))


def _publish(granule: Granule, file: ReferenceFile) -> None:
    """The granule's item, and ``catalog.yml``, from which intake opens a beam."""
    folder = granule.on_catalog("").parent / PUBLISHED
    name = GranuleName.parse(granule.id)
    path = folder / item_path(f"ATL03_{name.release}", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    up = os.path.relpath(granule.on_catalog(REFERENCES), path.parent)
    facts = {
        beam: {"photons": PHOTONS, "references": frame.to_dict()}
        for beam, frame in file.frames.items()
    }
    item = {
        "id": granule.id,
        "properties": {"icesat2:beams": facts},
        "assets": {"data": {"href": s3_href(granule)}, "references": {"href": up}},
        "links": [],
    }
    write(path, json.dumps(item).encode())
    definition = Definition(
        name="first", title="First", short_name="ATL03", version="007", provider="NSIDC_CPRD"
    )
    write(folder / CATALOG_YML, intake_yaml(definition).encode())


def _load(file: ReferenceFile, *beams: Beam) -> float:
    frames = {beam: file.frames[beam] for beam in beams}
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        for beam, frame in cut(file.body, frames).items():
            read_frame(frame, beam)
        best = min(best, time.perf_counter() - began)
    return best


def _with_kerchunk(granule: Granule) -> None:
    write(granule.on_catalog(KERCHUNK), kerchunk_references(granule, [BEAM]))


def kerchunk_references(granule: Granule, beams: Sequence[str]) -> bytes:
    """As kerchunk finds them, cut to the groups that are read: the less to load, the better."""
    from kerchunk.hdf import SingleHdf5ToZarr

    found = SingleHdf5ToZarr(str(granule.path), url=s3_href(granule), inline_threshold=0)
    refs = found.translate()["refs"]
    wanted = {f"{beam}/{name}" for beam in beams for name in _GROUPS}
    of_beams = {f"{beam}/{name}" for beam in beams for name in (".zgroup", ".zattrs")}
    kept = {
        key: list(entry) if isinstance(entry, tuple) else entry
        for key, entry in refs.items()
        if key.startswith(".z") or key in of_beams or "/".join(key.split("/")[:2]) in wanted
    }
    for entry in kept.values():
        if isinstance(entry, list):
            entry[0] = s3_href(granule)
    return json.dumps({"version": 1, "refs": kept}).encode()


def write(path: Path, data: bytes) -> None:
    """A file at the catalog's host, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


if __name__ == "__main__":
    main()
