"""Writes photons to a file, whose suffix says of which kind."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from catalog_builder.errors import PhotonsError
from catalog_builder.photons.reading.freed_memory import give_back_memory
from catalog_builder.photons.reading.photon_reads import warn_of_segments
from catalog_builder.photons.reading.planned_reading import (
    PlannedPhotons,
    attributes,
    read_planned,
)
from catalog_builder.photons.tables.photon_table import require_photons
from catalog_builder.photons.writing.pass_spool import PassSpool, opened_spool, plan_digest
from catalog_builder.photons.writing.photon_las import write_las
from catalog_builder.photons.writing.photon_parquet import write_parquet
from catalog_builder.photons.writing.photon_stream import DatasetStream, PhotonStream, SpoolStream
from catalog_builder.photons.writing.ragged_files import write_netcdf, write_zarr
from catalog_builder.progress import Reporter

if TYPE_CHECKING:
    import pyarrow as pa
    import xarray as xr


def write_photons(
    photons: xr.Dataset | PlannedPhotons,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    errors: Literal["raise", "warn"] = "raise",
    progress: Reporter | None = None,
) -> Path:
    """Write photons to a file: what ``open_photons`` returned, or what ``plan_photons`` planned.

    The suffix says how. ``.parquet``: GeoParquet 1.1, a row a photon as points, pass by pass and
    along track, with a covering box a row and row groups of neighbours. ``.nc``: the Dataset as
    it is; ``xarray.open_dataset(path, mask_and_scale=False)`` gives it back, value for
    value; so does ``.zarr``, a folder. ``.csv``: a row a photon. ``.las``, ``.laz``: points in
    degrees and metres, places rounded to 1 cm and heights to 1 mm; see
    :func:`~catalog_builder.photons.writing.photon_las.write_las`.

    A plan (:func:`~catalog_builder.photons.open_photons.plan_photons`) is read and written pass
    by pass, however many photons that are: memory is bounded, but for ``.nc`` and ``.zarr``. What
    is finished lies in a hidden folder beside the file, ``.NAME.passes``, until the file is whole:
    after an interruption the same call goes on there. ``errors`` and ``progress`` are for plans,
    as in :func:`~catalog_builder.photons.open_photons.open_photons`.

    A file that is there is not replaced unless ``overwrite``, and then once the new one is whole;
    a folder only where it is one of Zarr.

    Returns the path. Raises :class:`~catalog_builder.errors.PhotonsError` for another suffix, for
    a file that is there, while another process writes it, and for a Dataset that is none of
    ``open_photons``; :class:`~catalog_builder.errors.MissingExtraError` without zarr or laspy
    where they are needed; for plans whatever reading raises.
    """
    to = Path(path).absolute()
    write = WRITERS.get(to.suffix.lower())
    if write is None:
        raise PhotonsError(
            f"Photons are written to {', '.join(WRITERS)}; {to.name} ends in none of them."
        )
    if isinstance(photons, PlannedPhotons):
        _write_plan(photons, to, write, overwrite, errors, progress)
    else:
        require_photons(photons)
        _require_free(to, overwrite)
        with _replacing(to) as part:
            write(DatasetStream(whole=photons), part)
    return Path(path)


def _write_plan(
    plan: PlannedPhotons,
    to: Path,
    write: Callable[[PhotonStream, Path], None],
    overwrite: bool,
    errors: Literal["raise", "warn"],
    progress: Reporter | None,
) -> None:
    digest = plan_digest(plan)
    if not PassSpool(to, digest).is_put:
        _require_free(to, overwrite)
    with opened_spool(to, digest) as spool:
        if not spool.is_put:
            read = read_planned(plan, spool.missing(plan.granules), errors, progress, spool)
            passes = [
                one for one in spool.passes() if one.found.attrs["granule"] not in read.failed
            ]
            # Those of an earlier run too.
            some = [replace(one.found, blocks=[{}]) for one in passes if one.photons]
            warn_of_segments(some, calls=3)
            stream = SpoolStream(
                spool=spool,
                passes=passes,
                request=plan.request,
                attrs=attributes(plan, read, [one.found for one in passes]),
                progress=progress,
            )
            give_back_memory()
            write(stream, spool.part)
            if to.is_dir():
                _remove(to)
            spool.put()


def _require_free(to: Path, overwrite: bool) -> None:
    if to.exists() and not overwrite:
        raise PhotonsError(
            f"{to} is there already: name another file, or replace it by overwrite=True "
            "(--overwrite)."
        )
    if to.is_dir() and not to.is_symlink() and not _is_zarr(to) and any(to.iterdir()):
        raise PhotonsError(
            f"{to} is a folder, and not one of Zarr: it is not replaced, for what is in it would "
            "be lost. Name another file."
        )


def _is_zarr(to: Path) -> bool:
    names = ("zarr.json", ".zgroup")
    return to.suffix.lower() == ".zarr" and any((to / name).is_file() for name in names)


@contextmanager
def _replacing(to: Path) -> Iterator[Path]:
    """Gives a path to write to, which takes the place of ``to`` at the end."""
    # A name that nobody knows before: a link of that name would be written through.
    part = to.with_name(f".{to.name}.{secrets.token_hex(6)}.part{to.suffix}")
    try:
        yield part
        if to.is_dir():  # a file is replaced at one stroke
            _remove(to)
        part.replace(to)
    finally:
        _remove(part)


def _remove(path: Path) -> None:
    """Remove a file, or a folder and all in it, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_csv(stream: PhotonStream, path: Path) -> None:
    import pyarrow.csv

    writer: pyarrow.csv.CSVWriter | None = None
    try:
        for _, photons in stream.tables():
            table = _plain(photons)
            if writer is None:
                writer = pyarrow.csv.CSVWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _plain(table: pa.Table) -> pa.Table:
    """The table without dictionaries, which the writer of CSV does not know."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, plain)
    return table


WRITERS: Final[dict[str, Callable[[PhotonStream, Path], None]]] = {
    ".parquet": write_parquet,
    ".nc": write_netcdf,
    ".zarr": write_zarr,
    ".csv": _write_csv,
    ".las": write_las,
    ".laz": write_las,
}
"""What writes a file of each suffix."""
