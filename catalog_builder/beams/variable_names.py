"""Names that variables of a beam have in its Dataset, and what the derived ones are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from catalog_builder.beams.read.beam_reader import SURFACE_TYPE, Variable
from catalog_builder.beams.requested_variables import X_ATC
from catalog_builder.products.atl03 import PHOTON_GROUP

SEGMENT_INDEX: Final = "segment_index"

X_ATC_ATTRS: Final = {
    "units": "meters",
    "long_name": "Along-track distance from the equator crossing",
    "description": "segment_dist_x of the photon's segment + dist_ph_along; NaN in no segment",
}
SEGMENT_INDEX_ATTRS: Final = {
    "long_name": "Place of the photon's segment along dimension segment",
    "description": "ds.geoid[ds.segment_index] is the geoid at every photon; -1 in no segment",
}


def variable_names(variables: Sequence[Variable], photon_names: Iterable[str]) -> list[str]:
    """Name of each in the Dataset: its own where that is unique, else ``group_name``.

    ``photon_names`` are those of all datasets of ``heights``.
    """
    last = [variable.path.rpartition("/")[2] for variable in variables]
    times = Counter(last)
    taken = {*photon_names, X_ATC, SEGMENT_INDEX, SURFACE_TYPE}
    names = []
    for variable, name in zip(variables, last, strict=True):
        group = variable.path.rpartition("/")[0]
        unclear = times[name] > 1 or "/" in group or name in taken
        whole = unclear and group != PHOTON_GROUP
        names.append(variable.path.replace("/", "_") if whole else name)
    return names
