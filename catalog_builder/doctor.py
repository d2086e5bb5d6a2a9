"""Checks step by step whether this machine can find and open granules, with advice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

from catalog_builder.errors import CatalogBuilderError, LoginWarning, OutOfRegionError, RecordError

if TYPE_CHECKING:
    from pathlib import Path

    from catalog_builder.auth.login import Login
    from catalog_builder.beams.storage.byte_source import ByteSource
    from catalog_builder.beams.storage.links import GranuleLinks, Transport
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.umm_c import Collection

State = Literal["ok", "warning", "failed", "skipped"]

NSIDC_REGION: Final = "us-west-2"
"""Where NSIDC's buckets are."""

_TIMEOUT: Final = (5.0, 20.0)
"""Seconds to connect and between bytes: short, as most answers come at once or never."""

_SOON: Final = timedelta(days=7)
"""A token that expires within this time gets a warning."""

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one check."""

    name: str
    """What was checked: ``login``."""
    state: State
    """``failed`` must be mended; with ``warning`` another way works; ``skipped``: a check
    that it needs failed."""
    found: str
    """What was found; never a secret."""
    advice: str | None = None
    """What to do, unless ``found`` says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The results of all checks."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """True if no check failed."""
        return all(check.state != "failed" for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"healthy": self.healthy, "checks": [asdict(check) for check in self.checks]}


def diagnose(
    on_check: Callable[[Check], None] | None = None,
    catalog: Path | None = None,
    price: float | None = None,
) -> Diagnosis:
    """Run all checks, each after those that it needs; ``on_check`` is called with each result.

    Queries CMR, Earthdata Login and the data centre, and reads the first bytes of one granule over
    S3 and HTTPS. For a catalog's folder, it also scans five granules and estimates the time of
    indexing the rest; ``price`` is that of a core-hour. Writes nothing, raises nothing.
    """
    checks = []
    # Once is enough: the check of the login says it.
    with warnings.catch_warnings(action="ignore", category=LoginWarning):
        for check in chain(_examine(), [] if catalog is None else _check_indexing(catalog, price)):
            checks.append(check)
            if on_check is not None:
                on_check(check)
    return Diagnosis(checks=tuple(checks))


def _examine() -> Iterator[Check]:
    from catalog_builder.opening.resolve import NSIDC_CREDENTIALS

    cmr, collection, links = _check_cmr()
    yield cmr
    host = _check_earthdata()
    yield host
    found, login = _check_login()
    yield found
    usable = False
    if login is None or host.state == "failed":
        reason = "needs a login" if login is None else "needs Earthdata Login"
        yield from _skip(reason, "token", "credentials")
    else:
        yield (token := _check_token(login))
        if token.state == "failed":
            yield from _skip("needs a token", "credentials")
        else:
            endpoint = (collection and collection.credentials_endpoint) or NSIDC_CREDENTIALS
            yield (keys := _check_credentials(endpoint, login))
            usable = keys.state != "failed"
    region = (collection and collection.region) or NSIDC_REGION
    if not usable or links is None:
        yield from _skip("needs a granule and a login that works", "s3", "https")
        yield _check_region(region, s3_answers=False)
        return
    yield (s3 := _check_transport(links, "s3"))
    s3_answers = s3.state == "ok"
    https = _check_transport(links, "https")
    # One of the two is enough.
    yield replace(https, state="warning") if s3_answers and https.state == "failed" else https
    yield _check_region(region, s3_answers=s3_answers)


def _skip(reason: str, *names: str) -> Iterator[Check]:
    for name in names:
        yield Check(name=name, state="skipped", found=reason)


def _check_cmr() -> tuple[Check, Collection | None, GranuleLinks | None]:
    """CMR, its newest ATL03 collection in the cloud, and one granule of it to try."""
    from catalog_builder.catalog.cmr.client import CmrClient

    try:
        with CmrClient(timeout=_TIMEOUT, retries=0) as client:
            collections = client.collections(short_name="ATL03", cloud_hosted=True)
            collection = max(collections, key=lambda each: each.version, default=None)
            links, hits = _sample(client, collection) if collection else (None, None)
    except CatalogBuilderError as error:
        return Check(name="cmr", state="failed", found=str(error)), None, None
    if collection is None or links is None:
        what = f"holds no granule of {collection.id}" if collection else "knows no ATL03"
        check = Check(
            name="cmr",
            state="warning",
            found=f"{client.url} {what} in the cloud",
            advice="Is CMR_URL, if set, the CMR you mean?",
        )
        return check, collection, None
    found = f"{client.url}: {collection.id} of {collection.provider}, {hits} granules"
    return Check(name="cmr", state="ok", found=found), collection, links


def _sample(client: CmrClient, collection: Collection) -> tuple[GranuleLinks | None, int | None]:
    """Links of any granule of a collection that can be used, and how many granules it has."""
    from catalog_builder.beams.storage.links import GranuleLinks
    from catalog_builder.catalog.cmr.query import GranuleQuery
    from catalog_builder.catalog.stac.granule import parse_umm

    query = GranuleQuery(collection_concept_id=collection.concept_id, page_size=10)
    listing = client.granules(query)
    for record in listing:
        try:
            granule = parse_umm(record)
        except RecordError:
            continue
        if granule.s3_href is None:
            continue
        links = GranuleLinks(
            s3=granule.s3_href,
            https=granule.https_href,
            credentials_endpoint=collection.credentials_endpoint,
            region=collection.region or NSIDC_REGION,
        )
        return links, listing.hits
    return None, listing.hits


def _check_earthdata() -> Check:
    import requests

    from catalog_builder.auth.login import earthdata_host
    from catalog_builder.transport.retries import NO_RETRIES
    from catalog_builder.transport.session import PlainSession

    host = earthdata_host()
    with PlainSession(NO_RETRIES) as session:
        try:
            session.get(host, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            return Check(
                name="earthdata",
                state="failed",
                found=f"{host} cannot be reached ({type(error).__name__})",
                advice="Check the network and HTTPS_PROXY; EARTHDATA_HOST, if set, names it.",
            )
    return Check(name="earthdata", state="ok", found=f"{host} answers")


def _check_login() -> tuple[Check, Login | None]:
    from catalog_builder.auth.login import Login

    try:
        with warnings.catch_warnings(record=True, action="always", category=LoginWarning) as told:
            login = Login.find()
    except CatalogBuilderError as error:
        return Check(name="login", state="failed", found=str(error)), None
    method = "a token" if login.token else "a user name and password"
    check = Check(name="login", state="ok", found=f"{method}, from {login.source}")
    return replace(check, state="warning", advice=str(told[0].message)) if told else check, login


def _check_token(login: Login) -> Check:
    from catalog_builder.auth.earthdata import bearer_token
    from catalog_builder.auth.login import earthdata_host

    try:
        bearer_token(login)
    except CatalogBuilderError as error:
        return Check(name="token", state="failed", found=str(error))
    how = "given" if login.token else "handed out for the user name"
    if (ends := login.expires) is None:
        return Check(name="token", state="ok", found=how)
    found, left = f"{how}, ends {ends:%Y-%m-%d}", ends - datetime.now(UTC)
    if left > _SOON:
        return Check(name="token", state="ok", found=found)
    state: State = "warning" if left > timedelta(0) else "failed"
    return Check(
        name="token",
        state=state,
        found=found,
        advice=f"Make a new one at {earthdata_host()}/profile.",
    )


def _check_credentials(endpoint: str, login: Login) -> Check:
    from catalog_builder.auth.s3_credentials import CredentialProvider

    try:
        # A provider of its own: the shared one may hold keys that another login got.
        keys = CredentialProvider(endpoint, login)()
    except CatalogBuilderError as error:
        return Check(name="credentials", state="failed", found=str(error))
    until = f" until {keys['expires_at']:%H:%M} UTC" if keys["expires_at"] else ""
    return Check(name="credentials", state="ok", found=f"{endpoint} gives S3 keys{until}")


def _check_region(wanted: str, *, s3_answers: bool) -> Check:
    from catalog_builder.auth.region import machine_region

    region, source = machine_region()
    found = f"{region or 'unknown'} ({source})"
    if region == wanted or s3_answers:
        return Check(name="region", state="ok", found=found)
    return Check(
        name="region",
        state="warning",
        found=f"{found}; the granules are in {wanted}",
        advice=f'S3 answers inside {wanted} only; elsewhere access="auto" goes over HTTPS.',
    )


def _check_transport(links: GranuleLinks, transport: Transport) -> Check:
    """Read the first bytes of a granule."""
    from catalog_builder.beams.storage.granule_file import over_first_transport
    from catalog_builder.beams.storage.https import HttpsSource
    from catalog_builder.beams.storage.s3 import S3Source

    openers: dict[Transport, Callable[[GranuleLinks], ByteSource]] = {
        "s3": S3Source,
        "https": HttpsSource,
    }
    try:
        with closing(over_first_transport(links, transport, openers)) as source:
            whole = source.read(0, len(_SIGNATURE)) == _SIGNATURE
    except OutOfRegionError as error:
        return Check(name=transport, state="warning", found=str(error))
    except CatalogBuilderError as error:
        return Check(name=transport, state="failed", found=str(error))
    if not whole:
        return Check(name=transport, state="failed", found=f"{source.href} is not an HDF5 file")
    return Check(name=transport, state="ok", found=f"{source.href} can be read")


def _check_indexing(catalog: Path, price: float | None) -> Iterator[Check]:
    """Estimate what indexing the granules without references takes."""
    from catalog_builder.indexing.index_catalog import estimate_indexing

    try:
        estimate, failed = estimate_indexing(catalog, price=price)
    except CatalogBuilderError as error:
        yield Check(name="indexing", state="failed", found=str(error))
        return
    if failed:
        reason = f"{failed[0].granule} cannot be scanned: {failed[0].error}"
        yield Check(name="indexing", state="warning", found=f"{estimate} {reason}")
        return
    found = str(estimate) if estimate.granules else "all granules have their references"
    yield Check(name="indexing", state="ok", found=found)
