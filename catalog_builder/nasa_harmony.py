"""A check of NASA's Harmony: one granule, cut on its servers, has the bits of the whole one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.errors import HarmonyError
from catalog_builder.extras import needing
from catalog_builder.nasa_photons import require_same

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.geo.window import Box

_VARIABLES: Final = ("h_ph", "x_atc")

_PATIENCE: Final = 900.0
"""Seconds that a job may take."""

_EDGE: Final = 0.002
"""Degrees of latitude, 220 m; of longitude ten times as many, since tracks come near the poles."""

_AT_WORK: Final = {"accepted", "running", "running_with_errors", "previewing"}


def check_harmony(found: ItemIndex, beam: str, whole: xr.Dataset | None) -> str:
    """Ask Harmony for part of a beam of the granule found, and compare it with the granule's own.

    ``whole`` is the beam as it was read directly: it says where there are photons. Raises
    :class:`~catalog_builder.errors.HarmonyError` where the job fails or takes a quarter of an
    hour, and :class:`~catalog_builder.errors.MissingExtraError` without harmony-py.
    """
    from catalog_builder.opening.one_granule import open_beam

    with needing("harmony", "A request to Harmony"):
        import harmony
    from catalog_builder.auth.earthdata import bearer_token
    from catalog_builder.auth.login import Login

    if whole is None:
        raise HarmonyError("There is nothing to compare with.")
    asked, inside = _boxes(whole)
    request = found.to_harmony(asked, list(_VARIABLES), beams=[beam], skip_preview=True)
    client = harmony.Client(token=bearer_token(Login.find()))
    try:
        job = client.submit(request)
        state = _wait(client, job)
        links = list(client.result_urls(job)) if state == "successful" else []
    finally:
        client.executor.shutdown()
        client.session.close()
    if len(links) != 1:
        raise HarmonyError(f"Job {job} is {state}, with {len(links)} results; expected one.")
    options: dict[str, Any] = {"variables": list(_VARIABLES), "bbox": inside}
    cut = open_beam(links[0], beam, **options)
    require_same(cut, open_beam(next(iter(found)), beam, references=False, **options))
    return f"job {job}: {cut.sizes['photon']} photons of {beam}, bit for bit those of h5py"


def _boxes(whole: xr.Dataset) -> tuple[Box, Box]:
    """Boxes to ask for and to compare: the latter of the middle fifth of a beam's photons.

    Harmony cuts by segments of 20 m, so the former is wider by some hundred metres.
    """
    import numpy as np

    latitude, longitude = whole["lat_ph"].values, whole["lon_ph"].values
    if not len(latitude):
        raise HarmonyError("The beam has no photons in the area.")
    south, north = np.quantile(latitude, [0.4, 0.6]).tolist()
    near = longitude[(latitude >= south) & (latitude <= north)]
    if np.ptp(near) > 180:  # across the antimeridian
        near = near % 360
    west, east = float(near.min()), float(near.max())
    asked = (
        _turned(west - 10 * _EDGE),
        max(south - _EDGE, -90.0),
        _turned(east + 10 * _EDGE),
        min(north + _EDGE, 90.0),
    )
    return asked, (_turned(west), south, _turned(east), north)


def _turned(longitude: float) -> float:
    return (longitude + 180) % 360 - 180


def _wait(client: Any, job: str) -> str:
    """The state in which a job ended."""
    start, pause = time.monotonic(), 0.1
    while True:
        state = str(client.status(job)["status"])
        if state not in _AT_WORK:
            return state
        if time.monotonic() - start > _PATIENCE:
            raise HarmonyError(f"Job {job} was still {state} after {_PATIENCE:.0f} s.")
        time.sleep(pause)
        pause = min(2 * pause, 5.0)
