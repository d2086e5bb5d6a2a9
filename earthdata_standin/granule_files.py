"""Granule files with the product's groups, datasets, types, chunks, filters and attributes.

Two layouts, as the two releases have them. In release 006 one variable follows the other, each
with its header beside it, so that headers lie scattered through the file. Release 007 has all
headers in the first page of 8 MiB, and data in pages of their own that no chunk crosses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from earthdata_standin.beam import SimulatedBeam
from earthdata_standin.granule_headers import (
    write_attributes,
    write_headers,
    write_quality,
)
from earthdata_standin.layout import PAGE_SIZE, SURFACES, Variable, beam_variables
from earthdata_standin.product import Product
from earthdata_standin.segments import choose_segments
from earthdata_standin.tracks import BEAM_OFFSETS

_IN_MEMORY: Final = 8 * 2**20
"""Bytes of one photon variable that wait in memory; what is more waits in a temporary file."""

_SECOND_SCALES: Final = {
    "heights/signal_conf_ph": "ds_surf_type",
    "geolocation/surf_type": "ds_surf_type",
    "geolocation/velocity_sc": "ds_xyz",
}


def write_granule(
    path: Path,
    product: Product,
    *,
    photons: int = 20_000,
    seed: int = 0,
    focus: float | None = None,
    missing: Collection[str] = (),
    empty: Collection[str] = (),
    scenery: bool = False,
) -> None:
    """Write a granule's HDF5 file: the same bytes for the same arguments.

    ``photons`` is about how many a strong beam has (a weak one a quarter); where that is too few
    for the whole region, most lie about ``focus``, an argument of latitude in degrees (default:
    the middle). Beams that are ``missing`` have no group; ``empty`` ones no photon.
    ``scenery`` is trees and a sea floor: see :mod:`~earthdata_standin.scenery`.
    """
    middle = float(np.mean(product.flown.u_range)) if focus is None else focus
    segments, per_segment = choose_segments(product.flown, photons, middle)
    beams = [
        SimulatedBeam(
            product,
            name,
            segments,
            per_segment,
            seed=seed,
            empty=name in empty,
            scenery=scenery,
        )
        for name in BEAM_OFFSETS
        if name not in missing
    ]
    paged = product.release == "007"
    pages: dict[str, Any] = {"fs_strategy": "page", "fs_page_size": PAGE_SIZE} if paged else {}
    with h5py.File(path, "w", libver="earliest", **pages) as file:
        write_headers(file, product, segments)
        writers = [_BeamWriter(file, beam, beam_variables(product.release)) for beam in beams]
        if paged:
            for writer in writers:
                writer.create_all()
        quality = {writer.name: writer.write() for writer in writers}
        write_quality(file, quality, float(segments.start[0]))


class _BeamWriter:
    """Stores one beam: variable after variable, whose headers are there already or made then."""

    def __init__(
        self, file: h5py.File, beam: SimulatedBeam, variables: Collection[Variable]
    ) -> None:
        self.name = beam.name
        self._file = file
        self._beam = beam
        group = file.create_group(beam.name)
        write_attributes(group, beam.attributes)
        for surface in SURFACES:
            group.create_group(f"signal_find_output/{surface}")
        # Where signal was not looked for, the product keeps the group and leaves it empty.
        unmet = {f"signal_find_output/{surface}" for surface in SURFACES} - {
            f"signal_find_output/{surface}" for surface in beam.surfaces
        }
        self._groups: dict[str, list[Variable]] = {}
        for variable in variables:
            if variable.group not in unmet:
                self._groups.setdefault(variable.group, []).append(variable)

    def create_all(self) -> None:
        """Make all datasets before any data is written."""
        for group, variables in self._groups.items():
            for variable in variables:
                self._create(variable)
            self._attach_scales(group)

    def write(self) -> Mapping[str, NDArray[Any]]:
        """Write all data; what ``quality_assessment`` says of the beam comes back."""
        values = self._beam.other_values()
        counted = np.zeros((3, 5), dtype=np.int32)
        for group, variables in self._groups.items():
            scaled = f"{self.name}/{group}/delta_time" in self._file
            if group == "heights":
                self._write_photons(variables, counted)
            else:
                for variable in variables:
                    self._dataset(variable)[...] = _in_type(values[variable.path], variable)
            if not scaled:
                self._attach_scales(group)
        share = 100.0 * counted / max(1, self._beam.rows("heights"))
        return {
            f"qa_{what}_signal_conf_ph_{level}": table[row]
            for what, table in (("perc", share.astype("f4")), ("total", counted))
            for row, level in enumerate(("low", "med", "high"))
        }

    def _write_photons(self, variables: Collection[Variable], counted: NDArray[np.int32]) -> None:
        """All photons are made once, then stored one variable after the other."""
        with ExitStack() as stack:
            waiting: dict[str, IO[bytes]] = {
                variable.name: stack.enter_context(SpooledTemporaryFile(_IN_MEMORY))
                for variable in variables
            }
            for block in self._beam.photon_blocks():
                for level in range(3):
                    counted[level] += (block["signal_conf_ph"] == level + 2).sum(axis=0)
                for variable in variables:
                    values = _in_type(block[variable.name], variable)
                    waiting[variable.name].write(values.tobytes())
            for variable in variables:
                dataset = self._dataset(variable)
                waiting[variable.name].seek(0)
                row = 0
                for values in _chunks(waiting[variable.name], variable):
                    dataset[row : row + len(values)] = values
                    row += len(values)

    def _dataset(self, variable: Variable) -> h5py.Dataset:
        path = f"{self.name}/{variable.path}"
        return self._file[path] if path in self._file else self._create(variable)

    def _create(self, variable: Variable) -> h5py.Dataset:
        """A dataset with its attributes: gzip for all, shuffle before it for integers."""
        columns = () if variable.columns is None else (variable.columns,)
        # The product lets only this one grow in its second dimension.
        grows = variable.name == "signal_conf_ph"
        dataset = self._file.create_dataset(
            f"{self.name}/{variable.path}",
            shape=(self._beam.rows(variable.group), *columns),
            maxshape=(None, *((None,) if grows else columns)),
            dtype=variable.dtype,
            chunks=(variable.chunk, *columns),
            compression="gzip",
            compression_opts=6,
            shuffle=variable.dtype.kind != "f",
            fillvalue=variable.fill,
        )
        write_attributes(dataset, variable.attributes)
        if variable.fill is not None:
            dataset.attrs["_FillValue"] = variable.fill
        return dataset

    def _attach_scales(self, group: str) -> None:
        """Make ``delta_time`` the scale of a group's first dimension, as the product does."""
        time = self._file[f"{self.name}/{group}/delta_time"]
        time.make_scale("delta_time")
        for variable in self._groups[group]:
            dataset = self._file[f"{self.name}/{variable.path}"]
            if variable.name != "delta_time":
                dataset.dims[0].attach_scale(time)
            second = _SECOND_SCALES.get(variable.path)
            if second is not None:
                dataset.dims[1].attach_scale(self._file[second])


def _in_type(values: NDArray[Any], variable: Variable) -> NDArray[Any]:
    return np.ascontiguousarray(values.astype(variable.dtype))


def _chunks(file: IO[bytes], variable: Variable) -> Iterator[NDArray[Any]]:
    columns = () if variable.columns is None else (variable.columns,)
    row = variable.dtype.itemsize * (variable.columns or 1)
    while raw := file.read(variable.chunk * row):
        yield np.frombuffer(raw, dtype=variable.dtype).reshape(-1, *columns)
