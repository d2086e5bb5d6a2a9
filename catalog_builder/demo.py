"""The demo: the whole pipeline against the stand-in for NASA's services, without an account.

Each step is one that a person takes at NASA's services, done by the same code: only the addresses
in the environment lead to this machine. Each step yields its results as text.
"""

from __future__ import annotations

import json
import os
import shlex
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from catalog_builder.errors import AccessWarning, CatalogError, MissingExtraError
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.catalog.definition import Definition
    from earthdata_standin import EarthdataStandin

JUNEAU: Final = (-135.1977, 58.3325, -133.3410, 58.9839)
"""West, south, east, north of the Juneau Icefield, degrees."""

_PHOTONS: Final = 200_000
"""Photons of a strong beam: enough to look like one, few enough to be made in seconds."""

_CLOUD: Final = "cloud.json"
"""The file that says how the cloud of a demo is started again."""

_PORTS: Final = range(8100, 8300, 6)
"""The first of the six ports of its cloud."""

_USER_PORTS: Final = range(1024, 65_530)
"""Of which the first may be one, where a folder names it."""

_MOST_GRANULES: Final = 10_000
"""In a cloud that a folder asks for."""

_CLASSIC: Final = ("h_ph", "lat_ph", "lon_ph", "dist_ph_along", "signal_conf_ph", "x_atc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the demo, finished."""

    title: str
    """What was done."""
    lines: tuple[str, ...]
    """Its results, as lines of text."""


def run(out: Path, *, granules: int = 80) -> Iterator[Step]:
    """Run all steps, leaving a catalog, a NetCDF beam and a plot in ``out``; yields each step.

    Without the extra ``plot`` the plot is left out, and its step says so. Raises
    :class:`~catalog_builder.errors.CatalogError` where the catalog is not valid.
    """
    SafeFolder(out).make_root()
    for _ in SafeFolder(out).require_plain("cloud"):
        pass
    for folder in ("catalog", "saved"):
        SafeFolder(out).has_folder(folder)
    with _cloud(out, granules) as standin, _environment(standin.environment):
        yield Step(
            title="Start a stand-in for CMR, Earthdata Login and S3 on this machine",
            lines=tuple(
                f"{name}={value if 'TOKEN' not in name else '…'}"
                for name, value in standin.environment.items()
            ),
        )
        definition = _definition(out)
        yield _collections()
        yield _search(definition)
        yield _build(definition, out / "catalog")
        yield _verify(out / "catalog")
        yield from _open(standin, out)


def started_again_by(out: Path) -> str:
    """What starts the cloud of a demo again."""
    return f"catalog-builder standin {shlex.quote(str(out))}"


@contextmanager
def cloud_again(out: Path) -> Iterator[EarthdataStandin]:
    """The cloud of the demo in a folder, at the addresses that its catalog has.

    Raises :class:`~catalog_builder.errors.CatalogError` where there is no demo, or where another
    program has its ports.
    """
    try:
        known = json.loads(SafeFolder(out).read(_CLOUD) or b"")
        port, granules = known["port"], known["granules"]
        if port not in _USER_PORTS or granules not in range(1, _MOST_GRANULES + 1):
            raise ValueError(f"port {port!r}, {granules!r} granules")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CatalogError(
            f"{out} holds no demo: `catalog-builder demo --out {out}` makes one."
        ) from error
    with _cloud(out, int(granules), [int(port)]) as standin:
        yield standin


@contextmanager
def _cloud(out: Path, granules: int, ports: Sequence[int] = _PORTS) -> Iterator[EarthdataStandin]:
    """A stand-in with six ports from the first free of ``ports``, which are noted."""
    from earthdata_standin import EarthdataStandin, World

    world = World.simulate(granules=granules, photons=_PHOTONS, folder=out / "cloud")
    for port in ports:
        standin = EarthdataStandin(world=world, rewrite_links=True, port=port)
        try:
            standin.start()
        except OSError:
            continue
        try:
            noted = json.dumps({"port": port, "granules": granules})
            SafeFolder(out).write(_CLOUD, noted.encode())
            yield standin
        finally:
            standin.stop()
        return
    raise CatalogError(
        f"Another program has port {ports[0]}, or one of the next: the demo's cloud, which "
        "its catalog leads to, cannot start. Stop that program first."
    )


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables, and restores the former ones at the end."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _definition(out: Path) -> Definition:
    from catalog_builder.catalog.definition import Definition

    return Definition(
        name="demo",
        title="ATL03 over the Juneau Icefield",
        short_name="ATL03",
        version="007",
        provider="NSIDC_CPRD",
        bounding_box=JUNEAU,
        description=(
            "Simulated granules of a stand-in for NASA's services, whose cloud has stopped since: "
            f"`{started_again_by(out)}` starts it again."
        ),
    )


def _collections() -> Step:
    from catalog_builder.catalog.cmr.client import CmrClient

    with CmrClient() as client:
        found = client.collections(short_name="ATL03")
    return Step(
        title="List the ATL03 collections, in the cloud and on premises",
        lines=tuple(
            f"{one.concept_id}  {one.title}  {'cloud' if one.cloud_hosted else 'on premises'}"
            for one in found
        ),
    )


def _search(definition: Definition) -> Step:
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.compare.comparison import compare

    with CmrClient() as client:
        sides = compare(definition, client)
    return Step(
        title="Search the granules over the Juneau Icefield, cloud against on premises",
        lines=(
            f"{sides.cloud.granules} in the cloud (CMR lists {sides.cloud.listed}: its search is "
            f"loose), {sides.on_premises.granules} on premises, {sides.both} in both",
            *(f"only on premises: {one}" for one in sides.only_on_premises[:3]),
        ),
    )


def _build(definition: Definition, folder: Path) -> Step:
    from catalog_builder.catalog.build.build import build

    report = build(definition, folder)
    return Step(
        title="Build the static STAC catalog, with its index and its intake catalog",
        lines=(
            f"{report.items} granules of {report.read} records: {report.outside} lie outside the "
            f"box, {len(report.set_aside)} are set aside",
            *(f"set aside: {one.granule_ur}: {one.reason}" for one in report.set_aside),
            str(folder / "catalog.json"),
        ),
    )


def _verify(folder: Path) -> Step:
    from catalog_builder.catalog.verify.checks import verify

    report = verify(folder)
    if not report.ok:
        raise CatalogError(f"The demo's catalog is not valid: {' '.join(report.problems)}")
    return Step(
        title="Verify it: STAC, links, counts, index against items",
        lines=(
            f"{report.pages} pages, {report.items_read} items, {report.index_rows} rows in the "
            f"index: {report.problem_count} problems",
        ),
    )


def _open(standin: EarthdataStandin, out: Path) -> Iterator[Step]:
    """From intake.open_catalog on a web address to photons, a plot and a NetCDF file."""
    import intake

    from catalog_builder.auth.s3_credentials import find_credentials
    from catalog_builder.catalog.serve import Host
    from catalog_builder.saving import LOCAL_YML, save_beams

    with Host(out / "catalog") as host:
        cat = intake.open_catalog(f"{host.url}/catalog.yml")
        near = cat.granules.search(bbox=list(JUNEAU), datetime="2018-10-13/..")
        [granule, *_] = list(near)
        yield Step(
            title=f"intake.open_catalog('{host.url}/catalog.yml'), and search it",
            lines=(f"{len(near)} granules; the first is {granule}",),
        )
        keys = find_credentials(standin.credentials_endpoint)()
        yield Step(
            title="Log in, and get temporary S3 credentials",
            lines=(f"from {standin.credentials_endpoint}, valid until {keys['expires_at']}",),
        )
        beam = cat.beam(granule=granule, beam="gt1l", variables=list(_CLASSIC))
        standin.requests.clear()
        began = time.perf_counter()
        photons = beam.read()
        took = time.perf_counter() - began
        read = [one for one in standin.requests if one.service == "s3"]
        yield Step(
            title="Open a beam over S3",
            lines=(
                *str(photons).splitlines(),
                f"{photons.sizes['photon']:,} photons in {took:.1f} s, {len(read)} requests to S3",
            ),
        )
        standin.faults.in_region = False
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AccessWarning)
            again = beam.read()
        standin.faults.in_region = True
        yield Step(
            title="Open it again where S3 refuses, as it does outside us-west-2",
            lines=(*(str(one.message) for one in caught), f"{again.sizes['photon']:,} photons"),
        )
        yield _plot(photons, out / "beam.png")
        local_catalog = out / "saved" / LOCAL_YML
        saved = save_beams(
            [item.to_dict() for item in near.index.search(limit=1)],
            local_catalog.parent,
            beams=["gt1l"],
        )
        offline = intake.open_catalog(str(local_catalog))
        yield Step(
            title="Save a beam as NetCDF, to open without any cloud",
            lines=(
                *map(str, saved),
                f"intake.open_catalog('{local_catalog}') lists {', '.join(offline)}",
            ),
        )


def _plot(photons: xr.Dataset, path: Path) -> Step:
    from catalog_builder.plot.profile import plot_beam

    try:
        figure = plot_beam(photons)
    except MissingExtraError as error:
        return Step(title="Plot it", lines=(f"The plot was left out. {error}",))
    with SafeFolder(path.parent).replacing(path.name) as part:
        figure.savefig(part, dpi=150, format="png")
    return Step(title="Plot it", lines=(str(path),))
