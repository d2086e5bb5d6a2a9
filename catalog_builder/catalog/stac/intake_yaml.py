"""``catalog.yml``: the intake catalog that goes with a published folder.

Intake's version 1, which works whole on intake 2 and on 0.7. It says nothing that a server could
misuse: no environment is read, no secret is in it, and no text of a record: the drivers look
granules up in the index by themselves.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from catalog_builder.catalog.definition import Definition

# Every parameter stands in args: intake drops one that does not. The quoted braces are intake's.
_CARD: Final = """\
# Made by catalog-builder. Opening an intake catalog runs code that its author chose:
# open those of people you trust.
metadata:
  version: 1
  title: @TITLE@
  description: @DESCRIPTION@
sources:
  beam:
    description: One ground-track beam of one ATL03 granule, as an xarray Dataset.
    driver: atl03_beam
    args:
      catalog: "{{ CATALOG_DIR }}"
      granule: "{{ granule }}"
      beam: "{{ beam }}"
      variables: "{{ variables }}"
      bbox: "{{ bbox }}"
      datetime: "{{ datetime }}"
      access: "{{ access }}"
      references: "{{ references }}"
    parameters:
      granule:
        description: Id of the granule, its file name without .h5.
        type: str
        default: ""
      beam:
        description: gt1l, gt1r, gt2l, gt2r, gt3l or gt3r.
        type: str
        default: gt1l
      variables:
        description: List of variables; group/name for any dataset of the beam.
        type: str
        default: ""
      bbox:
        description: West, south, east, north, degrees; west > east crosses the antimeridian.
        type: str
        default: ""
      datetime:
        description: A time, or an interval A/B; an open end is two dots.
        type: str
        default: ""
      access:
        description: auto (S3 where it answers, else HTTPS), s3, https or local.
        type: str
        default: auto
      references:
        description: Path or URL of other beam references than this catalog's; False for none.
        type: str
        default: ""
  granules:
    description: The granules, searched by box, polygon, time, track, cycle, region and more.
    driver: atl03_granules
    args:
      catalog: "{{ CATALOG_DIR }}"
"""


def card(definition: Definition) -> str:
    """Text of the card. A JSON string is a YAML string too, whatever is in it."""
    title = json.dumps(definition.title)
    description = json.dumps(definition.description or definition.title)
    return _CARD.replace("@TITLE@", title).replace("@DESCRIPTION@", description)
