"""Every way of opening a beam that the benchmark compares, each in the words of its own manual.

A reader gives arrays of whole datasets or of some rows, and a first Dataset with nothing loaded.
Clients (sessions, stores, filesystems) are made once in a process, as in a user's notebook; the
granule is opened anew for each task. Paths are those below the beam's group: ``heights/h_ph``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.granules import BEAM, BUCKET, CATALOG, PHOTONS, WINDOW, Granule

Arrays = dict[str, NDArray[Any]]
Rows = tuple[int, int] | None
"""First row and end; None for all."""

HEIGHTS: Final = "heights"
FOUR: Final = tuple(f"{HEIGHTS}/{name}" for name in ("h_ph", "lat_ph", "lon_ph", "dist_ph_along"))
"""The variables of the classic notebook."""

KERCHUNK: Final = ".kerchunk.json"
REFERENCES: Final = ".json.zst"
FRAME: Final = ".frame.json"
"""Beside the reference file: where the frame of the beam lies in it."""

_asked = count()
_MIB: Final = 2**20
_LAZY: Final[dict[str, Any]] = {"decode_times": False, "create_default_indexes": False}
"""For xarray: else it loads ``delta_time``, as an index of the dimension of that name."""


class Reader(Protocol):
    """An open granule."""

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        """Arrays of datasets of the beam, all rows or some."""

    def window(self) -> Arrays:
        """Arrays of the four variables in the window."""

    def first_dataset(self) -> Any:
        """An xarray Dataset of the photons with nothing loaded."""


Opener = Callable[[Granule], AbstractContextManager[Reader]]


def s3_href(granule: Granule) -> str:
    """The granule's address in the far store."""
    return f"s3://{BUCKET}/{granule.key}"


def catalog_href(path: Path) -> str:
    """The address of a file at the catalog's host: a new one each time, so that none is known."""
    return f"{_endpoint()}/{CATALOG}/{path.name}?{next(_asked)}"


def _endpoint() -> str:
    return os.environ["AWS_ENDPOINT_URL_S3"]


