"""The HTTP client for STAC APIs: pystac-client's ``StacApiIO``, with retries and without a login.

Requests are repeated after HTTP 429 and 5xx and, once the API has answered, after a page that is
cut off or not JSON. Other failures are errors that say what to do.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import orjson
import pystac
import requests
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO

from catalog_builder._version import __version__
from catalog_builder.errors import AddressError, StacApiError
from catalog_builder.transport.answer_limits import STAC_PAGE
from catalog_builder.transport.http_error import reason
from catalog_builder.transport.location import WEB, Location
from catalog_builder.transport.retries import (
    TRANSIENT_STATUSES,
    TransientError,
    repeat,
)
from catalog_builder.transport.retries import retries as status_retries
from catalog_builder.transport.server_words import server_words
from catalog_builder.transport.session import AnswerTooLongError, PlainSession

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE: Final = "https://cmr.earthdata.nasa.gov/stac/NSIDC_CPRD"
"""Landing page of NASA's STAC API for ICESat-2 data in the cloud."""

_KNOWN: Final = {"type", "collections", "features"}
"""Every answer of a STAC API has at least one of these keys."""

_BROKEN = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)

_log = logging.getLogger(__name__)


class PlainIO(StacApiIO):
    """Reads answers of a STAC API; raises StacApiError only. Close it after use."""

    def __init__(
        self,
        *,
        timeout: tuple[float, float] | None = None,
        retries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(timeout=timeout, max_retries=None)
        self.session.close()
        self.session = PlainSession(
            status_retries(retries, connect=1, read=1), most_bytes=STAC_PAGE
        )
        self.session.headers["Client-Id"] = f"catalog-builder/{__version__}"
        self._retries = retries
        self._sleep = sleep
        self._answered = False

    def close(self) -> None:
        """End the session."""
        self.session.close()

    def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
        """The text at a URL. Only HTTP and HTTPS are allowed, since pages may link anywhere."""
        href = source.href if isinstance(source, pystac.Link) else str(source)
        Location.parse(href, protocols=WEB)
        return super().read_text(source, *args, **kwargs)

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The JSON object at a URL. Raises :class:`~catalog_builder.errors.StacApiError`."""
        url = shown(source.href if isinstance(source, pystac.Link) else str(source))

        def attempt() -> dict[str, Any]:
            text = ""
            try:
                text = self.read_text(source, *args, **kwargs)
                answer: Any = orjson.loads(text)
                if isinstance(answer, dict) and not _KNOWN.isdisjoint(answer):
                    self._answered = True
                    return answer
                fault = _no_stac(url, text)
            except AddressError as error:
                raise StacApiError(
                    f"The STAC API links to an address that is not opened: {error}"
                ) from error
            except APIError as error:
                if isinstance(error.__context__, AnswerTooLongError):
                    raise StacApiError(
                        f"The answer of the STAC API, {url}, is too long: {error}."
                    ) from error
                fault = _refusal(url, error)
            except orjson.JSONDecodeError:
                fault = _no_stac(url, text)
            if self._answered and fault.status is None:
                raise TransientError(fault)
            raise fault

        return repeat(attempt, most=self._retries, pause=self._pause)

    def _pause(self, _: TransientError, seconds: float) -> None:
        _log.info("The STAC API's answer cannot be read. Trying again in %.0f s.", seconds)
        self._sleep(seconds)


def _refusal(url: str, error: APIError) -> StacApiError:
    """The error for a request without an answer, or with another status than 200."""
    status: int | None = getattr(error, "status_code", None)
    host = urlsplit(url).netloc
    if status is None:
        cause = error.__context__
        if isinstance(cause, _BROKEN):
            return StacApiError(
                f"The answer of the STAC API, {url}, ended early. Start again later."
            )
        why = reason(cause) if isinstance(cause, requests.RequestException) else str(error)
        return StacApiError(
            f"The STAC API at {host} cannot be reached: {why}. Check the network, HTTPS_PROXY "
            f"and the address, {url}."
        )
    why = f"(HTTP {status}): {_words(str(error))}"
    if status in TRANSIENT_STATUSES:
        message = f"The STAC API at {host} cannot answer now, {url} {why}. Start again later."
    elif status == 404:
        message = f"There is no {url} {why}. Give the landing page of a STAC API, as {EXAMPLE}."
    elif status in (401, 403):
        message = f"The STAC API at {host} requires a login {why}. Only public APIs can be read."
    else:
        message = f"The STAC API at {host} refuses {url} {why}."
    return StacApiError(message, status=status)


def _no_stac(url: str, text: str) -> StacApiError:
    return StacApiError(
        f"What {url} answers is not STAC: {_words(text)}. Give the landing page of a STAC API, "
        f"as {EXAMPLE}."
    )


def _words(text: str) -> str:
    """The readable part of an API's error answer."""
    words = server_words(text).rstrip(".")
    return f"{words!r}" if words else "an empty body"


def shown(url: str) -> str:
    """A URL without its query, which may be long."""
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))
