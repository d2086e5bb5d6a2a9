"""Reads the names of the granules that CMR lists for a collection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.cmr.umm_g import granule_ur
from catalog_builder.catalog.compare.granule_names import NameList
from catalog_builder.catalog.stac.granule import parse_umm
from catalog_builder.errors import ProductError, RecordError
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.progress import Progress, Reporter

_DATA_LINKS = ("GET DATA", "GET DATA VIA DIRECT ACCESS")


class CmrNames(NameList):
    """Names of the granules that CMR lists for one collection and a definition."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = 0
        """Records that CMR listed."""

    def read(
        self,
        definition: Definition,
        client: CmrClient,
        concept_id: str,
        *,
        where: str,
        progress: Reporter | None,
    ) -> None:
        """Read all records; ``where`` names this side in progress messages."""

        def report(step: Progress) -> None:
            if progress is not None:
                progress(replace(step, stage=f"{step.stage}, {where}"))

        box = definition.bounding_box
        listing = client.granules(GranuleQuery.of(definition, concept_id), progress=report)
        for record in listing:
            try:
                name = granule_name(record)
            except RecordError as error:
                self.leave_out(granule_ur(record), str(error))
                continue
            if name.product.short_name != definition.short_name:
                self.leave_out(granule_ur(record), f"{name.id} is of another product.")
                continue
            try:
                self.add(name, inside=box is None or parse_umm(record).footprint.meets(box))
            except RecordError as error:  # it exists, but its footprint is unknown
                self.add(name, inside=None)
                self.leave_out(granule_ur(record), str(error))
        self.listed = listing.read


def granule_name(record: Mapping[str, Any]) -> GranuleName:
    """Name of a record's granule, from its link to the data, for any provider.

    On-premises records have the name nowhere else. Raises
    :class:`~catalog_builder.errors.RecordError`.
    """
    try:
        urls = [
            link["URL"]
            for kind in _DATA_LINKS
            for link in record["umm"]["RelatedUrls"]
            if link.get("Type") == kind and link["URL"].endswith(".h5")
        ]
        return GranuleName.parse(urls[0])
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise RecordError("The record has no link to its data (.h5).") from error
    except ProductError as error:
        raise RecordError(str(error)) from error
