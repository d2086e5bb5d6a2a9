"""Names of the siblings of a granule: of its track and cycle, cut as each product is."""

from __future__ import annotations

from typing import Final

BY_HEMISPHERE: Final = ("ATL07", "ATL07QL", "ATL10")
"""Products with ``-01`` (Arctic) or ``-02`` (Antarctic) in a name,"""
CUT_OTHERWISE: Final = (*BY_HEMISPHERE, "ATL13")
"""and all that are not cut by region."""


def sibling_name(
    atl03: str, product: str, *, revision: int | None = None, southern: bool = False
) -> str:
    """File name of the sibling of a granule; by default of the same revision.

    ATL24 has the release and revision of the ATL03 granule in its name, and then its own.
    """
    stem = atl03.removesuffix(".h5").removeprefix("ATL03_")
    if product in CUT_OTHERWISE:
        stem = f"{stem[:21]}01{stem[23:]}"  # of region 01
    if product == "ATL24":
        return f"ATL24_{stem}_002_{revision or 1:02d}.h5"
    if revision is not None:
        stem = f"{stem[:-2]}{revision:02d}"
    hemisphere = f"-{1 + southern:02d}" if product in BY_HEMISPHERE else ""
    return f"{product}{hemisphere}_{stem}.h5"
