"""botocore's HTTP for S3, whose answers begin in time: it knows the time between bytes only."""

from __future__ import annotations

import asyncio
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import ReadTimeoutError

from catalog_builder.transport.answer_limits import seconds_of_silence


class PunctualS3Session(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore has no types
    """Gives a request up whose answer, without its body, takes longer than S3 may be silent."""

    async def send(self, request: Any) -> Any:
        """Send one request."""
        try:
            async with asyncio.timeout(seconds_of_silence()):
                return await super().send(request)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
