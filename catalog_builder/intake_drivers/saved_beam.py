"""The intake source of a beam that was saved on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from intake.source.base import DataSource, Schema

from catalog_builder._version import __version__
from catalog_builder.errors import CatalogError
from catalog_builder.extras import needing
from catalog_builder.intake_drivers.arguments import read_location, read_text
from catalog_builder.intake_drivers.catalog_entry import CatalogEntry
from catalog_builder.intake_drivers.representation import html_table, shown_address
from catalog_builder.plain_text import visible

if TYPE_CHECKING:
    import xarray as xr

_AS_SAVED: Final[dict[str, Any]] = {"engine": "h5netcdf", "mask_and_scale": False}


class SavedBeam(CatalogEntry, DataSource):  # type: ignore[misc]  # intake has no types
    """A beam as :func:`catalog_builder.saving.save_beam` wrote it: the NetCDF file ``urlpath``.

    Its arguments are those of intake-xarray's ``netcdf``, so that an entry may name both: that one
    opens the file where this package is not installed, and this one where that is not.
    ``read()`` gives the Dataset that was saved, bit for bit. In a YAML that was opened over the
    network no file of this machine may be named.
    """

    name = "atl03_saved"
    version = __version__
    container = "xarray"
    _ipython_display_ = None  # it would hide _repr_html_

    def __init__(
        self,
        urlpath: Any = None,
        xarray_kwargs: Mapping[str, Any] | None = None,
        path_as_pattern: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        del xarray_kwargs, path_as_pattern  # what save_beam writes is opened in one way
        super().__init__(metadata=dict(metadata or {}))
        self.catalog = None
        self.urlpath = read_text("urlpath", urlpath)

    def _checked_addresses(self, document: str | None) -> dict[str, Any]:
        return {"catalog": None, "urlpath": read_location(self.urlpath, document)}

    def read(self) -> xr.Dataset:
        """The beam in memory. Raises FileNotFoundError where the file is gone."""
        with self._open() as dataset:
            return dataset.load()

    def to_dask(self) -> xr.Dataset:
        """The beam in dask arrays, in the chunks of the file, which stays open."""
        with needing("dask", "to_dask()"):
            import dask  # noqa: F401  # xarray imports it
        return self._open(chunks={})

    def _open(self, **options: Any) -> xr.Dataset:
        import xarray as xr

        if self.urlpath is None:
            raise CatalogError("No file is named: give the path of a beam that was saved.")
        return xr.open_dataset(self.urlpath, **_AS_SAVED, **options)

    def _get_schema(self) -> Schema:
        """Names, types and sizes, without reading a photon."""
        with self._open() as dataset:
            return Schema(
                dtype={str(name): array.dtype for name, array in dataset.variables.items()},
                shape={str(name): size for name, size in dataset.sizes.items()},
                npartitions=1,
                extra_metadata=dict(dataset.attrs),
            )

    def __repr__(self) -> str:
        return visible(f"<{self.name}: {shown_address(self.urlpath)}>")

    def _repr_html_(self) -> str:
        rows = [("file", shown_address(self.urlpath)), *self.metadata.items()]
        return html_table("Saved ATL03 beam", rows, "read() · to_dask() · discover()")
