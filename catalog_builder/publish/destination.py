"""Where a catalog is published: a folder, or a bucket of S3, GCS or Azure through obstore."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from catalog_builder.beams.storage.s3_address import s3_endpoint
from catalog_builder.errors import AddressError, FolderError, PublishError
from catalog_builder.publish.manifest import STATE
from catalog_builder.safe_folder import SafeFolder
from catalog_builder.transport.answer_limits import INDEX
from catalog_builder.transport.location import Location, shown
from catalog_builder.transport.s3_options import obstore_options

if TYPE_CHECKING:
    from obstore.store import ObjectStore

STORES: Final = ("s3", "gs", "az")
"""Protocols of object stores."""

MOST_BYTES: Final = INDEX
"""Of a file that is read: a manifest, compressed, or ``catalog.json``."""

_BLOCK: Final = 2**23
"""Bytes of a file that are read, or uploaded, at a time."""

_HINTS: Final = {
    "PermissionDeniedError": "the keys of this machine may not do that: look at their rights to "
    "list, read, write and delete",
    "UnauthenticatedError": "it knows no login of this machine: set the keys in the environment",
    "FileNotFoundError": "there is no such bucket: create it first",
}


class Stored(NamedTuple):
    """A file as a destination lists it."""

    path: str
    size: int
    tag: str | None
    """The destination's mark of this version."""


class Destination(Protocol):
    """A place that keeps files by path. Each is replaced whole, or not at all."""

    name: str
    """Its address, without secrets."""

    async def get(self, path: str) -> bytes | None:
        """Content of a file; None if there is none."""

    async def put(self, path: str, body: bytes | Path, headers: Mapping[str, str]) -> str | None:
        """Write a file, of bytes or from the file at a path; returns the mark of this version."""

    async def delete(self, paths: list[str]) -> None:
        """Remove files; those that are not there too."""

    def list(self, inside: str = "") -> AsyncIterator[Stored]:
        """All files, or those inside a folder."""


def open_destination(address: str) -> Destination:
    """The destination at a path, or at ``s3://``, ``gs://`` or ``az://``.

    Keys come from the environment, as each store's own tools have them; for S3 from the profiles
    of the AWS tools too. Raises :class:`~catalog_builder.errors.AddressError` for other addresses.
    """
    where = Location.parse(address, protocols=("file", *STORES))
    if where.is_local:
        return FolderDestination(where.address)
    if re.search("[?#@]", where.address):
        raise AddressError(
            f"{shown(where.address)}: keys are given in the environment, not in the address."
        )
    return StoreDestination(where)


class FolderDestination:
    """Another folder of this machine. No link in it is followed."""

    def __init__(self, folder: str) -> None:
        self.name = folder
        self._files = SafeFolder(folder)

    async def get(self, path: str) -> bytes | None:
        """See :class:`Destination`."""
        return self._files.read(path)

    async def put(self, path: str, body: bytes | Path, _: Mapping[str, str]) -> str | None:
        """See :class:`Destination`; the headers are the web server's business."""
        self._files.make_root()
        # Where a run that is killed leaves it, the next one removes it.
        part = f"{STATE}/{secrets.token_hex(8)}.part"
        with os.fdopen(self._files.create(part), "wb") as target:
            if isinstance(body, bytes):
                target.write(body)
            else:
                with body.open("rb") as source:
                    shutil.copyfileobj(source, target, _BLOCK)
        self._files.move(part, path)
        return self._tag(path)

    async def delete(self, paths: Iterable[str]) -> None:
        """See :class:`Destination`; folders that are then empty are removed."""
        for path in paths:
            self._files.remove(path)
            folder = path.rpartition("/")[0]
            while folder and self._files.remove_folder(folder):
                folder = folder.rpartition("/")[0]

    async def list(self, inside: str = "") -> AsyncIterator[Stored]:
        """See :class:`Destination`. Links are passed over."""
        for name, is_folder, is_file in self._files.entries(inside):
            path = f"{inside}/{name}" if inside else name
            if is_folder:
                async for one in self.list(path):
                    yield one
            elif is_file and (size := self._files.size(path)) is not None:
                yield Stored(path, size, self._tag(path))

    def _tag(self, path: str) -> str | None:
        found = self._files.status(path)
        return None if found is None else f"{found.st_ino}-{found.st_mtime_ns}"


