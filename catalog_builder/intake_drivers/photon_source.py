"""The intake source of the photons of an area."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from intake.source.base import DataSource, Schema

from catalog_builder._version import __version__
from catalog_builder.intake_drivers.arguments import (
    read_access,
    read_area_argument,
    read_box,
    read_catalog,
    read_conditions_argument,
    read_names,
    read_period,
    read_text,
)
from catalog_builder.intake_drivers.catalog_entry import CatalogEntry
from catalog_builder.intake_drivers.representation import (
    html_table,
    shown_address,
)

if TYPE_CHECKING:
    import xarray as xr


class PhotonSource(CatalogEntry, DataSource):  # type: ignore[misc]  # intake has no types
    """The photons of an area, of all granules of the ``catalog`` at that folder's path or URL.

    ``bbox`` is west, south, east, north in degrees, ``area`` polygons (GeoJSON, shapely, a
    GeoDataFrame, or the path of a file): one of the two is needed. ``datetime``, ``beams``,
    ``variables``, ``where``, ``release``, ``classes``, ``heights`` and ``access`` are those of
    :func:`~catalog_builder.photons.open_photons.open_photons`. ``storage_options`` are fsspec's
    for the catalog's own files; they are never used for granules.
    """

    name = "atl03_photons"
    version = __version__
    container = "xarray"
    partition_access = False
    _ipython_display_ = None  # it would hide _repr_html_

    def __init__(
        self,
        catalog: Any = None,
        area: Any = None,
        bbox: Any = None,
        datetime: Any = None,
        beams: Any = None,
        variables: Any = None,
        where: Any = None,
        release: Any = None,
        access: Any = None,
        storage_options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        classes: Any = None,
        heights: Any = None,
    ) -> None:
        super().__init__(storage_options=storage_options, metadata=dict(metadata or {}))
        self.catalog = read_catalog(catalog)
        self.area = read_area_argument("area", area)
        self.bbox = read_box("bbox", bbox)
        self.datetime = read_period("datetime", datetime)
        self.beams = read_names("beams", beams)
        self.variables = read_names("variables", variables)
        self.where = read_conditions_argument("where", where)
        self.release = read_text("release", release)
        self.access = read_access(access)
        self.classes = read_names("classes", classes)
        self.heights = read_names("heights", heights)

    def read(self) -> xr.Dataset:
        """The photons in memory."""
        from catalog_builder.photons.open_photons import open_photons

        return open_photons(self._index(), **self._asked())

    def to_dask(self) -> xr.Dataset:
        """The photons in chunks that dask reads when they are needed, on whichever worker."""
        from catalog_builder.photons.open_photons import open_photons

        return open_photons(self._index(), **self._asked(), chunks="auto")

    def _index(self) -> Any:
        from catalog_builder.catalog.index.item_index import ItemIndex

        if self.catalog is None:
            raise ValueError("catalog must be the path or URL of a published catalog's folder.")
        return ItemIndex.open(self.catalog, storage_options=self.storage_options)

    def _asked(self) -> dict[str, Any]:
        if (self.area is None) == (self.bbox is None):
            raise ValueError(
                "Name the area by one of area and bbox, as in "
                "cat.photons(bbox=[-134.6, 58.4, -134.4, 58.5])."
            )
        return {
            "area": self.bbox if self.area is None else self.area,
            "datetime": self.datetime,
            "beams": self.beams,
            "variables": self.variables,
            "where": self.where,
            "release": self.release,
            "access": self.access,
            "classes": self.classes,
            "heights": self.heights,
        }

    def _get_schema(self) -> Schema:
        """What reading takes, by the plan; no photon is read, and how many stay is not known."""
        from catalog_builder.photons.open_photons import plan_photons

        plan = plan_photons(self._index(), **self._asked())
        return Schema(
            dtype=None,
            shape={"photon": None, "track_pass": None},
            npartitions=1,
            extra_metadata={
                "granules": len(plan.granules),
                "passes": plan.passes,
                "requests": plan.requests,
                "bytes": plan.bytes,
                "photons_at_most": plan.photons,
                "granules_without_references": plan.without_references,
            },
        )

    def _get_partition(self, i: int) -> xr.Dataset:  # noqa: ARG002  (there is one)
        return self.read()

    def _close(self) -> None:
        self._schema = None

    def configure_new(self, **changes: Any) -> PhotonSource:
        """The same source with some arguments changed; None unsets one."""
        known = {**self._captured_init_kwargs, **changes}
        new = type(self)(*self._captured_init_args, **known)
        new.name, new.description, new.cat = self.name, self.description, self.cat
        return new

    __call__ = get = configure_new

    def __repr__(self) -> str:
        shown = {key: value for key, value in self._shown().items() if value is not None}
        return f"<{self.name}: {', '.join(f'{key}={value!r}' for key, value in shown.items())}>"

    def _repr_html_(self) -> str:
        return html_table("ATL03 photons", self._shown().items(), "read() · to_dask()")

    def _shown(self) -> dict[str, Any]:
        return {
            "area": None if self.area is None else f"{self.area!r:.80}",
            "bbox": self.bbox,
            "datetime": self.datetime,
            "beams": self.beams,
            "variables": self.variables,
            "where": self.where,
            "release": self.release,
            "classes": self.classes,
            "heights": self.heights,
            "access": None if self.access == "auto" else self.access,
            "catalog": shown_address(self.catalog),
        }
