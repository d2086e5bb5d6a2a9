"""Runs the whole pipeline at NASA's services on a small area, and reports what it met.

Each check stands for a claim of README's first screens. What is compared is compared bit for bit.
The report is Markdown without secrets, to be attached to an issue; recorded answers of CMR can be
served again by the stand-in.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from catalog_builder.errors import (
    CatalogBuilderError,
    CatalogError,
    MissingExtraError,
    OutOfRegionError,
)
from catalog_builder.nasa_harmony import check_harmony
from catalog_builder.nasa_page import check_page
from catalog_builder.nasa_photons import check_photons, check_plot, require_same
from catalog_builder.nasa_report import Answer, Finding, State, answers_to_range, markdown
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.geo.window import Box

AREA: Final[Box] = (-135.1977, 58.3325, -133.3410, 58.9839)
"""The Juneau Icefield: west, south, east, north, degrees."""

RELEASES: Final = ("006", "007")
_PROVIDER: Final = "NSIDC_CPRD"


@dataclass(slots=True)
class _Known:
    """What checks of a release hand on."""

    folder: Path
    release: str
    area: Box
    index: ItemIndex | None = None
    granule: str = ""
    beams: Sequence[str] = ()
    """That hold photons."""
    beam: str = ""
    by_h5py: xr.Dataset | None = None
    harmony: bool = True
    answers: list[Answer] = field(default_factory=list)


class _NotAskedError(Exception):
    """A check that the user leaves out."""


def check_nasa(
    report: Path,
    *,
    releases: Sequence[str] = RELEASES,
    area: Box = AREA,
    recordings: Path | None = None,
    harmony: bool = True,
    on_finding: Callable[[Finding], None] | None = None,
) -> tuple[Finding, ...]:
    """Run all checks and write the report; returns what was found.

    Reads tens of megabytes of one granule a release. ``recordings`` is a folder for answers of
    CMR, which ``World.from_records`` of the stand-in serves; ``harmony=False`` leaves Harmony out.
    What fails is reported, not raised.
    """
    findings: list[Finding] = []
    answers: list[Answer] = []
    with tempfile.TemporaryDirectory(prefix="nasa-check-") as folder:
        for release in releases:
            known = _Known(Path(folder) / release, release, area, harmony=harmony)
            for finding in _check_release(known, recordings):
                findings.append(finding)
                if on_finding is not None:
                    on_finding(finding)
            answers += known.answers
    SafeFolder(report.parent).write(report.name, markdown(findings, answers).encode())
    return tuple(findings)


def _check_release(known: _Known, recordings: Path | None) -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[_Known], str]], ...] = (
        ("CMR lists the collection, in the cloud", _collection),
        ("CMR's answers have the form that is known", lambda one: _page(one, recordings)),
        ("search: granules whose footprint meets the area", _search),
        ("build: a static STAC catalog", _build),
        ("verify: STAC, links, counts, index against items", _verify),
        ("open_index searches it", _open_index),
        ("the driver gets temporary S3 keys", _keys),
        ("a granule is read over S3, in region", lambda one: _read(one, "s3")),
        ("a granule is read over HTTPS, elsewhere", lambda one: _read(one, "https")),
        ("ranges are answered, uncompressed", _ranges),
        ("a beam opens through h5py", _by_h5py),
        ("index: beam references", _index),
        ("by references a beam has the same bits", _by_references),
        ("intake opens the same beam", _by_intake),
        ("open_photons: the photons of the area", _photons),
        ("plot_photons draws them", _plot),
        ("Harmony cuts a granule: the same bits", _harmony),
    )
    failed = False
    for claim, check in checks:
        start = time.monotonic()
        state: State = "ok"
        try:
            with warnings.catch_warnings(record=True, action="always") as told:
                found = "" if failed else check(known)
            found += "".join(f" Warning: {one.message}" for one in told)
        except (MissingExtraError, _NotAskedError) as error:
            state, found = "left out", str(error)
        except OutOfRegionError as error:
            state, found = "elsewhere", str(error)
        except Exception as error:
            state = "failed"
            kind = "" if isinstance(error, CatalogBuilderError) else f"{type(error).__name__}: "
            found = f"{kind}{error}"
        yield Finding(
            release=known.release,
            claim=claim,
            state="skipped" if failed else state,
            found=found,
            seconds=round(time.monotonic() - start, 2),
        )
        # Without a catalog there is nothing to open.
        failed = failed or (state == "failed" and known.index is None)


def _collection(known: _Known) -> str:
    from catalog_builder.catalog.cmr.client import CmrClient

    with CmrClient() as client:
        one = client.collection("ATL03", known.release, _PROVIDER)
    return f"{one.concept_id}, region {one.region}, {one.credentials_endpoint}"


def _page(known: _Known, recordings: Path | None) -> str:
    return check_page(known.release, _PROVIDER, known.area, recordings, known.answers)


def _search(known: _Known) -> str:
    from catalog_builder.catalog.granule_search import search

    found = search(bbox=known.area, version=known.release, provider=_PROVIDER)
    return f"{len(found.documents)} granules, {len(found.left_out)} left out"


def _build(known: _Known) -> str:
    from catalog_builder.catalog.build.build import build
    from catalog_builder.catalog.definition import Definition

    definition = Definition(
        name="nasa-check",
        title="A check of NASA's services",
        short_name="ATL03",
        version=known.release,
        provider=_PROVIDER,
        bounding_box=known.area,
    )
    report = build(definition, known.folder)
    return (
        f"{report.items} granules of {report.read} records, {report.outside} outside the area, "
        f"{len(report.set_aside)} set aside"
        + "".join(f"; {one.granule_ur}: {one.reason}" for one in report.set_aside[:3])
    )


def _verify(known: _Known) -> str:
    from catalog_builder.catalog.verify.checks import verify

    report = verify(known.folder)
    if not report.ok:
        raise CatalogError(" ".join(map(str, report.problems))[:500])
    return f"{report.pages} pages, {report.items_read} items, {report.index_rows} rows"


def _open_index(known: _Known) -> str:
    from catalog_builder.catalog.index.item_index import ItemIndex

    index = ItemIndex.open(known.folder)
    found = index.search(bbox=known.area)
    sizes = {
        item.id: item.assets["data"].extra_fields.get("file:size", 0)
        for item in found
        if "data" in item.assets and "https" in item.assets
    }
    if not sizes:
        raise CatalogError("No granule of the area has an address in the cloud.")
    # The smallest of which the size is known: the check reads it as a laptop would.
    known.granule = min(sizes, key=lambda name: (not sizes[name], sizes[name], name))
    known.index = index
    return f"{len(found)} granules; {known.granule} of {sizes[known.granule] or '?'} bytes"


def _item(known: _Known) -> Any:
    assert known.index is not None
    return known.index.item(known.granule)


def _keys(known: _Known) -> str:
    from catalog_builder.auth.s3_credentials import find_credentials
    from catalog_builder.opening.resolve import resolve

    endpoint = resolve(_item(known)).links.credentials_endpoint
    if endpoint is None:
        raise CatalogError("The collection names no credentials endpoint.")
    until = find_credentials(endpoint)()["expires_at"]
    return f"{endpoint}, valid until {until:%H:%M} UTC" if until else endpoint


def _read(known: _Known, access: Literal["s3", "https"]) -> str:
    from catalog_builder.opening.one_granule import describe

    found = describe(_item(known), access=access)
    known.beams = [one.beam for one in found.beams if one.photons]
    return f"beams {', '.join(one.beam for one in found.beams)}"


def _ranges(known: _Known) -> str:
    from catalog_builder.opening.resolve import resolve

    found, content = answers_to_range(resolve(_item(known)).links.https or "")
    known.answers += found
    if found[-1].status != 206 or content != b"\x89HDF\r\n\x1a\n":
        raise CatalogError(f"{found[-1].host} answered {found[-1].status} to a range.")
    return f"206 after {len(found) - 1} redirects"


def _by_h5py(known: _Known) -> str:
    for beam in known.beams:
        known.beam = beam
        known.by_h5py = _open_beam(known, references=False)
        if known.by_h5py.sizes["photon"]:
            break
    else:
        raise CatalogError(f"No beam of {known.granule} has photons in the area.")
    return f"{known.granule} {known.beam}: {known.by_h5py.sizes['photon']} photons in the area"


def _index(known: _Known) -> str:
    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.indexing.index_catalog import index_catalog

    with ThreadPoolExecutor(1) as thread:
        report = index_catalog(known.folder, granules=[known.granule], executor=thread)
    if report.failed:
        raise CatalogError(f"{report.failed[0].granule}: {report.failed[0].error}")
    known.index = ItemIndex.open(known.folder)
    size = _item(known).assets["references"].extra_fields["file:size"]
    return f"{len(report.indexed)} granule, references of {size} bytes"


def _by_references(known: _Known) -> str:
    found = _open_beam(known)
    require_same(found, known.by_h5py)
    return f"{len(found.variables)} variables, bit for bit those of h5py"


def _by_intake(known: _Known) -> str:
    import intake

    catalog = intake.open_catalog(str(known.folder / "catalog.yml"))
    entry = catalog.beam(granule=known.granule, beam=known.beam, bbox=list(known.area))
    found = entry.read()
    require_same(found, known.by_h5py)
    return f"{found.sizes['photon']} photons, the same bits"


def _photons(known: _Known) -> str:
    return check_photons(_item(known), known.area, known.beam, known.by_h5py)


def _plot(known: _Known) -> str:
    return check_plot(_item(known), known.area, known.folder / "photons.png")


def _harmony(known: _Known) -> str:
    assert known.index is not None
    if not known.harmony:
        raise _NotAskedError("Harmony was not asked (--no-harmony).")
    return check_harmony(known.index.search(ids=[known.granule]), known.beam, known.by_h5py)


def _open_beam(known: _Known, **options: Any) -> xr.Dataset:
    from catalog_builder.opening.one_granule import open_beam

    return open_beam(_item(known), known.beam, bbox=known.area, **options)
