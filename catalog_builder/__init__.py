"""Find and open ICESat-2 ATL03 photons in the cloud.

:func:`search` asks NASA's CMR for the granules of a place and a time; :func:`build` writes a
static STAC catalog of them, and :func:`open_index` searches one. :func:`open_beam`,
:func:`open_granule` and :func:`open_photons` open what was found as xarray. Names are loaded when
they are first used: importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from catalog_builder._version import __version__ as __version__

if TYPE_CHECKING:
    from catalog_builder.catalog.build.build import build
    from catalog_builder.catalog.build.report import BuildReport
    from catalog_builder.catalog.compare.comparison import compare
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.catalog.granule_list import GranuleList
    from catalog_builder.catalog.granule_search import collections, search
    from catalog_builder.catalog.index.item_index import ItemIndex, open_index
    from catalog_builder.catalog.verify.checks import verify
    from catalog_builder.errors import CatalogBuilderError
    from catalog_builder.indexing.index_catalog import index_catalog
    from catalog_builder.opening.many_granules import open_beams
    from catalog_builder.opening.one_granule import open_beam, open_granule, open_references
    from catalog_builder.photons.open_photons import open_photons, plan_photons
    from catalog_builder.photons.tables.photon_table import photons_to_geodataframe
    from catalog_builder.photons.writing.photon_files import write_photons
    from catalog_builder.plot.passes_plot import plot_photons
    from catalog_builder.plot.profile import plot_beam
    from catalog_builder.products.granule_name import GranuleName

__all__ = [
    "BuildReport",
    "CatalogBuilderError",
    "Definition",
    "GranuleList",
    "GranuleName",
    "ItemIndex",
    "build",
    "collections",
    "compare",
    "index_catalog",
    "open_beam",
    "open_beams",
    "open_granule",
    "open_index",
    "open_photons",
    "open_references",
    "photons_to_geodataframe",
    "plan_photons",
    "plot_beam",
    "plot_photons",
    "search",
    "verify",
    "write_photons",
]

_HOMES: Final = {
    "BuildReport": "catalog.build.report",
    "CatalogBuilderError": "errors",
    "Definition": "catalog.definition",
    "GranuleList": "catalog.granule_list",
    "GranuleName": "products.granule_name",
    "ItemIndex": "catalog.index.item_index",
    "build": "catalog.build.build",
    "collections": "catalog.granule_search",
    "compare": "catalog.compare.comparison",
    "index_catalog": "indexing.index_catalog",
    "open_beam": "opening.one_granule",
    "open_beams": "opening.many_granules",
    "open_granule": "opening.one_granule",
    "open_index": "catalog.index.item_index",
    "open_photons": "photons.open_photons",
    "open_references": "opening.one_granule",
    "photons_to_geodataframe": "photons.tables.photon_table",
    "plan_photons": "photons.open_photons",
    "plot_beam": "plot.profile",
    "plot_photons": "plot.passes_plot",
    "search": "catalog.granule_search",
    "verify": "catalog.verify.checks",
    "write_photons": "photons.writing.photon_files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
