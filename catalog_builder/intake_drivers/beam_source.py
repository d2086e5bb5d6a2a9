"""The intake source of one beam."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

from intake.source.base import DataSource, Schema

from catalog_builder._version import __version__
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.intake_drivers.arguments import (
    read_access,
    read_beam,
    read_box,
    read_catalog,
    read_location,
    read_names,
    read_period,
    read_references,
    read_text,
)
from catalog_builder.intake_drivers.catalog_entry import CatalogEntry
from catalog_builder.intake_drivers.representation import (
    html_table,
    shown_address,
)

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.beams.lazy import Chunks
    from catalog_builder.geo.window import Box


class BeamSource(CatalogEntry, DataSource):  # type: ignore[misc]  # intake has no types
    """One beam of one granule, as an xarray Dataset.

    The granule is named by ``granule``, its id in the ``catalog`` at that folder's path or URL,
    or by ``href``, an s3, https or local address that needs no catalog. ``storage_options`` are
    fsspec's for the catalog's own files; they are never used for the granule.

    ``beam`` is one of ``gt1l`` to ``gt3r``; ``variables`` a list of names, ``group/name`` for any
    dataset of the beam; ``bbox`` west, south, east, north in degrees; ``datetime`` a time or
    ``"A/B"``; ``access`` one of ``auto``, ``s3``, ``https``, ``local``; ``references`` the path
    or URL of the beam's reference set, where it is not the one that the catalog has, or False to
    read without; ``classes`` and ``heights`` names of what is added, as ``open_beam`` does. A
    login is looked for where the bytes are fetched, and goes to trusted hosts
    only, whatever the catalog says. In an entry of a YAML that was opened over the network,
    addresses lead to the network too; files of this machine are opened by the class itself, or by
    :func:`catalog_builder.opening.one_granule.open_beam`.
    """

    name = "atl03_beam"
    version = __version__
    container = "xarray"
    partition_access = True
    _ipython_display_ = None  # it would hide _repr_html_

    def __init__(
        self,
        catalog: Any = None,
        granule: Any = None,
        beam: Any = None,
        variables: Any = None,
        bbox: Any = None,
        datetime: Any = None,
        access: Any = None,
        href: Any = None,
        storage_options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        references: Any = None,
        classes: Any = None,
        heights: Any = None,
    ) -> None:
        super().__init__(storage_options=storage_options, metadata=dict(metadata or {}))
        self.catalog = read_catalog(catalog)
        self.granule = read_text("granule", granule)
        self.href = read_text("href", href)
        self.beam = read_beam(beam)
        self.variables = read_names("variables", variables)
        self.bbox = read_box("bbox", bbox)
        self.datetime = read_period("datetime", datetime)
        self.access = read_access(access)
        self.references = read_references(references)
        self.classes = read_names("classes", classes)
        self.heights = read_names("heights", heights)
        self._item: dict[str, Any] | None = None
        self._lazy: xr.Dataset | None = None

    def _checked_addresses(self, document: str | None) -> dict[str, Any]:
        references = self.references
        if isinstance(references, str):
            references = read_location(references, document) or None
        return {
            **super()._checked_addresses(document),
            "href": read_location(self.href, document),
            "references": references,
        }

    def read(self) -> xr.Dataset:
        """The beam in memory."""
        return self._open(self.bbox, self.datetime, chunks=None)

    def to_dask(self) -> xr.Dataset:
        """The beam in chunks that dask reads when they are needed, on whichever worker."""
        return self._open(self.bbox, self.datetime, chunks="auto")

    def _open(self, bbox: Box | None, datetime: str | None, chunks: Chunks) -> xr.Dataset:
        from catalog_builder.catalog.index.catalog_location import CatalogLocation

        location = (
            CatalogLocation.parse(self.catalog, self.storage_options) if self.catalog else None
        )
        with ThreadPoolExecutor(1, "open-beam") as thread:
            # The first time this takes as long as the request for the item.
            opening = thread.submit(import_module, "catalog_builder.opening.one_granule")
            item = self.href or self.load_item()
            opening.result()
        from catalog_builder.opening.one_granule import open_beam, open_lazy
        from catalog_builder.opening.resolve import resolve

        granule = resolve(item, location)
        asked: dict[str, Any] = {
            "variables": self.variables,
            "bbox": bbox,
            "datetime": datetime,
            "references": self.references,
            "access": self.access,
            "classes": self.classes,
            "heights": self.heights,
        }
        if chunks is None:
            return open_beam(granule, self.beam, **asked)
        return open_lazy(granule, self.beam, **asked, chunks=chunks)

    def configure_new(self, **changes: Any) -> BeamSource:
        """The same source with some arguments changed: ``src(beam="gt2r")``; None unsets one."""
        if self._entry is None:
            new = type(self)(
                *self._captured_init_args, **{**self._captured_init_kwargs, **changes}
            )
            new.name, new.description, new.cat = self.name, self.description, self.cat
            new._item = self._item if new.granule == self.granule else None
            return new
        arguments = {
            key: value
            for key, value in self._captured_init_kwargs.items()
            if key in self._passed_kwargs
        }
        arguments.update(changes)
        # An argument that is None is left out: intake would hand over its template instead.
        named = {key: value for key, value in arguments.items() if value is not None}
        source: BeamSource = self._entry(**named)
        return source

    __call__ = get = configure_new

    def load_item(self) -> dict[str, Any]:
        """The granule's STAC Item, read from the catalog once."""
        if self.catalog is None or self.granule is None:
            raise ValueError(
                "No granule is named: give the id of one in this catalog, as in "
                'cat.beam(granule="ATL03_20181014031924_02370102_007_01", beam="gt1l"). '
                "cat.granules.search(...) finds ids."
            )
        if self._item is None:
            self._item = find_item(
                self.catalog, self.granule, storage_options=self.storage_options
            )
        return self._item

    def _get_schema(self) -> Schema:
        """Names, types and sizes, without reading a photon.

        Of a beam that a ``bbox`` or ``datetime`` cuts, the number of photons is None and there is
        one partition: only reading tells how many are inside.
        """
        whole = self._open(None, None, chunks="auto")
        sizes: dict[str, int | None] = {str(name): size for name, size in whole.sizes.items()}
        partitions = len(whole.chunksizes["photon"])
        if self._is_cut:
            sizes["photon"], partitions = None, 1
        return Schema(
            dtype={str(name): array.dtype for name, array in whole.variables.items()},
            shape=sizes,
            npartitions=partitions,
            extra_metadata=dict(whole.attrs),
        )

    @property
    def _is_cut(self) -> bool:
        return self.bbox is not None or self.datetime is not None

    def _get_partition(self, i: int) -> xr.Dataset:
        """The photons of the i-th dask chunk, in memory; of a beam that is cut, all of them."""
        if self._is_cut:
            return self.read()
        if self._lazy is None:
            self._lazy = self.to_dask()
        sizes = self._lazy.chunksizes["photon"]
        start = sum(sizes[:i])
        return self._lazy.isel(photon=slice(start, start + sizes[i])).load()

    def _close(self) -> None:
        self._schema = self._lazy = None

    def __repr__(self) -> str:
        shown = {key: value for key, value in self._shown().items() if value is not None}
        return f"<{self.name}: {', '.join(f'{key}={value!r}' for key, value in shown.items())}>"

    def _repr_html_(self) -> str:
        return html_table("ATL03 beam", self._shown().items(), "read() · to_dask() · discover()")

    def _shown(self) -> dict[str, Any]:
        return {
            "granule": shown_address(self.href or self.granule),
            "beam": self.beam,
            "variables": self.variables,
            "bbox": self.bbox,
            "datetime": self.datetime,
            "references": shown_address(self.references),
            "classes": self.classes,
            "heights": self.heights,
            "access": None if self.access == "auto" else self.access,
            "catalog": None if self.href else shown_address(self.catalog),
        }
