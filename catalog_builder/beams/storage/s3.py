"""Reads granules in S3: through s3fs for h5py, through obstore for downloads and planned reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from catalog_builder.beams.storage.byte_source import RANGE
from catalog_builder.beams.storage.s3_address import s3_endpoint, split_s3
from catalog_builder.beams.storage.s3_problem import no_answer, replaced, s3_problem
from catalog_builder.errors import (
    CatalogBuilderError,
    CredentialsExpiredError,
)
from catalog_builder.forks import in_forked_child, keep, require_obstore
from catalog_builder.transport.answer_limits import seconds_of_silence
from catalog_builder.transport.s3_options import (
    S3FS_TRIES,
    obstore_options,
    s3_certificates,
    s3fs_options,
)
from catalog_builder.transport.stored_files import get_object

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from obstore import GetResult
    from obstore.store import S3Store
    from s3fs import S3FileSystem

    from catalog_builder.auth.s3_credentials import CredentialProvider
    from catalog_builder.beams.storage.links import GranuleLinks

T = TypeVar("T")


def _provider(links: GranuleLinks) -> CredentialProvider | None:
    if not links.credentials_endpoint:
        return None
    from catalog_builder.auth.s3_credentials import find_credentials  # brings requests

    return find_credentials(links.credentials_endpoint)


class S3Source:
    """A granule in S3 through s3fs, read by range."""

    def __init__(self, links: GranuleLinks) -> None:
        """Look the granule up; raises what :func:`s3_problem` tells."""
        self._links = links
        self.href = links.s3 or ""
        self._path = "/".join(split_s3(links))
        self._file: Any = renewing(links, self._open)
        self.size: int = self._file.size
        self.etag: str | None = self._file.details.get("ETag")
        in_forked_child(self._part)

    def _open(self) -> Any:
        files = _filesystem(self._links)
        try:
            return files.open(self._path, "rb", cache_type="none")
        except CatalogBuilderError:
            raise
        except OSError:
            # HEAD has no body, so it cannot say why it refuses: GET can.
            files.cat_file(self._path, start=0, end=1)
            raise

    def _part(self) -> None:
        """In a forked child: drop the file, which belongs to the parent's event loop."""
        keep(self._file)
        self._file = None

    def _opened(self) -> Any:
        if self._file is None:
            file = renewing(self._links, self._open)
            if (file.size, file.details.get("ETag")) != (self.size, self.etag):
                raise replaced(self._links)
            self._file = file
        return self._file

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``, of the version that was opened."""

        def get() -> bytes:
            file = self._opened()  # it looked the version up; its own read has no limits
            wanted = {"Bucket": file.bucket, "Key": file.key, "Range": f"bytes={start}-{stop - 1}"}
            if self.etag is not None:
                wanted["IfMatch"] = self.etag
            return get_object(file.fs, stop - start, wanted)[0]

        return renewing(self._links, get)

    def pieces(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """The same bytes in pieces, a request each; ends where a request brings none."""
        while start < stop and (piece := self.read(start, min(start + RANGE, stop))):
            yield piece
            start += len(piece)

    def close(self) -> None:
        """Close the file; the connections stay for the next one."""
        if self._file is not None:
            self._file.close()


_filesystems: dict[tuple[object, ...], S3FileSystem] = {}


def _filesystem(links: GranuleLinks) -> S3FileSystem:
    """One filesystem, and its connections, for all granules of the same keys and region."""
    from s3fs import S3FileSystem

    endpoint, provider = s3_endpoint(), _provider(links)
    # A forked child makes its own: the event loop of its parent's does not run there.
    here = os.getpid(), links.credentials_endpoint, links.region, endpoint
    known = *here, s3_certificates(), seconds_of_silence()
    if known not in _filesystems:
        files = S3FileSystem(
            session=provider.botocore_session() if provider else None,
            use_listings_cache=False,
            skip_instance_cache=True,
            **s3fs_options(endpoint, links.region),
        )
        files.retries = S3FS_TRIES
        _filesystems[known] = files
    return _filesystems[known]


_stores: dict[tuple[object, ...], S3Store] = {}


def store_for(links: GranuleLinks) -> tuple[S3Store, str]:
    """An obstore store of the granule's bucket, with keys that renew themselves, and its key.

    One store, and its connections, for all granules of a bucket. Raises
    :class:`~catalog_builder.errors.AccessError` where it would never answer: see
    :func:`~catalog_builder.forks.obstore_is_lost`.
    """
    require_obstore(links.s3 or "")
    bucket, key = split_s3(links)
    # AWS's own keys are read from the environment when a store is made.
    environment = hash(frozenset(pair for pair in os.environ.items() if pair[0][:4] == "AWS_"))
    here = os.getpid(), bucket, links.region, links.credentials_endpoint
    known = *here, environment, s3_certificates(), seconds_of_silence()
    store = _stores.get(known)
    if store is None:
        store = _stores[known] = _new_store(links, bucket)
    return store, key


def is_connected(links: GranuleLinks) -> bool:
    """Whether there is a store for the granule's bucket already, and so its connections."""
    known = os.getpid(), split_s3(links)[0], links.region, links.credentials_endpoint
    return any(each[:4] == known for each in list(_stores))