class _RowReader:
    """A window as a careful user of arrays finds it: by segment, then exactly."""

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        raise NotImplementedError

    def window(self) -> Arrays:
        names = ("reference_photon_lat", "segment_ph_cnt", "ph_index_beg")
        lat, count, first = self.read([f"geolocation/{name}" for name in names]).values()
        west, south, east, north = WINDOW
        near = np.flatnonzero((count > 0) & (lat > south - 0.02) & (lat < north + 0.02))
        rows = int(first[near[0]]) - 1, int(first[near[-1]]) - 1 + int(count[near[-1]])
        arrays = self.read(FOUR, rows)
        lat, lon = arrays[f"{HEIGHTS}/lat_ph"], arrays[f"{HEIGHTS}/lon_ph"]
        inside = (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
        return {path: values[inside] for path, values in arrays.items()}


# -- h5py, over a file of one kind or another ---------------------------------------------------


class _H5pyReader(_RowReader):
    def __init__(self, file: Any, options: Mapping[str, Any]) -> None:
        self._file = file
        self._options = options

    @cached_property
    def _granule(self) -> Any:
        import h5py

        return h5py.File(self._file, "r", **self._options)

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        part = slice(*rows) if rows else slice(None)
        return {path: self._granule[f"{BEAM}/{path}"][part] for path in paths}

    def first_dataset(self) -> Any:
        import xarray as xr

        return xr.open_dataset(
            self._file,
            engine="h5netcdf",
            group=f"{BEAM}/{HEIGHTS}",
            driver_kwds=dict(self._options),
            **_LAZY,
        )

    def close(self) -> None:
        if "_granule" in self.__dict__:
            self._granule.close()


@contextmanager
def _h5py(file: Any, **options: Any) -> Iterator[Reader]:
    with file:
        reader = _H5pyReader(file, options)
        yield reader
        reader.close()


@cache
def _s3fs() -> Any:
    from s3fs import S3FileSystem

    return S3FileSystem()


def s3fs_default(granule: Granule) -> AbstractContextManager[Reader]:
    """``h5py.File(S3FileSystem().open(...))``: read-ahead of 50 MB."""
    return _h5py(_s3fs().open(s3_href(granule)))


def s3fs_blockcache(granule: Granule) -> AbstractContextManager[Reader]:
    """What NSIDC advises: blocks of 8 MiB, and for paged files HDF5's page buffer."""
    options: dict[str, Any] = {"rdcc_nbytes": 4 * _MIB}
    if granule.layout == "v007":
        options["page_buf_size"] = 32 * _MIB
    file = _s3fs().open(s3_href(granule), cache_type="blockcache", block_size=8 * _MIB)
    return _h5py(file, **options)


def earthaccess_style(granule: Granule) -> AbstractContextManager[Reader]:
    """As ``earthaccess.open``: the size looked up, blocks by size, fetched in the background.

    earthaccess itself would ask Earthdata Login first.
    """
    from earthaccess.store import _optimal_fsspec_block_size

    href = s3_href(granule)
    block_size = _optimal_fsspec_block_size(_s3fs().info(href)["size"])
    return _h5py(_s3fs().open(href, cache_type="background", block_size=block_size))


@contextmanager
def whole_download(granule: Granule) -> Iterator[Reader]:
    """``S3FileSystem().get``, then h5py on the local file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "granule.h5")
        _s3fs().get(s3_href(granule), str(path))
        with _h5py(path.open("rb")) as reader:
            yield reader


def local_file(granule: Granule) -> AbstractContextManager[Reader]:
    """h5py on this machine's own copy: what all others must agree with."""
    return _h5py(granule.path.open("rb"))


# -- h5coro -------------------------------------------------------------------------------------


class _H5CoroReader(_RowReader):
    def __init__(self, granule: Granule) -> None:
        self._resource = f"{BUCKET}/{granule.key}"

    @cached_property
    def _file(self) -> Any:
        from h5coro import h5coro, s3driver

        return h5coro.H5Coro(self._resource, s3driver.S3Driver, credentials={})

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        wanted = [
            {"dataset": f"{BEAM}/{path}", "hyperslice": [list(rows)] if rows else []}
            for path in paths
        ]
        promise = self._file.readDatasets(wanted, block=True, enableAttributes=False)
        return {path: promise[f"{BEAM}/{path}"] for path in paths}

    def first_dataset(self) -> Any:
        import xarray as xr

        group = f"{BEAM}/{HEIGHTS}"
        # Its engine knows none of xarray's options for decoding.
        return xr.open_dataset(self._resource, engine="h5coro", group=group, credentials={})

    def close(self) -> None:
        if "_file" in self.__dict__:
            self._file.close()


@contextmanager
def h5coro(granule: Granule) -> Iterator[Reader]:
    """h5coro with its S3 driver, all datasets asked for at once."""
    reader = _H5CoroReader(granule)
    yield reader
    reader.close()


# -- zarr over byte ranges ----------------------------------------------------------------------


class _KerchunkReader(_RowReader):
    def __init__(self, references: Mapping[str, Any]) -> None:
        self._references = references

    @cached_property
    def _beam(self) -> Any:
        import fsspec
        import zarr
        from zarr.storage import FsspecStore

        files = fsspec.filesystem(
            "reference",
            fo=self._references,
            remote_protocol="s3",
            remote_options={"asynchronous": True},
            asynchronous=True,
            skip_instance_cache=True,
        )
        return zarr.open_group(FsspecStore(files, read_only=True), mode="r")[BEAM]

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        part = slice(*rows) if rows else slice(None)
        return {path: self._beam[path][part] for path in paths}

    def first_dataset(self) -> Any:
        import xarray as xr

        # Its engine finds no variables in a group: they are moved to the root.
        group = f"{BEAM}/{HEIGHTS}/"
        moved = {
            key.removeprefix(group): entry
            for key, entry in self._references["refs"].items()
            if key.startswith(group)
        }
        references: Any = {"version": 1, "refs": moved}
        return xr.open_dataset(
            references,
            engine="kerchunk",
            storage_options={"remote_protocol": "s3"},
            **_LAZY,
        )


@contextmanager
def kerchunk_zarr(granule: Granule) -> Iterator[Reader]:
    """References made beforehand by kerchunk, from the catalog's host; then zarr and fsspec."""
    import orjson
    import requests

    answer = requests.get(catalog_href(granule.on_catalog(KERCHUNK)), timeout=60)
    yield _KerchunkReader(orjson.loads(answer.content))


class _VirtualReader(_RowReader):
    """VirtualiZarr parses one group of the file at a time: only those that a task needs."""

    def __init__(self, granule: Granule) -> None:
        self._href = s3_href(granule)

    def _group(self, name: str) -> Any:
        from virtualizarr.parsers import HDFParser

        return HDFParser(group=f"{BEAM}/{name}")(self._href, _registry())

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        import zarr

        part = slice(*rows) if rows else slice(None)
        groups = dict.fromkeys(path.partition("/")[0] for path in paths)
        opened: dict[str, Any] = {
            name: zarr.open_group(self._group(name), mode="r") for name in groups
        }
        return {
            path: opened[path.partition("/")[0]][path.partition("/")[2]][part] for path in paths
        }

    def first_dataset(self) -> Any:
        import xarray as xr

        return xr.open_zarr(self._group(HEIGHTS), consolidated=False, chunks=None, **_LAZY)


@cache
def _registry() -> Any:
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=_endpoint(),
        region="us-west-2",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    return ObjectStoreRegistry({f"s3://{BUCKET}": store})


@contextmanager
def virtualizarr_zarr(granule: Granule) -> Iterator[Reader]:
    """VirtualiZarr's own parser over the file where it lies, then zarr over obstore."""
    yield _VirtualReader(granule)


# -- ours ---------------------------------------------------------------------------------------


class _OurReader:
    """Through :func:`catalog_builder.open_beam`: coordinates, time and ``x_atc`` come along."""

    def __init__(self, granule: Granule, *, references: bool) -> None:
        assets = {"data": {"href": s3_href(granule)}}
        properties = {}
        if references:
            assets["references"] = {"href": catalog_href(granule.on_catalog(REFERENCES))}
            frame = json.loads(granule.on_catalog(FRAME).read_bytes())
            properties["icesat2:beams"] = {BEAM: {"photons": PHOTONS, "references": frame}}
        self._item = {"id": granule.id, "properties": properties, "assets": assets}

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        assert rows is None
        return self._arrays(paths)

    def window(self) -> Arrays:
        return self._arrays(FOUR, bbox=WINDOW)

    def _arrays(self, paths: Sequence[str], **options: Any) -> Arrays:
        from catalog_builder import open_beam

        names = [path.removeprefix(f"{HEIGHTS}/") for path in paths]
        dataset = open_beam(self._item, BEAM, names, **options)
        return {
            f"{HEIGHTS}/{name}": values.values
            for name, values in dataset.variables.items()
            if f"{HEIGHTS}/{name}" in paths or name in dataset.coords
        }

    def first_dataset(self) -> Any:
        from catalog_builder.opening.one_granule import open_lazy

        names = [path.removeprefix(f"{HEIGHTS}/") for path in FOUR]
        return open_lazy(self._item, BEAM, names)


@contextmanager
def ours(granule: Granule) -> Iterator[Reader]:
    """``open_beam`` with the references that the item's asset names."""
    yield _OurReader(granule, references=True)


@contextmanager
def ours_without(granule: Granule) -> Iterator[Reader]:
    """``open_beam`` through h5py."""
    yield _OurReader(granule, references=False)


class _PlannedReader:
    """The arrays alone, as the peers read them: no coordinates, no time decoded."""

    def __init__(self, granule: Granule) -> None:
        self._granule = granule

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        from catalog_builder.beams.read.fetch import read_planned
        from catalog_builder.beams.read.plan import plan_reads
        from catalog_builder.beams.read.row_slices import RowSlices
        from catalog_builder.beams.references.frames import Frame
        from catalog_builder.beams.storage.links import GranuleLinks
        from catalog_builder.opening.reference_cache import ReferencePlace, load_frames

        assert rows is None
        place = ReferencePlace.of_address(catalog_href(self._granule.on_catalog(REFERENCES)))
        frame = Frame.parse(json.loads(self._granule.on_catalog(FRAME).read_bytes()))
        references = load_frames(place, {BEAM: frame})[BEAM]
        whole = {path: RowSlices.whole(references.datasets[path].shape[0]) for path in paths}
        plan = plan_reads(references, whole)
        return read_planned(GranuleLinks(s3=s3_href(self._granule)), plan, "s3")

    def window(self) -> Arrays:
        raise NotImplementedError

    def first_dataset(self) -> Any:
        raise NotImplementedError


@contextmanager
def ours_arrays(granule: Granule) -> Iterator[Reader]:
    """The planned reads below ``open_beam``: whole arrays only."""
    yield _PlannedReader(granule)


OPENERS: Final[dict[str, Opener]] = {
    "ours, references": ours,
    "ours, arrays only": ours_arrays,
    "ours, h5py": ours_without,
    "h5coro": h5coro,
    "kerchunk + zarr": kerchunk_zarr,
    "VirtualiZarr + zarr": virtualizarr_zarr,
    "s3fs blockcache": s3fs_blockcache,
    "earthaccess style": earthaccess_style,
    "whole download": whole_download,
    "s3fs default": s3fs_default,
}
"""By the name in the table."""
