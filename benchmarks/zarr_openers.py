"""Openers of a granule by zarr over byte ranges: those of kerchunk and of VirtualiZarr."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

from benchmarks.granules import BEAM, BUCKET, Granule
from benchmarks.reader import (
    HEIGHTS,
    KERCHUNK,
    LAZY,
    Arrays,
    Reader,
    RowReader,
    Rows,
    catalog_href,
    endpoint,
    s3_href,
)


class _KerchunkReader(RowReader):
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
            **LAZY,
        )


@contextmanager
def kerchunk_zarr(granule: Granule) -> Iterator[Reader]:
    """References made beforehand by kerchunk, from the catalog's host; then zarr and fsspec."""
    import orjson
    import requests

    answer = requests.get(catalog_href(granule.on_catalog(KERCHUNK)), timeout=60)
    yield _KerchunkReader(orjson.loads(answer.content))


class _VirtualReader(RowReader):
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

        return xr.open_zarr(self._group(HEIGHTS), consolidated=False, chunks=None, **LAZY)


@cache
def _registry() -> Any:
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=endpoint(),
        region="us-west-2",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    return ObjectStoreRegistry({f"s3://{BUCKET}": store})


@contextmanager
def virtualizarr_zarr(granule: Granule) -> Iterator[Reader]:
    """VirtualiZarr's own parser over the file where it lies, then zarr over obstore."""
    yield _VirtualReader(granule)
