"""Reference sets at the catalog's host, made before anyone opens a beam: kerchunk's and ours."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.granules import BEAM, Granule, all_granules
from benchmarks.openers import KERCHUNK, REFERENCES, s3_href
from catalog_builder.beams.links import GranuleLinks
from catalog_builder.beams.scan import scan

_GROUPS = ("heights", "geolocation")


def make_kerchunk_references() -> None:
    """Those of kerchunk, where they are not there yet."""
    Granule(layout="v006").on_catalog("").parent.mkdir(exist_ok=True)
    missing = [g for g in all_granules() if not g.on_catalog(KERCHUNK).exists()]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_with_kerchunk, missing))


def main() -> None:
    """Ours, each time anew, as the code that makes them changes; read from the far store."""
    for granule in all_granules():
        found = scan(GranuleLinks(s3=s3_href(granule)), "s3")
        _write(granule.on_catalog(REFERENCES), found.beams[BEAM].to_kerchunk())


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
