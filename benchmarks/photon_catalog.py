"""The granules of ``make photons-bench``: one a layout, under the names of many passes.

Writing 200 granules of 490 MB takes two hours and 98 GB. So each layout has one file, that of
``make bench``, under as many names: other objects to the store and to every client, each with
references and an item of its own. Which photons belong to which granule is what tests hold.

``python -m benchmarks.photon_catalog COUNT`` makes the references and items, from the far store.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.granules import BUCKET, CATALOG, FOLDER, LAYOUTS, Granule, Layout
from benchmarks.hidefix_openers import index_path
from benchmarks.reader import KERCHUNK, REFERENCES, catalog_href, endpoint, s3_href
from benchmarks.references import kerchunk_references, write
from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.scanning.scan import GranuleScan, scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.products.atl03 import BEAMS

Transport = Literal["s3", "https"]

FACTS: Final = ".facts.json"
"""What an item says of its beams."""
WARM: Final = 0
"""Number of the granule that every process reads before it is measured."""
MOST_KERCHUNK: Final = 8
"""Granules that kerchunk's references are written for: 5 MB each in the layout of release 006."""
_RGT, _REGION, _CYCLES = 235, 3, 90


@dataclass(frozen=True, slots=True, kw_only=True)
class PassGranule:
    """A name of the file of a layout."""

    layout: Layout
    number: int

    @property
    def id(self) -> str:
        """The file's name without ``.h5``: cycles of one ground track, then of the next."""
        from earthdata_standin.product import Product
        from earthdata_standin.tracks import Pass

        rgt, cycle = _RGT + self.number // _CYCLES, 1 + self.number % _CYCLES
        flown = Pass(rgt=rgt, cycle=cycle, region=_REGION)
        return str(Product(flown=flown, release="006" if self.layout == "v006" else "007").id)

    @property
    def path(self) -> Path:
        """Where it lies here: a link."""
        return FOLDER / BUCKET / "photons" / f"{self.id}.h5"

    @property
    def s3(self) -> str:
        """Its address in the far store."""
        return f"s3://{BUCKET}/photons/{self.id}.h5"

    @property
    def https(self) -> str:
        """The same as a download."""
        return f"{endpoint()}/{BUCKET}/photons/{self.id}.h5"

    def on_catalog(self, suffix: str) -> Path:
        """Where something about it lies at the catalog's host."""
        return FOLDER / CATALOG / f"{self.id}{suffix}"

    def item(self, transport: Transport, *, references: bool) -> dict[str, Any]:
        """Its STAC item, as a search gives it."""
        asset = {"data": {"href": self.s3}} if transport == "s3" else {}
        asset = asset or {"https": {"href": self.https}}
        properties = {}
        if references:
            asset["references"] = {"href": catalog_href(self.on_catalog(REFERENCES))}
            properties["icesat2:beams"] = json.loads(self.on_catalog(FACTS).read_bytes())
        return {"id": self.id, "properties": properties, "assets": asset}


def main() -> None:
    """Make what is at the catalog's host and is not there yet; ours where its form changed too."""
    count = int(sys.argv[1])
    for layout in LAYOUTS:
        whole = Granule(layout=layout)
        every = [PassGranule(layout=layout, number=number) for number in range(count + 1)]
        every[0].path.parent.mkdir(exist_ok=True)
        for granule in every:
            if not granule.path.exists():
                granule.path.symlink_to(Path("..") / whole.key)
        found = scan(GranuleLinks(s3=s3_href(whole)), "s3")
        before = _at_host(every[0])
        _write_item(every[0], found)
        if _at_host(every[0]) == before:
            missing = [one for one in every if not one.on_catalog(FACTS).exists()]
        else:
            missing = every[1:]
        with ProcessPoolExecutor() as pool:  # half a second each, most of it for zstd
            list(pool.map(_write_item, missing, [found] * len(missing)))
        index_path(whole)
        _write_kerchunk(whole, every)


def _write_kerchunk(whole: Granule, every: list[PassGranule]) -> None:
    """Those of the first granule, which take a minute, and copies with other addresses."""
    first, *others = every[: MOST_KERCHUNK + 1]
    path = first.on_catalog(KERCHUNK)
    if not path.exists():
        found = kerchunk_references(whole, BEAMS)
        write(path, found.replace(s3_href(whole).encode(), first.s3.encode()))
    for granule in others:
        if not granule.on_catalog(KERCHUNK).exists():
            own = path.read_bytes().replace(first.s3.encode(), granule.s3.encode())
            write(granule.on_catalog(KERCHUNK), own)


def _at_host(granule: PassGranule) -> bytes | None:
    path = granule.on_catalog(REFERENCES)
    return path.read_bytes() if path.exists() else None


def _write_item(granule: PassGranule, found: GranuleScan) -> None:
    known = {
        beam: replace(one, granule=granule.id, href=granule.s3)
        for beam, one in found.beams.items()
    }
    file = write_references(known)
    facts = {
        beam: {
            "strength": found.strengths[beam],
            "spot": found.spots[beam],
            "photons": found.photons[beam],
            "track": found.tracks[beam],
            "references": frame.to_dict(),
        }
        for beam, frame in file.frames.items()
    }
    write(granule.on_catalog(REFERENCES), file.body)
    write(granule.on_catalog(FACTS), json.dumps(facts).encode())


if __name__ == "__main__":
    main()
