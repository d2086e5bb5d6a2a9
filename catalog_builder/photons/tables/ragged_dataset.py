"""Photons of many passes as one Dataset: CF's contiguous ragged array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.columns.reference_frame import with_reference_frame
from catalog_builder.beams.loading import as_variable
from catalog_builder.beams.read import delta_time
from catalog_builder.beams.read.beam_reader import PHOTON, SURFACE_TYPE, Variable
from catalog_builder.beams.read.photon_search import LAT, LON, TIME
from catalog_builder.beams.requested_variables import X_ATC
from catalog_builder.beams.variable_names import X_ATC_ATTRS, variable_names
from catalog_builder.errors import BeamError
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.reading.freed_memory import give_back_memory
from catalog_builder.photons.reading.pass_reading import PassPhotons
from catalog_builder.photons.reading.survivors import Columns
from catalog_builder.products.atl03 import SEGMENT_GROUPS, SURFACE_TYPES, VARIABLES

if TYPE_CHECKING:
    import xarray as xr

TRACK_PASS: Final = "track_pass"

_GIVEN_BACK: Final = 16 * 2**20
"""Bytes of blocks that are released before their memory is given back."""

_AT_ONCE: Final = 2
"""Variables that are made at a time."""

_Block = tuple[Columns, int]
"""Some photons, and how many they are."""

_OF_SEGMENT: Final = "value of the photon's segment of 20 m, not interpolated"


def ragged_dataset(
    passes: Sequence[PassPhotons], request: PhotonRequest, attrs: Mapping[str, Any]
) -> xr.Dataset:
    """Make the Dataset; the blocks of the passes are released as they are taken over."""
    import xarray as xr

    some = [one for one in passes if one.blocks]
    give_back_memory()  # of reading, before that of the Dataset is needed
    counts = [sum(len(block[LAT]) for block in one.blocks) for one in some]
    starts = _starts(some)
    known = known_variables(passes, request)
    described = [known[path] for path in (*request.paths, *request.derived_variables)]
    names = variable_names(described, passes[0].photon_names if passes else ())
    index = np.repeat(np.arange(len(some), dtype=np.int32), counts)
    cycles = np.array([one.attrs["cycle"] for one in some], np.int16)

    place = [known[path] for path in (LAT, LON, TIME)]
    blocks = [(block, len(block[LAT])) for one in some for block in one.blocks]
    columns = _columns(blocks, {one.path: one for one in (*place, *described)})
    coords: dict[str, Any] = {
        "lat_ph": columns[LAT],
        "lon_ph": columns[LON],
        "delta_time": columns[TIME],
        "track_pass_index": (
            PHOTON,
            index,
            {"long_name": "Index along track_pass of the photon's pass"},
        ),
        "cycle": (
            PHOTON,
            np.repeat(cycles, counts),
            {"long_name": "91-day cycle of the photon's pass"},
        ),
    }
    data: dict[str, Any] = {}
    for variable, name in zip(described, names, strict=True):
        data[name] = columns[variable.path]
        if variable.path.rpartition("/")[0] in SEGMENT_GROUPS:
            data[name].attrs["sampling"] = _OF_SEGMENT
        if SURFACE_TYPE in variable.dims:
            coords[SURFACE_TYPE] = list(SURFACE_TYPES)
    if request.along_track:
        coords[X_ATC] = (PHOTON, _joined(blocks, X_ATC, np.empty(0)), X_ATC_ATTRS)
    coords |= pass_variables([one.attrs for one in some], counts, starts)
    for one in some:
        one.blocks.clear()
    release = passes[0].attrs.get("release") if passes else None
    if release is None:
        return xr.Dataset(data, coords, attrs)
    crs, _ = with_reference_frame(data, str(release))  # the attributes are among ``attrs``
    return xr.Dataset(data, coords | crs, attrs)


def known_variables(passes: Sequence[PassPhotons], request: PhotonRequest) -> dict[str, Variable]:
    """What the variables are, by the first pass that tells of each.

    Raises :class:`~catalog_builder.errors.BeamError` where a pass has others.
    """
    require_alike(passes)
    found: dict[str, Variable] = dict(request.derived_variables) if passes else _unread(request)
    for one in reversed(passes):
        found |= one.variables
    return found


def require_alike(passes: Iterable[PassPhotons]) -> None:
    """Raise BeamError where a variable is another thing in one pass than in one before it."""
    known: dict[str, tuple[PassPhotons, Variable]] = {}
    for one in passes:
        for path, variable in one.variables.items():
            before, first = known.setdefault(path, (one, variable))
            if _column(first) != _column(variable):
                said = (
                    f"{each.attrs['granule']} {each.attrs['beam']} has {what.dtype} {what.shape}"
                    for each, what in ((before, first), (one, variable))
                )
                raise BeamError(
                    f"{path} is not the same thing in all passes: {', '.join(said)}. One of them "
                    "is damaged: leave it out."
                )


def _column(variable: Variable) -> tuple[Any, ...]:
    """What values of passes must agree in to be in one array."""
    kind = variable.dtype.kind
    return variable.shape[1:], "number" if kind in "biuf" else kind


def pass_variables(
    attrs: Sequence[Mapping[str, Any]], counts: Sequence[int], starts: NDArray[np.float64]
) -> dict[str, Any]:
    """What is known of each pass: its attributes, photons, and seconds of its first photon."""

    def column(name: str, dtype: Any) -> NDArray[Any]:
        return np.array([one[name] for one in attrs], dtype)

    siblings = sorted({key for one in attrs for key in one if key.endswith("_granule")})
    of_siblings = {
        key: (
            TRACK_PASS,
            np.array([str(one.get(key, "")) for one in attrs], np.str_),
            {"long_name": f"Granule of {key.removesuffix('_granule').upper()}; empty for none"},
        )
        for key in siblings
    }
    return of_siblings | {
        "photon_count": (
            TRACK_PASS,
            np.array(counts, np.int64),
            {"long_name": "Photons of the pass", "sample_dimension": PHOTON},
        ),
        "granule": (TRACK_PASS, column("granule", np.str_), {"long_name": "Granule"}),
        "beam": (TRACK_PASS, column("beam", np.str_), {"long_name": "Ground-track beam"}),
        "strength": (TRACK_PASS, column("strength", np.str_), {"long_name": "strong or weak"}),
        "spot": (TRACK_PASS, column("spot", np.int8), {"long_name": "ATLAS spot, 1 to 6"}),
        "rgt": (TRACK_PASS, column("rgt", np.int16), {"long_name": "Reference ground track"}),
        "pass_cycle": (
            TRACK_PASS,
            column("cycle", np.int16),
            {"long_name": "91-day cycle of the pass"},
        ),
        "start": (
            TRACK_PASS,
            delta_time.to_times(starts),
            {"long_name": "Time of the pass's first photon here"},
        ),
    }


def _starts(some: Sequence[PassPhotons]) -> NDArray[np.float64]:
    return np.concatenate([np.empty(0), *(one.blocks[0][TIME][:1] for one in some)])


def _columns(
    blocks: Sequence[_Block], variables: Mapping[str, Variable]
) -> dict[str, xr.Variable]:
    """The variables with the values of all photons, by path."""

    def column(variable: Variable) -> xr.Variable:
        is_time = variable.path.endswith("/delta_time")
        return (_times if is_time else _photons)(blocks, variable)

    # Memory that is touched for the first time takes longer than what is copied into it.
    with ThreadPoolExecutor(_AT_ONCE, "join-photons") as pool:
        return dict(zip(variables, pool.map(column, variables.values()), strict=True))


def _joined(
    blocks: Sequence[_Block], path: str, like: NDArray[Any], nothing: Any = np.nan
) -> NDArray[Any]:
    """The values of all photons, ``nothing`` where a block lacks them; its own are let go of."""
    rows = sum(photons for _, photons in blocks)
    kind = np.result_type(like, *{block[path].dtype for block, _ in blocks if path in block})
    # One by one, so that all photons are never there twice: concatenate needs all to the end.
    joined, at, freed = np.empty((rows, *like.shape[1:]), kind), 0, 0
    for block, photons in blocks:
        part = joined[at : at + photons]
        part[...] = block.pop(path, nothing)
        at += photons
        freed += part.nbytes
        if freed > _GIVEN_BACK:
            give_back_memory()
            freed = 0
    give_back_memory()
    return joined


def _photons(blocks: Sequence[_Block], variable: Variable) -> xr.Variable:
    like = np.empty((0, *variable.shape[1:]), variable.dtype)
    values = _joined(blocks, variable.path, like, variable.fill_value)
    dims = (PHOTON, *variable.dims[1:])
    return as_variable(dims, values, dict(variable.attrs))


def _times(blocks: Sequence[_Block], variable: Variable) -> xr.Variable:
    seconds = _joined(blocks, variable.path, np.empty(0, variable.dtype))
    attrs = {key: value for key, value in variable.attrs.items() if key != "units"}
    return as_variable(PHOTON, delta_time.into_times(seconds), attrs, delta_time.encoding())


def _unread(request: PhotonRequest) -> dict[str, Variable]:
    """What is known of the variables where no pass was read."""

    def variable(path: str) -> Variable:
        units, meaning = VARIABLES.get(path.rpartition("/")[2], ("1", ""))
        surfaces = path.endswith("/signal_conf_ph")
        return Variable(
            path=path,
            dims=(PHOTON, SURFACE_TYPE) if surfaces else (PHOTON,),
            shape=(0, len(SURFACE_TYPES)) if surfaces else (0,),
            dtype=np.dtype(np.int8 if surfaces else np.float64),
            attrs={"units": units, "long_name": meaning},
            encoding={},
            fill_value=np.float64(0),
        )

    return {path: variable(path) for path in request.needed} | request.derived_variables
