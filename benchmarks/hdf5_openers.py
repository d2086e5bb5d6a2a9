"""Openers of a granule by h5py, over s3fs's files or a download, and by h5coro."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from benchmarks.granules import BEAM, BUCKET, Granule
from benchmarks.reader import HEIGHTS, LAZY, Arrays, Reader, RowReader, Rows, s3_href

_MIB: Final = 2**20


class _H5pyReader(RowReader):
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
            **LAZY,
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


class _H5CoroReader(RowReader):
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
