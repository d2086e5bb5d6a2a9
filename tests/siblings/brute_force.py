"""The join of photons and their classes as plain loops over h5py's arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


def classes_of(atl03: Path, sibling: Path, beam: str) -> NDArray[np.int8]:
    """Class of each photon of the beam; -1 where the sibling does not list it."""
    with h5py.File(atl03) as granule, h5py.File(sibling) as other:
        photons = len(granule[f"{beam}/heights/h_ph"])
        found = np.full(photons, -1, np.int8)
        if beam not in other:
            return found
        if sibling.name.startswith("ATL24"):
            rows = zip(other[f"{beam}/index_ph"][:], other[f"{beam}/class_ph"][:], strict=True)
            for photon, label in rows:
                found[photon] = label
            return found
        index = granule[f"{beam}/geolocation/ph_index_beg"][:]
        ids = granule[f"{beam}/geolocation/segment_id"][:]
        begins = dict(zip(ids.tolist(), index.tolist(), strict=True))
        signal = other[f"{beam}/signal_photons"]
        columns: Any = zip(
            signal["ph_segment_id"][:].tolist(),
            signal["classed_pc_indx"][:].tolist(),
            signal["classed_pc_flag"][:].tolist(),
            strict=True,
        )
        for segment, place, label in columns:
            if segment in begins:
                found[begins[segment] - 1 + place - 1] = label
        return found
