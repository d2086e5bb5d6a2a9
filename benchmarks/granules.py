"""The granules that the benchmark reads: of 400 MB class, in the layouts of both releases.

Written once by the simulated world's own writer, which gives the product's groups, types, chunks
and filters; some 70 seconds for both on two cores, then kept in ``benchmarks/.granules``. Stored
bytes per photon, against real granules:

===============  ======  ===================  ==============================
 dataset          here    real subset (006)    40 real mid-latitude ones (007)
===============  ======  ===================  ==============================
 h_ph             3.3     3.3                  3.4
 lat_ph           4.2     4.4                  4.7
 lon_ph           3.9     5.2                  4.7
 dist_ph_along    2.9     2.9                  not known
===============  ======  ===================  ==============================
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Layout = Literal["v006", "v007"]
LAYOUTS: Final[tuple[Layout, ...]] = ("v006", "v007")

FOLDER: Final = Path(__file__).with_name(".granules")
"""What the server serves: the bucket, and the catalog's host."""

BUCKET: Final = "bench"
CATALOG: Final = "catalog"
BEAM: Final = "gt1r"
"""A strong beam at the time of these granules."""

PHOTONS: Final = 5_200_000
"""About how many a strong beam has; a weak one has a quarter."""

FEW_PHOTONS: Final = 20_000
"""The same of the small granules that openers warm up on."""

_RGT, _CYCLE, _REGION = 235, 1, 3
WINDOW: Final = (-180.0, 69.0, 180.0, 70.0)
"""West, south, east, north, degrees: one degree of the 20 that the granules span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granule:
    """One of the files."""

    layout: Layout
    small: bool = False
    """To warm up on: a few photons about the window."""

    @property
    def id(self) -> str:
        """The file's name without ``.h5``."""
        return str(_product(self).id)

    @property
    def path(self) -> Path:
        """Where it lies here."""
        return FOLDER / BUCKET / f"{'small' if self.small else 'large'}" / f"{self.id}.h5"

    @property
    def key(self) -> str:
        """Its key in the bucket."""
        return self.path.relative_to(FOLDER / BUCKET).as_posix()

    def on_catalog(self, suffix: str) -> Path:
        """Where something about it lies at the catalog's host."""
        return FOLDER / CATALOG / f"{'small' if self.small else 'large'}_{self.id}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stored chunk, as HDF5 itself tells."""

    offset: int
    size: int
    first: int
    """Its first row."""
    inflated: int
    """Bytes that it inflates to."""


def all_granules() -> list[Granule]:
    """Both layouts, small and large."""
    return [Granule(layout=layout, small=small) for layout in LAYOUTS for small in (True, False)]


def make_granules() -> bool:
    """Write the granules that are not there yet; says whether any was written."""
    stamp = FOLDER / "made-with"
    made_with = _made_with()
    if not stamp.exists() or stamp.read_text() != made_with:
        missing = all_granules()
    else:
        missing = [granule for granule in all_granules() if not granule.path.exists()]
    if missing:
        stamp.unlink(missing_ok=True)
        shutil.rmtree(FOLDER / CATALOG, ignore_errors=True)
        with ProcessPoolExecutor() as pool:
            list(pool.map(_write, sorted(missing, key=lambda granule: granule.small)))
        stamp.write_text(made_with)
    return bool(missing)


def chunks(granule: Granule, paths: Iterable[str], beam: str = BEAM) -> dict[str, list[Chunk]]:
    """The stored chunks of datasets of a beam, by path."""
    import h5py
    import numpy as np

    found: dict[str, list[Chunk]] = {}
    with h5py.File(granule.path) as file:
        for path in paths:
            dataset = file[f"{beam}/{path}"]
            inflated = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
            listed: list[Chunk] = []

            def keep(info: Any, into: list[Chunk] = listed, size: int = inflated) -> None:
                into.append(
                    Chunk(
                        offset=info.byte_offset,
                        size=info.size,
                        first=info.chunk_offset[0],
                        inflated=size,
                    )
                )

            dataset.id.chunk_iter(keep)
            found[path] = listed
    return found


def heights_names(granule: Granule) -> list[str]:
    """The datasets of the group ``heights``."""
    import h5py

    with h5py.File(granule.path) as file:
        return sorted(file[f"{BEAM}/heights"])


def _product(granule: Granule) -> Any:
    from earthdata_standin.product import Product
    from earthdata_standin.tracks import Pass

    flown = Pass(rgt=_RGT, cycle=_CYCLE, region=_REGION)
    return Product(flown=flown, release="006" if granule.layout == "v006" else "007")


def _write(granule: Granule) -> None:
    from earthdata_standin.granule_files import write_granule

    path = granule.path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    write_granule(part, _product(granule), photons=FEW_PHOTONS if granule.small else PHOTONS)
    part.replace(path)


def _made_with() -> str:
    """What the granules follow from: sizes, and the writer's own text."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.read_bytes())
    made_of = [_RGT, _CYCLE, _REGION, PHOTONS, FEW_PHOTONS, digest.hexdigest()]
    return json.dumps(made_of)


def _sources() -> Iterator[Path]:
    import earthdata_standin

    folder = Path(str(earthdata_standin.__file__)).parent
    names = ("beam", "granule_files", "granule_headers", "layout", "photons", "segments", "tracks")
    yield from (folder / f"{name}.py" for name in names)
    yield folder / "atl03_layout.csv"