class StoreDestination:
    """A prefix of a bucket."""

    def __init__(self, where: Location) -> None:
        from obstore.store import from_url

        self.name = where.address
        options: dict[str, Any] = {"client_options": obstore_options(None)}
        if where.protocol == "s3":
            endpoint = s3_endpoint()
            options["client_options"] = obstore_options(endpoint)
            options["virtual_hosted_style_request"] = endpoint is None
            if endpoint is not None:
                options["endpoint"] = endpoint
            options |= _aws_profile()
        try:
            self._store: ObjectStore = from_url(where.address.rstrip("/"), **options)
        except Exception as error:
            raise self._problem("open", error) from None

    async def get(self, path: str) -> bytes | None:
        """See :class:`Destination`."""
        try:
            answer = await self._store.get_async(path)
            found = bytearray()
            async for piece in answer.stream():
                found += piece
                if len(found) > MOST_BYTES:
                    break
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._problem("read", error) from None
            return None
        except Exception as error:
            raise self._problem("read", error) from None
        if len(found) > MOST_BYTES:
            raise PublishError(
                f"{self.name} holds a {path} of more than {MOST_BYTES:,} bytes, which no "
                "publishing wrote: remove it, then publish again."
            )
        return bytes(found)

    async def put(self, path: str, body: bytes | Path, headers: Mapping[str, str]) -> str | None:
        """See :class:`Destination`. A large file comes in parts, which count at the end."""
        try:
            found = await self._store.put_async(
                path, body, attributes=dict(headers), chunk_size=_BLOCK, max_concurrency=4
            )
        except Exception as error:
            raise self._problem("write", error) from None
        return found["e_tag"]

    async def delete(self, paths: Iterable[str]) -> None:
        """See :class:`Destination`."""
        try:
            await self._store.delete_async(list(paths))
        except FileNotFoundError:
            pass
        except Exception as error:
            raise self._problem("remove from", error) from None

    async def list(self, inside: str = "") -> AsyncIterator[Stored]:
        """See :class:`Destination`."""
        try:
            async for page in self._store.list(inside or None, chunk_size=1000):
                for one in page:
                    yield Stored(one["path"], one["size"], one["e_tag"])
        except Exception as error:
            raise self._problem("list", error) from None

    def _problem(self, deed: str, error: Exception) -> PublishError:
        """What a store refused; of its words only the code: they may quote signed addresses."""
        code = re.search(r"<Code>(\w+)</Code>", str(error))
        kind = type(error).__name__
        said = code[1] if code else kind.removesuffix("Error")
        hint = _HINTS.get(kind, "check address, region and network, then publish again")
        return PublishError(f"{self.name} could not be used (to {deed}: {said}): {hint}.")


def _aws_profile() -> dict[str, Any]:
    """Keys and region of the AWS tools' profiles, where the environment has none.

    obstore knows the environment's and those of the machine itself (EC2, ECS, web identity).
    """
    from botocore.session import Session

    session = Session()
    options: dict[str, Any] = {}
    if region := session.get_config_variable("region"):
        options["region"] = region
    if "AWS_ACCESS_KEY_ID" in os.environ or not session.available_profiles:
        return options
    credentials = session.get_credentials()
    if credentials is None:
        return options

    def keys() -> dict[str, Any]:
        from datetime import UTC, datetime, timedelta

        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + timedelta(minutes=10),
        }

    return {**options, "credential_provider": keys}


def require_apart(source: Path, destination: Destination) -> None:
    """Raise FolderError for a destination folder that is the source, in it, or around it."""
    if not isinstance(destination, FolderDestination):
        return
    here, there = source.resolve(), Path(destination.name).resolve()
    if here == there or here in there.parents or there in here.parents:
        raise FolderError(
            f"{destination.name} and {source} lie in each other: publish to another folder."
        )
