"""What an ATL03 granule is: its name, its beams, its groups and variables.

Facts of the product alone: nothing here reads a file. Source, unless said otherwise: ICESat-2
ATL03 Algorithm Theoretical Basis Document and User Guide, https://nsidc.org/data/atl03.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final, Literal, TypeGuard, get_args

from catalog_builder.errors import BeamNotFoundError, NotATL03Error

Beam = Literal["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
Strength = Literal["strong", "weak"]
OrbitState = Literal["ascending", "descending", "crossing"]

BEAMS: Final[tuple[Beam, ...]] = get_args(Beam)
"""Ground tracks from left to right in the direction of flight."""

EPOCH: Final = datetime(2018, 1, 1, tzinfo=UTC)
"""Zero of ``delta_time``: the ATLAS Standard Data Product epoch (1,198,800,018 GPS seconds)."""

TRACKS: Final = 1387
"""Reference ground tracks (rgt) in one 91-day cycle."""

REGIONS: Final = 14
"""Regions that one revolution is cut into."""

REGION_MIDDLES: Final = (13, 43, 70, 90, 110, 137, 167, 193, 218, 245, 270, 295, 322, 347)
"""Degrees of flight since the ascending node, rounded, at the middle of regions 1 to 14.

The cuts lie at the equator, 27°, 59.5° and 80° north, 27°, 50° and 79° south.
"""

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

_ASCENDING_REGIONS = frozenset({1, 2, 3, 12, 13, 14})
_DESCENDING_REGIONS = frozenset({5, 6, 7, 8, 9, 10})

ID_PATTERN: Final = r"ATL03_\d{14}_\d{8}_\d{3}_\d{2}"
"""A regular expression that the form of an id matches; its numbers may still be impossible."""

ID_DATE: Final = slice(6, 14)
"""Where an id has its date, ``20181014``. Slices of ids serve columns of them in Arrow and NumPy;
one id is read by :meth:`GranuleName.parse`."""

ID_CYCLE: Final = slice(25, 27)
"""Where an id has its cycle, ``01``."""

ID_STEM: Final = slice(0, 33)
"""Where an id has what all revisions of a granule in one release share: all but ``_01``."""

_NAME = re.compile(
    r"ATL03_(?P<day>\d{8})(?P<time>\d{6})_(?P<rgt>\d{4})(?P<cycle>\d{2})(?P<region>\d{2})"
    r"_(?P<release>\d{3})_(?P<revision>\d{2})(?![0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleName:
    """A granule's file name, read: ``ATL03_[yyyymmddhhmmss]_[ttttccrr]_[vvv]_[rr].h5``."""

    start: datetime
    """Start of the granule, UTC, whole seconds; the data may begin some seconds off."""
    rgt: int
    """Reference ground track, 1 to 1387."""
    cycle: int
    """91-day repeat cycle, from 1."""
    region: int
    """Part of the revolution, 1 to 14; 4 and 11 hold the turns at 88° north and south."""
    release: str
    """Release of the product, three digits: ``007``."""
    revision: int
    """Revision of this granule within its release, from 1."""

    @classmethod
    def parse(cls, text: str) -> GranuleName:
        """Read the name at the start of the last part of a path, URL or file name.

        What follows the name (``.h5``, a subsetter's suffix) does not matter. Raises
        :class:`~catalog_builder.errors.NotATL03Error` where there is no such name, or where one
        of its numbers cannot be.
        """
        path = text.partition("?")[0].rstrip("/").replace("\\", "/")
        last = path.rpartition("/")[2]
        match = _NAME.match(last)
        if match is None:
            raise NotATL03Error(
                f"{last!r} is not the name of an ATL03 granule: expected "
                "ATL03_[yyyymmddhhmmss]_[ttttccrr]_[vvv]_[rr].h5."
            )
        day, time, *numbers, release, revision = match.groups()
        rgt, cycle, region = map(int, numbers)
        try:
            start = datetime.fromisoformat(f"{day}T{time}Z")
        except ValueError as error:
            raise NotATL03Error(f"{last!r} names an impossible time: {day}{time}.") from error
        if not (1 <= rgt <= TRACKS and cycle >= 1 and 1 <= region <= REGIONS):
            raise NotATL03Error(
                f"{last!r} names an impossible track {rgt}, cycle {cycle} or region {region}."
            )
        return cls(
            start=start,
            rgt=rgt,
            cycle=cycle,
            region=region,
            release=release,
            revision=int(revision),
        )

    @property
    def id(self) -> str:
        """The file name without ``.h5``: what the catalog calls the granule."""
        start = self.start
        # With %, which takes a third of the time that strftime or an f-string does.
        return "ATL03_%04d%02d%02d%02d%02d%02d_%04d%02d%02d_%s_%02d" % (  # noqa: UP031
            *(start.year, start.month, start.day, start.hour, start.minute, start.second),
            *(self.rgt, self.cycle, self.region, self.release, self.revision),
        )

    @property
    def orbit_state(self) -> OrbitState:
        """Direction of flight; ``crossing`` in regions 4 and 11, where it turns."""
        if self.region in _ASCENDING_REGIONS:
            return "ascending"
        if self.region in _DESCENDING_REGIONS:
            return "descending"
        return "crossing"


def reference_frame(release: str) -> str:
    """In which frame a release gives places: ``ITRF2014`` up to 006, ``ITRF2020`` from 007 on.

    Source: "What's new" of each version, https://nsidc.org/data/atl03.
    """
    return "ITRF2014" if release < "007" else "ITRF2020"


def day_of(granule: str) -> tuple[int, str]:
    """Cycle and date, ``2018-10-14``, of a granule, from what is known to be its id."""
    return int(granule[ID_CYCLE]), iso_date(granule[ID_DATE])


def iso_date(compact: str) -> str:
    """``2018-10-14`` from ``20181014``, as an id has it."""
    return f"{compact[:4]}-{compact[4:6]}-{compact[6:]}"


def stem_of(granule: str) -> str:
    """What all revisions of a granule in one release share, from what is known to be its id."""
    return granule[ID_STEM]


def is_granule_id(text: object) -> bool:
    """Whether this is a granule's id and nothing more."""
    try:
        return isinstance(text, str) and GranuleName.parse(text).id == text
    except NotATL03Error:
        return False


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
