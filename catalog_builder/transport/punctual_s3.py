"""botocore's HTTP for S3, whose answers begin in time, and have no more bytes than they may.

botocore knows the time between bytes only, and reads an error, however long it is.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import aiohttp
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from catalog_builder.transport.answer_limits import S3_ANSWER, SLOWEST, seconds_of_silence

_PIECE: Final = 2**16


class PunctualS3Session(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """Gives a request up whose answer takes longer than S3 may be silent.

    That is without its body. That of an object is left to who asked; any other body, and so an
    error's in place of an object, is read here: OSError, which nobody repeats, for one of more
    than ``S3_ANSWER`` bytes, and for one that comes too slowly.
    """

    async def send(self, request: Any) -> Any:
        """Send one request."""
        is_object, request.stream_output = request.stream_output, True  # so nothing is read yet
        try:
            async with asyncio.timeout(seconds_of_silence()):
                answer = await super().send(request)
            if is_object and answer.status_code < 300:
                return answer
            return await _read(answer)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except aiohttp.ClientError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error


class _Body:
    """A body that was read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self) -> bytes:
        return self._content


async def _read(answer: Any) -> AioAWSResponse:
    """The answer with its body, whose connection serves the next request."""
    silence, began = seconds_of_silence(), time.monotonic()
    found = bytearray()
    try:
        while piece := await answer.raw.content.read(_PIECE):
            found += piece
            if len(found) > S3_ANSWER:
                raise OSError(f"more than {S3_ANSWER:,} bytes {_with(answer)}")
            waited = time.monotonic() - began
            if waited > silence + len(found) / SLOWEST:
                raise OSError(f"only {len(found):,} bytes {_with(answer)} in {waited:.3g} s")
    except BaseException:
        answer.raw.close()
        raise
    answer.raw.release()
    return AioAWSResponse(answer.url, answer.status_code, answer.headers, _Body(bytes(found)))


def _with(answer: Any) -> str:
    return f"came with an answer of status {answer.status_code}"
