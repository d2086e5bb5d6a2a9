"""Openers of a granule by this package: with references, without, and the planned reads alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.granules import BEAM, CATALOG, PHOTONS, WINDOW, Granule
from benchmarks.reader import (
    FOUR,
    FRAME,
    HEIGHTS,
    PUBLISHED,
    REFERENCES,
    Arrays,
    Reader,
    Rows,
    catalog_href,
    endpoint,
    s3_href,
)

if TYPE_CHECKING:
    import xarray as xr


def arrays_of(dataset: xr.Dataset, paths: Sequence[str]) -> Arrays:
    """What a Dataset has of these paths, and the coordinates of its photons."""
    along = [name for name, one in dataset.coords.items() if "photon" in one.dims]
    return {
        f"{HEIGHTS}/{name}": values.values
        for name, values in dataset.variables.items()
        if f"{HEIGHTS}/{name}" in paths or name in along
    }


class _OurReader:
    """Through :func:`catalog_builder.open_beam`: coordinates and time come along."""

    def __init__(self, granule: Granule, *, references: bool) -> None:
        assets = {"data": {"href": s3_href(granule)}}
        properties = {}
        if references:
            assets["references"] = {"href": catalog_href(granule.on_catalog(REFERENCES))}
            frame = json.loads(granule.on_catalog(FRAME).read_bytes())
            properties["icesat2:beams"] = {BEAM: {"photons": PHOTONS, "references": frame}}
        self._item = {"id": granule.id, "properties": properties, "assets": assets}

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        assert rows is None
        return self._arrays(paths)

    def window(self) -> Arrays:
        return self._arrays(FOUR, bbox=WINDOW)

    def _arrays(self, paths: Sequence[str], **options: Any) -> Arrays:
        from catalog_builder import open_beam

        names = [path.removeprefix(f"{HEIGHTS}/") for path in paths]
        return arrays_of(open_beam(self._item, BEAM, names, **options), paths)

    def first_dataset(self) -> Any:
        from catalog_builder.opening.one_granule import open_lazy

        names = [path.removeprefix(f"{HEIGHTS}/") for path in FOUR]
        return open_lazy(self._item, BEAM, names)


@contextmanager
def ours(granule: Granule) -> Iterator[Reader]:
    """``open_beam`` with the references that the item's asset names."""
    yield _OurReader(granule, references=True)


@contextmanager
def ours_without(granule: Granule) -> Iterator[Reader]:
    """``open_beam`` through h5py."""
    yield _OurReader(granule, references=False)


class _CatalogReader(_OurReader):
    """Through intake, from ``cat.beam`` on: the item and the references come first."""

    def __init__(self, granule: Granule) -> None:
        self._granule = granule

    def _arrays(self, paths: Sequence[str], **options: Any) -> Arrays:
        names = [path.removeprefix(f"{HEIGHTS}/") for path in paths]
        source = open_catalog().beam(
            granule=self._granule.id, beam=BEAM, variables=names, **options
        )
        dataset = source.read()
        return {f"{HEIGHTS}/{name}": dataset.variables[name].values for name in names}


@cache
def open_catalog() -> Any:
    """The published catalog; opened before anything is measured."""
    import intake

    return intake.open_catalog(f"{endpoint()}/{CATALOG}/{PUBLISHED}/catalog.yml")


@contextmanager
def ours_by_catalog(granule: Granule) -> Iterator[Reader]:
    """The entry ``beam`` of an intake catalog that is open already."""
    yield _CatalogReader(granule)


class _PlannedReader:
    """The arrays alone, as the peers read them: no coordinates, no time decoded."""

    def __init__(self, granule: Granule) -> None:
        self._granule = granule
        self._references = catalog_href(granule.on_catalog(REFERENCES))

    def read(self, paths: Sequence[str], rows: Rows = None) -> Arrays:
        from catalog_builder.beams.read.fetch import read_planned
        from catalog_builder.beams.read.plan import plan_reads
        from catalog_builder.beams.read.row_slices import RowSlices
        from catalog_builder.beams.references.frames import Frame
        from catalog_builder.beams.storage.links import GranuleLinks
        from catalog_builder.opening.reference_cache import ReferencePlace, load_frames

        assert rows is None
        place = ReferencePlace.of_address(self._references)
        frame = Frame.parse(json.loads(self._granule.on_catalog(FRAME).read_bytes()))
        references = load_frames(place, {BEAM: frame})[BEAM]
        whole = {path: RowSlices.whole(references.datasets[path].shape[0]) for path in paths}
        plan = plan_reads(references, whole)
        return read_planned(GranuleLinks(s3=s3_href(self._granule)), plan, "s3")

    def window(self) -> Arrays:
        raise NotImplementedError

    def first_dataset(self) -> Any:
        raise NotImplementedError


@contextmanager
def ours_arrays(granule: Granule) -> Iterator[Reader]:
    """The planned reads below ``open_beam``: whole arrays only."""
    yield _PlannedReader(granule)
