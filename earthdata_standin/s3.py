"""The stand-in's S3: path style, GET, HEAD and ListObjectsV2, every request signed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from aiohttp import web

from earthdata_standin.faults import Faults
from earthdata_standin.s3_keys import KeyRing
from earthdata_standin.storage import Storage, StorageError

REGION: Final = "us-west-2"


def s3_service(keys: KeyRing, storage: Storage, faults: Faults) -> list[web.RouteDef]:
    """The routes of S3."""

    def admit(request: web.Request) -> None:
        keys.check(request)
        if not faults.in_region:
            raise StorageError("AccessDenied")

    async def send(request: web.Request) -> web.StreamResponse:
        admit(request)
        return await storage.send(request, unquote(request.raw_path.partition("?")[0][1:]))

    async def head_bucket(request: web.Request) -> web.Response:
        admit(request)
        return web.Response(headers={"x-amz-bucket-region": REGION})

    async def list_objects(request: web.Request) -> web.Response:
        admit(request)
        bucket = request.match_info["bucket"]
        listing = await _list(storage, bucket, request)
        return web.Response(text=listing, content_type="application/xml")

    async def refuse(_: web.Request) -> web.Response:
        raise StorageError("MethodNotAllowed")

    return [
        web.head("/{bucket:[^/]+}{slash:/?}", head_bucket),
        web.get("/{bucket:[^/]+}{slash:/?}", list_objects, allow_head=False),
        web.get("/{bucket:[^/]+}/{key:.+}", send),
        web.route("*", "/{tail:.*}", refuse),
    ]


async def _list(storage: Storage, bucket: str, request: web.Request) -> str:
    """ListObjectsV2 as XML: prefix, delimiter, max-keys, start-after, continuation-token."""
    prefix = request.query.get("prefix", "")
    delimiter = request.query.get("delimiter", "")
    limit = min(int(request.query.get("max-keys", 1000)), 1000)
    after = request.query.get("start-after", "")
    if token := request.query.get("continuation-token"):
        after = base64.urlsafe_b64decode(token).decode()
    encode = request.query.get("encoding-type") == "url"

    names = sorted(
        key.removeprefix(f"{bucket}/") for key in storage if key.startswith(f"{bucket}/{prefix}")
    )
    entries: dict[str, bool] = {}  # name -> whether it is a common prefix
    for name in names:
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        entries[name if cut < 0 else name[: cut + len(delimiter)]] = cut >= 0
    page = [name for name in entries if name > after]
    more = len(page) > limit
    page = page[:limit]

    def text(value: str) -> str:
        return quote(value, safe="/") if encode else escape(value)

    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{escape(bucket)}</Name><Prefix>{text(prefix)}</Prefix>"
        f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    ]
    if delimiter:
        parts.append(f"<Delimiter>{text(delimiter)}</Delimiter>")
    if encode:
        parts.append("<EncodingType>url</EncodingType>")
    if more:
        token = base64.urlsafe_b64encode(page[-1].encode()).decode()
        parts.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
    for name in page:
        if entries[name]:
            parts.append(f"<CommonPrefixes><Prefix>{text(name)}</Prefix></CommonPrefixes>")
            continue
        stored = await storage.find(f"{bucket}/{name}")
        parts.append(
            f"<Contents><Key>{text(name)}</Key><Size>{stored.size}</Size>"
            f"<LastModified>{_iso(stored.modified)}</LastModified>"
            f"<ETag>{escape(stored.etag)}</ETag><StorageClass>STANDARD</StorageClass></Contents>"
        )
    parts.append("</ListBucketResult>")
    return "".join(parts)


def _iso(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.000Z}"
