"""How users of other packages read some rows of a granule's datasets, each as its manual shows.

A reader of an open granule takes paths and rows and gives arrays; what it can ask for at once is
asked for at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Final

import numpy as np

from benchmarks.granules import BUCKET, Granule
from benchmarks.hidefix_openers import load_index, read_by_index
from benchmarks.photon_areas import Area, Columns, keep
from benchmarks.photon_catalog import PassGranule, Transport
from benchmarks.reader import KERCHUNK, LAZY, Rows, catalog_href
from catalog_builder.products.atl03 import BEAMS

Read = Callable[[Mapping[str, Rows]], Columns]
"""Path and rows (None: all) -> the array of each path."""
Peer = Callable[[PassGranule, Transport], AbstractContextManager[Read]]

_MIB: Final = 2**20
_SEGMENTS: Final = (
    *("geolocation/reference_photon_lat", "geolocation/segment_ph_cnt"),
    "geolocation/ph_index_beg",
)


def photons_of(read: Read, area: Area) -> list[Columns]:
    """A granule's photons as a careful user finds them: by segment, then exactly."""
    segments = read({f"{beam}/{path}": None for beam in BEAMS for path in _SEGMENTS})
    _, south, _, north = area.box
    rows: dict[str, Rows] = {}
    for beam in BEAMS:
        lat, count, first = (segments[f"{beam}/{path}"] for path in _SEGMENTS)
        near = np.flatnonzero((count > 0) & (lat > south - 0.002) & (lat < north + 0.002))
        if len(near):
            rows[beam] = int(first[near[0]]) - 1, int(first[near[-1]] + count[near[-1]]) - 1
    found = read({f"{beam}/{path}": part for beam, part in rows.items() for path in area.read})
    return [keep(area, {path: found[f"{beam}/{path}"] for path in area.read}) for beam in rows]


@cache
def _s3fs() -> Any:
    from s3fs import S3FileSystem

    return S3FileSystem()


@cache
def _http() -> Any:
    from fsspec.implementations.http import HTTPFileSystem

    return HTTPFileSystem()


def _file(granule: PassGranule, transport: Transport, **options: Any) -> Any:
    if transport == "https":
        return _http().open(granule.https, **options)
    return _s3fs().open(granule.s3, **options)


def _part(rows: Rows) -> slice:
    return slice(*rows) if rows else slice(None)


@contextmanager
def s3fs_blockcache(granule: PassGranule, transport: Transport) -> Iterator[Read]:
    """What NSIDC advises: blocks of 8 MiB, and for paged files HDF5's page buffer."""
    import h5py

    options: dict[str, Any] = {"rdcc_nbytes": 4 * _MIB}
    if granule.layout == "v007":
        options["page_buf_size"] = 32 * _MIB
    opened = _file(granule, transport, cache_type="blockcache", block_size=8 * _MIB)
    with opened as remote, h5py.File(remote, "r", **options) as file:
        yield lambda wanted: {path: file[path][_part(rows)] for path, rows in wanted.items()}


@contextmanager
def earthaccess_style(granule: PassGranule, transport: Transport) -> Iterator[Read]:
    """A file as ``earthaccess.open`` gives it, each group of a beam through xarray."""
    import xarray as xr
    from earthaccess.store import _optimal_fsspec_block_size

    files = _http() if transport == "https" else _s3fs()
    size = files.info(granule.https if transport == "https" else granule.s3)["size"]
    block_size = _optimal_fsspec_block_size(size)
    groups: dict[str, Any] = {}

    def read(wanted: Mapping[str, Rows]) -> Columns:
        found = {}
        for path, rows in wanted.items():
            group, _, name = path.rpartition("/")
            if group not in groups:
                groups[group] = xr.open_dataset(remote, engine="h5netcdf", group=group, **LAZY)
            variable = groups[group].variables[name]
            found[path] = variable[_part(rows)].values
        return found

    with _file(granule, transport, cache_type="background", block_size=block_size) as remote:
        yield read
        for dataset in groups.values():
            dataset.close()


@contextmanager
def h5coro(granule: PassGranule, transport: Transport) -> Iterator[Read]:
    """h5coro with its driver, all datasets of a step asked for at once."""
    from h5coro import h5coro as package
    from h5coro import s3driver, webdriver

    where: tuple[str, Any] = (granule.s3.removeprefix("s3://"), s3driver.S3Driver)
    if transport == "https":
        where = granule.https, webdriver.HTTPDriver
    file = package.H5Coro(*where, credentials={})

    def read(wanted: Mapping[str, Rows]) -> Columns:
        asked = [
            {"dataset": path, "hyperslice": [list(rows)] if rows else []}
            for path, rows in wanted.items()
        ]
        if not asked:
            return {}
        promise = file.readDatasets(asked, block=True, enableAttributes=False)
        return {path: promise[path] for path in wanted}

    yield read
    file.close()


@contextmanager
def hidefix(granule: PassGranule, _: Transport) -> Iterator[Read]:
    """h5coro-hidefix with its saved index; the ranges of a step by one call of obstore."""
    index = load_index(Granule(layout=granule.layout))  # all names are of one file
    key = granule.s3.removeprefix(f"s3://{BUCKET}/")
    yield lambda wanted: read_by_index(index, key, wanted)


@contextmanager
def kerchunk(granule: PassGranule, _: Transport) -> Iterator[Read]:
    """References made beforehand by kerchunk, from the catalog's host; then zarr and fsspec."""
    import fsspec
    import orjson
    import requests
    import zarr
    from zarr.storage import FsspecStore

    answer = requests.get(catalog_href(granule.on_catalog(KERCHUNK)), timeout=60)
    files = fsspec.filesystem(
        "reference",
        fo=orjson.loads(answer.content),
        remote_protocol="s3",
        remote_options={"asynchronous": True},
        asynchronous=True,
        skip_instance_cache=True,
    )
    group = zarr.open_group(FsspecStore(files, read_only=True), mode="r")
    yield lambda wanted: {path: group[path][_part(rows)] for path, rows in wanted.items()}


PEERS: Final[dict[str, Peer]] = {
    "h5coro": h5coro,
    "hidefix with saved index": hidefix,
    "s3fs blockcache": s3fs_blockcache,
    "earthaccess style": earthaccess_style,
    "kerchunk + zarr": kerchunk,
}
"""By the name in the table."""
