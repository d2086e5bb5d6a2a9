"""What an ATL03 granule is: its name, its beams, its groups and variables.

Facts of the product alone: nothing here reads a file. Source, unless said otherwise: ICESat-2
ATL03 Algorithm Theoretical Basis Document and User Guide, https://nsidc.org/data/atl03.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final, Literal, TypeGuard, get_args

from catalog_builder.errors import BeamNotFoundError

Beam = Literal["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
Strength = Literal["strong", "weak"]

BEAMS: Final[tuple[Beam, ...]] = get_args(Beam)
"""Ground tracks from left to right in the direction of flight."""

EPOCH: Final = datetime(2018, 1, 1, tzinfo=UTC)
"""Zero of ``delta_time``: the ATLAS Standard Data Product epoch (1,198,800,018 GPS seconds)."""

PHOTON_GROUP: Final = "heights"
"""The group of one value per photon."""

SEGMENT_GROUPS: Final = ("geolocation", "geophys_corr")
"""The groups of one value per segment of about 20 m along track."""

INDEX_BEG: Final = "geolocation/ph_index_beg"
"""Path within a beam: the 1-based number of each segment's first photon."""

COUNT: Final = "geolocation/segment_ph_cnt"
"""Path within a beam: how many photons each segment holds."""

DISTANCE: Final = "geolocation/segment_dist_x"
"""Path within a beam: metres along track where each segment starts."""

SURFACE_TYPES: Final = ("land", "ocean", "sea_ice", "land_ice", "inland_water")
"""Meaning of the five columns of ``signal_conf_ph`` and ``surf_type``, in order."""

DEFAULT_VARIABLES: Final = (
    "h_ph",
    "lat_ph",
    "lon_ph",
    "delta_time",
    "dist_ph_along",
    "signal_conf_ph",
)
"""What a beam is opened with unless the caller names variables."""

VARIABLES: Final[dict[str, tuple[str, str]]] = {
    "h_ph": ("m", "height of the photon above the WGS 84 ellipsoid (ITRF2014)"),
    "lat_ph": ("degrees_north", "latitude of the photon"),
    "lon_ph": ("degrees_east", "longitude of the photon"),
    "delta_time": ("seconds since 2018-01-01", "time of the transmit pulse"),
    "dist_ph_along": ("m", "distance of the photon along track from the start of its segment"),
    "dist_ph_across": ("m", "distance of the photon across track from the reference track"),
    "signal_conf_ph": (
        "1",
        "confidence that the photon is signal, by surface type: -2 possible TEP, "
        "-1 not considered, 0 noise, 1 buffer, 2 low, 3 medium, 4 high",
    ),
    "quality_ph": ("1", "quality of the photon: 0 nominal, others flag an instrument effect"),
    "weight_ph": ("1", "weight of the photon from the density of its neighbours, 0 to 255"),
}
"""Units and meaning of the main photon-rate variables."""


def reference_frame(release: str) -> str:
    """In which frame a release gives places: ``ITRF2014`` up to 006, ``ITRF2020`` from 007 on.

    Source: "What's new" of each version, https://nsidc.org/data/atl03.
    """
    return "ITRF2014" if release < "007" else "ITRF2020"


def is_beam(text: str) -> TypeGuard[Beam]:
    """Whether this is the name of one of the six beams."""
    return text in BEAMS


def beam_named(text: object) -> Beam:
    """The beam of this name, in any case: ``GT2R`` is ``gt2r``.

    Raises :class:`~catalog_builder.errors.BeamNotFoundError` where there is none.
    """
    name = text.strip().lower() if isinstance(text, str) else ""
    for beam in BEAMS:
        if name == beam:
            return beam
    several = " One beam is opened at a time." if isinstance(text, (list, tuple)) else ""
    near = get_close_matches(name, BEAMS, 1, 0.7) if name else []
    meant = f" Did you mean {near[0]}?" if near else ""
    raise BeamNotFoundError(
        f"There is no beam {text!r}: beams are {', '.join(BEAMS)}.{meant}{several}"
    )


def beams_named(texts: Iterable[object] | str) -> list[Beam]:
    """As :func:`beam_named`, each once; one text is one beam."""
    names = [texts] if isinstance(texts, str) else texts
    return list(dict.fromkeys(map(beam_named, names)))


def strength(beam: Beam, sc_orient: int) -> Strength | None:
    """Strength of a beam by ``orbit_info/sc_orient``: 0 backward, 1 forward, 2 transition.

    The left beam of each pair is strong when the spacecraft flies backward, the right one when it
    flies forward; in transition it is not defined (None).
    """
    if sc_orient not in (0, 1):
        return None
    strong_side = "r" if sc_orient == 1 else "l"
    return "strong" if beam.endswith(strong_side) else "weak"


def spot(beam: Beam, sc_orient: int) -> int | None:
    """ATLAS spot number, 1 to 6 (odd ones are strong), of a beam by ``sc_orient``."""
    if sc_orient not in (0, 1):
        return None
    place = BEAMS.index(beam) + 1
    return 7 - place if sc_orient == 1 else place