def connect(links: GranuleLinks) -> None:
    """Make the store for the granule's bucket, and get the keys that it will ask for."""
    store_for(links)
    if (provider := _provider(links)) is not None:
        provider()


def new_store_for(links: GranuleLinks) -> tuple[S3Store, str]:
    """As :func:`store_for`, but a new store: an old one uses its keys until they expire."""
    known = split_s3(links)[0], links.region, links.credentials_endpoint
    here = os.getpid(), *known
    for each in [each for each in list(_stores) if each[:4] == here]:
        _stores.pop(each, None)
    return store_for(links)


def _new_store(links: GranuleLinks, bucket: str) -> S3Store:
    from obstore.store import S3Store

    endpoint = s3_endpoint()
    options: dict[str, Any] = {"client_options": obstore_options(endpoint)}
    if (provider := _provider(links)) is not None:
        options["credential_provider"] = provider
    if endpoint is not None:
        options["endpoint"] = endpoint
    return S3Store(
        bucket, region=links.region, virtual_hosted_style_request=endpoint is None, **options
    )


class StoreSource:
    """A granule in S3 through obstore, read by range, from many threads at once."""

    def __init__(self, links: GranuleLinks) -> None:
        """Look the granule up; raises what :func:`s3_problem` tells."""
        self._links = links
        self.href = links.s3 or ""
        self._store, self._key = store_for(links)
        # Not HEAD: that has no body, so it cannot say why it refuses.
        first = renewing(
            links, lambda: self._store.get(self._key, options={"range": (0, 1)}), self._connect
        )
        self.size, self.etag = first.meta["size"], first.meta["e_tag"]

    def _connect(self) -> None:
        self._store, self._key = new_store_for(self._links)

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``, of the version that was looked up."""

        def get() -> bytes:
            require_obstore(self.href)
            answer = self._store.get(
                self._key, options={"range": (start, stop), "if_match": self.etag}
            )
            return _body(answer, stop - start)

        return renewing(self._links, get, self._connect)

    def close(self) -> None:
        """Nothing to do: obstore keeps its own connections."""


def _body(answer: GetResult, most: int) -> bytes:
    """The body of obstore's answer, which may have ``most`` bytes."""
    found = bytearray()
    for piece in answer.stream():
        found += piece
        if len(found) > most:
            raise OSError(f"more than {most:,} bytes came")
    return bytes(found)


def renewing(
    links: GranuleLinks, call: Callable[[], T], reconnect: Callable[[], None] | None = None
) -> T:
    """Call S3; where the keys have expired, call it once more with new ones.

    ``reconnect`` is for a client that keeps its keys. Errors are raised as those of this package:
    see :func:`s3_problem`.
    """
    provider = _provider(links)
    problem: Exception | None = None
    for _ in range(2):
        keys = provider() if provider else None
        try:
            return call()
        except CatalogBuilderError:
            raise
        except Exception as error:
            problem = s3_problem(links, error)
            if problem is None:
                raise no_answer(links, error) from error
        if provider is None or keys is None or not isinstance(problem, CredentialsExpiredError):
            break
        provider.forget(keys["access_key_id"], reconnect)
    # Raised out here: S3 quotes keys and tokens in its answers, which hang on its errors.
    assert problem is not None
    raise problem
