"""Checks the files beside the root catalog: ``catalog.yml``, the page and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from catalog_builder.catalog.stac.layout import CATALOG_YML, PAGE, REPORT
from catalog_builder.catalog.stac.web_page import is_our_page, is_whole_page
from catalog_builder.errors import CatalogError, CatalogNotFoundError

if TYPE_CHECKING:
    from catalog_builder.catalog.index.catalog_location import CatalogLocation
    from catalog_builder.catalog.verify.page_walk import PageWalk
    from catalog_builder.catalog.verify.problems import Problems

_OLDER: Final = {"beam": "atl03_beam", "granules": "atl03_granules"}
"""Entries of builds before 0.3."""

_DRIVERS: Final = {**_OLDER, "photons": "atl03_photons"}


def check_intake_catalog(location: CatalogLocation, problem: Problems) -> None:
    """Check that ``catalog.yml`` is an intake catalog with the entries of a build."""
    import yaml

    try:
        catalog = yaml.safe_load(location.read(CATALOG_YML))
        drivers = {name: entry["driver"] for name, entry in catalog["sources"].items()}
    except CatalogError as error:
        problem(CATALOG_YML, str(error))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        problem(CATALOG_YML, f"is not an intake catalog: {error!r}")
    else:
        if drivers not in (_DRIVERS, _OLDER):
            problem(CATALOG_YML, f"has the entries {drivers}, not {_DRIVERS}")


def check_web_page(location: CatalogLocation, problem: Problems) -> None:
    """Check the page for people. It may be missing, as in older catalogs, or be a user's own."""
    try:
        body = location.read(PAGE)
    except CatalogNotFoundError:
        return
    except CatalogError as error:
        problem(PAGE, str(error))
        return
    if is_our_page(body) and not is_whole_page(body):
        problem(PAGE, "is damaged: browsers refuse its script. The next build mends it")


def check_build_report(walk: PageWalk, rows: int, problem: Problems) -> None:
    """Check the number of items in the report; ``rows`` is the number of rows in the index."""
    report = walk.read(REPORT, linked_by=None)
    if report is None:
        return
    items = len(walk.items) if walk.has_item_pages else rows
    if report.get("items") != items:
        where = "the pages link to" if walk.has_item_pages else "the index has"
        problem(REPORT, f"states {report.get('items')} items; {where} {items}")
