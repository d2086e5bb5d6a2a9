"""What the errors of s3fs, botocore and obstore mean, as errors of this package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from catalog_builder.beams.storage.s3_address import s3_endpoint, split_s3
from catalog_builder.errors import (
    AccessError,
    CatalogBuilderError,
    CredentialsExpiredError,
    GranuleNotFoundError,
    OutOfRegionError,
)
from catalog_builder.transport.s3_options import s3_silence
from catalog_builder.transport.server_words import server_words

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import GranuleLinks

_SILENT: Final = re.compile(r"time(d )?-?out|error sending request", re.IGNORECASE)
_EXPIRED: Final = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
_REFUSED: Final = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}
_REPLACED: Final = {"PreconditionFailed", "412"}
_MISSING: Final = {"NoSuchKey", "NoSuchBucket", "NotFound", "404"}


def s3_problem(links: GranuleLinks, error: Exception) -> CatalogBuilderError | None:
    """The error of this package for one of s3fs, botocore or obstore.

    None where S3 did not answer.
    """
    code, words = _s3_words(error)
    said = f"{code}: {words}" if words else f"{code}"
    bucket, _ = split_s3(links)
    if code in _MISSING or (code is None and isinstance(error, FileNotFoundError)):
        return GranuleNotFoundError(f"There is nothing at {links.s3}.")
    if code in _REPLACED:
        return replaced(links)
    if code in _EXPIRED:
        return CredentialsExpiredError(
            f"S3 took the keys for s3://{bucket} for expired ({code}), and new ones too: is this "
            "machine's clock right?"
        )
    if code in _REFUSED and links.credentials_endpoint:
        return OutOfRegionError(
            f"s3://{bucket} answers only to machines in {links.region}, and refused this one "
            f'({code}): use access="https".'
        )
    if code in _REFUSED:
        return AccessError(
            f"s3://{bucket} refused the AWS credentials of this machine ({said}), and no "
            "credentials endpoint is known for it."
        )
    return AccessError(f"{links.s3} could not be read: S3 answered {said}.") if code else None


def no_answer(links: GranuleLinks, error: Exception) -> AccessError:
    """The error where S3 gave no answer that says what is amiss."""
    text = str(error).partition("\n\nDebug source:")[0]  # obstore adds pages
    # s3fs gives an IndexError for a botocore error that has no text.
    if _SILENT.search(text) or isinstance(error, IndexError | TimeoutError):
        where = s3_endpoint() or f"S3 in {links.region}"
        return AccessError(
            f"{links.s3} could not be read: {where} gave no answer, each time it was asked. It "
            f"cannot be reached, or was silent for {s3_silence():.3g} s. Check the network and "
            "HTTPS_PROXY, then try again."
        )
    return AccessError(f"{links.s3} could not be read: {text}")


def replaced(links: GranuleLinks) -> AccessError:
    """The error for a granule that is another one now."""
    return AccessError(f"{links.s3} was replaced while it was read: open it again.")


def _s3_words(error: BaseException | None) -> tuple[str | None, str]:
    """S3's own code of an error, ``AccessDenied``, and what it says of it."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            told = response.get("Error", {})
            return str(told.get("Code")), server_words(str(told.get("Message") or "")).rstrip(".")
        text = str(error)
        if match := re.search(r"<Code>(\w+)</Code>", text):
            words = server_words(text).rstrip(".") if "<Message>" in text else ""
            return match[1], words
        error = error.__cause__
    return None, ""
