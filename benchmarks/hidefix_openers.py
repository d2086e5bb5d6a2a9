"""Opens a granule by h5coro-hidefix with its saved index, and obstore, as its README shows.

Its index is built of a local file, beforehand; of a remote one it builds none by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from benchmarks.granules import BEAM, BUCKET, Granule
from benchmarks.reader import Arrays, Reader, RowReader, Rows, endpoint

_INDEX = ".idx"


def index_path(granule: Granule) -> Path:
    """The saved index of a granule, a local file; made where it is not there yet."""
    path = granule.on_catalog(_INDEX)
    if not path.exists():
        import h5coro_hidefix

        h5coro_hidefix.Index(str(granule.path)).save(str(path))
    return path


@cache
def _store() -> Any:
    from obstore.store import S3Store

    return S3Store(
        BUCKET,
        endpoint=endpoint(),
        region="us-west-2",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def load_index(granule: Granule) -> Any:
    """Load the saved index."""
    import h5coro_hidefix

    return h5coro_hidefix.Index.load(str(granule.on_catalog(_INDEX)))


def read_by_index(index: Any, key: str, wanted: Mapping[str, Rows]) -> Arrays:
    """Rows (None: all) of datasets, by path; all their ranges by one call of obstore."""
    import obstore

    plans = {path: index.read_plan(f"/{path}", *(rows or ()))[:2] for path, rows in wanted.items()}
    starts = [int(at) for addresses, _ in plans.values() for at in addresses]
    sizes = [int(size) for _, stored in plans.values() for size in stored]
    buffers = iter(obstore.get_ranges(_store(), key, starts=starts, lengths=sizes))
    return {
        path: index.read_from_buffers(
            f"/{path}", [next(buffers) for _ in plans[path][0]], *(rows or ())
        )
        for path, rows in wanted.items()
    }


class _HidefixReader(RowReader):
    def __init__(self, granule: Granule) -> None:
        self._granule = granule

    @cached_property
    def _index(self) -> Any:
        return load_index(self._granule)

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        wanted = {f"{BEAM}/{path}": rows for path in paths}
        found = read_by_index(self._index, self._granule.key, wanted)
        return {path: found[f"{BEAM}/{path}"] for path in paths}

    def first_dataset(self) -> Any:
        raise NotImplementedError("h5coro-hidefix gives arrays")


@contextmanager
def hidefix(granule: Granule) -> Iterator[Reader]:
    """All chunks of the datasets by one call, decoded by hidefix."""
    yield _HidefixReader(granule)
