"""The preset ``good=True``: which photons are good, in each release.

A photon is good whose quality is nominal, or which is real though the detector was saturated by
the pulse (release 007 alone tells those, as 10 and 20: partly and fully saturated); of a segment
whose orbit and pointing are nominal, outside calibration scans; which no surface type takes for
an echo of the transmitter (TEP); and whose granule does not begin while the spacecraft turns
round. Source: the flags' own descriptions in the files, and the ATL03 user guides of releases 006
and 007, https://nsidc.org/data/atl03.
"""

from __future__ import annotations

from typing import Final

from catalog_builder.beams.columns.conditions import Condition, parse_where
from catalog_builder.products.atl03 import SURFACE_TYPES

QUALITY: Final = {"007": (0, 10, 20)}
"""``quality_ph`` of good photons by release; nominal alone in all others."""

TRANSITION: Final = 2
"""``sc_orient`` while the spacecraft turns round, when no beam is known to be strong."""

_TEP: Final = -2
"""``signal_conf_ph`` of a photon that may be of the transmitter echo path."""


def good_conditions(release: str) -> tuple[Condition, ...]:
    """What all good photons of a release meet, ``sc_orient`` aside."""
    return parse_where(
        {
            "quality_ph": list(QUALITY.get(release, (0,))),
            "geolocation/podppd_flag": 0,
            "signal_conf_ph": dict.fromkeys(SURFACE_TYPES, ("!=", _TEP)),
        }
    )


def good_text(release: str) -> str:
    """The terms in words, for the attributes of a Dataset."""
    quality = list(QUALITY.get(release, (0,)))
    return (
        f"quality_ph in {quality}; geolocation/podppd_flag == 0; signal_conf_ph != {_TEP} of each "
        f"surface type; orbit_info/sc_orient != {TRANSITION}"
    )
