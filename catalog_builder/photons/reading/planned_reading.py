"""A plan of the photons of an area, read; and what the result says of itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from catalog_builder._version import __version__
from catalog_builder.beams.columns.reference_frame import frame_attributes
from catalog_builder.beams.storage.logging_in import log_in
from catalog_builder.errors import CatalogBuilderError, PhotonsWarning, ReferencesWarning
from catalog_builder.photons.planning.good_photons import good_text
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import GranulePlan
from catalog_builder.photons.reading.pass_reading import IN_MEMORY, PassPhotons, PassStore
from catalog_builder.photons.reading.photon_reads import ReadPasses, read_passes, warn_of_segments
from catalog_builder.products.facts import PHOTONS
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.progress import Reporter

_DOI: Final = f"10.5067/ATLAS/{PHOTONS.short_name}."
"""NSIDC's DOI of photons; the release follows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedPhotons:
    """What reading the photons of an area takes; only references were read."""

    request: PhotonRequest
    catalog: str
    """Path or URL of the catalog; empty where items were given."""
    built: str | None
    """When it was built, where that is known."""
    granules_searched: int
    """Granules whose footprint is near the area, in the highest revision alone."""
    granules: tuple[GranulePlan, ...]
    """Those of which a beam may hold photons of it."""

    @property
    def requests(self) -> int:
        """Requests for photons; those of granules without references are not known."""
        return sum(one.requests for plan in self.granules for one in plan.passes)

    @property
    def bytes(self) -> int:
        """Bytes that these requests fetch."""
        return sum(one.bytes for plan in self.granules for one in plan.passes)

    @property
    def photons(self) -> int:
        """Photons that are read, and at most stay."""
        return sum(one.photons for plan in self.granules for one in plan.passes)

    @property
    def passes(self) -> int:
        """Beams of granules that are read, those by h5py included."""
        return sum(len(plan.passes) + len(plan.by_file) for plan in self.granules)

    @property
    def failed(self) -> dict[str, CatalogBuilderError]:
        """Granules of which nothing is read, and why: reading the plan raises it, or warns."""
        return {one.found.name.id: one.failed for one in self.granules if one.failed}

    @property
    def without_references(self) -> int:
        """Granules of which h5py reads a beam."""
        return sum(bool(plan.by_file) for plan in self.granules)


def read_planned(
    plan: PlannedPhotons,
    granules: Sequence[GranulePlan],
    errors: Literal["raise", "warn"],
    progress: Reporter | None,
    store: PassStore = IN_MEMORY,
) -> ReadPasses:
    """Read these granules of a plan; warns of what took longer than it need, and is missing."""
    for one in granules:
        # A login that is refused is refused to all: it is tried once, before anything is read.
        log_in(one.found.granule.links, plan.request.access)
        break
    read = read_passes(granules, plan.request, errors, progress, store)
    warn_of_read(plan, read)
    return read


def warn_of_read(plan: PlannedPhotons, read: ReadPasses) -> None:
    """Say what took longer than it need, and what is missing."""
    warn_of_segments(read.passes, calls=4)
    problems = {one.found.name.id: one.problem for one in plan.granules if one.by_file}
    problems |= read.problems
    if problems:
        why = next(filter(None, problems.values()), None)
        warnings.warn(
            f"{len(problems)} of {len(plan.granules)} granules were read without references, "
            "which is slower: `catalog-builder index CATALOG` makes them."
            + (f" The first of their problems: {why}" if why else ""),
            ReferencesWarning,
            stacklevel=4,
        )
    if read.failed:
        granule, error = next(iter(read.failed.items()))
        warnings.warn(
            f"{len(read.failed)} of {len(plan.granules)} granules could not be read, and are left "
            f"out: {granule}: {error}",
            PhotonsWarning,
            stacklevel=4,
        )


def attributes(
    plan: PlannedPhotons, read: ReadPasses, passes: Sequence[PassPhotons] | None = None
) -> dict[str, Any]:
    """Attributes of the Dataset: where all of it comes from.

    ``passes`` are all that it is of, where ``read`` has not read all of them.
    """
    request, passes = plan.request, read.passes if passes is None else passes
    names = [one.found.name for one in plan.granules]
    releases = sorted({name.release for name in names})
    interval = request.selection.interval or (None, None)
    ends = [".." if end is None else end.isoformat() for end in interval]
    found = {
        "summary": _summary([name for name in names if name.id not in read.failed]),
        "Conventions": "CF-1.11",
        "featureType": "trajectory",
        **(frame_attributes(releases[0]) if len(releases) == 1 else {}),
        "product": PHOTONS.short_name,
        "release": ", ".join(releases),
        "revisions": ", ".join(f"{n:02d}" for n in sorted({name.revision for name in names})),
        "doi": ", ".join(f"{_DOI}{release}" for release in releases),
        "catalog": plan.catalog,
        "catalog_built": plan.built or "",
        "area": request.area.text,
        "datetime": "/".join(ends),
        "beams": request.strength or ", ".join(request.beams),
        "where": "; ".join(str(one) for one in plan.request.conditions),
        "good": good_text(releases[0]) if request.good and releases else "",
        **_of_siblings(request, passes),
        "granules_searched": plan.granules_searched,
        "granules_read": len(plan.granules) - len(read.failed),
        "passes_searched": sum(one.looked_at for one in plan.granules),
        "left_out": "; ".join(f"{granule} {error}" for granule, error in read.failed.items()),
        "history": f"made by catalog-builder {__version__}",
    }
    return {key: value for key, value in found.items() if value != "" or key == "left_out"}


def _summary(names: Sequence[GranuleName]) -> str:
    """What a reader sees first, in a line: the granules that were read, and their days."""
    if not names:
        return "no granule near the area"
    tracks, cycles = {name.rgt for name in names}, {name.cycle for name in names}
    days = sorted(f"{name.start:%Y-%m-%d}" for name in names)
    return (
        f"{_counted(len(names), 'granule')}, {_counted(len(tracks), 'track')}, "
        f"{_counted(len(cycles), 'cycle')}, {days[0]}/{days[-1]}"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _of_siblings(request: PhotonRequest, passes: Sequence[PassPhotons]) -> dict[str, Any]:
    """What classes mean, and how many photons the siblings have whose segment is missing."""
    found: dict[str, Any] = {}
    for name, variable in request.derived_variables.items():
        if "flag_values" in variable.attrs:
            labels = str(variable.attrs["flag_meanings"]).split()
            flags = zip(variable.attrs["flag_values"].tolist(), labels, strict=True)
            found[f"{name}_flags"] = ", ".join(f"{value} {label}" for value, label in flags)
    for one in passes:
        for key, value in one.attrs.items():
            if key.endswith("_without_segment"):
                found[key] = found.get(key, 0) + value
    return found
