"""Saves granules and beams on this machine, with an intake catalog of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.errors import FolderError
from catalog_builder.products.atl03 import BEAMS, Beam, beams_named
from catalog_builder.products.granule_name import ID_PATTERN, GranuleName
from catalog_builder.progress import Progress
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.beams.storage.links import Access
    from catalog_builder.geo.window import Moment
    from catalog_builder.opening.derived_columns import Classes
    from catalog_builder.opening.resolve import Granule
    from catalog_builder.progress import Reporter

LOCAL_YML: Final = "local.yml"
"""The intake catalog of a folder of downloads."""

_SAVED: Final = re.compile(rf"(?P<granule>{ID_PATTERN})(?:\.h5|_(?P<beam>{'|'.join(BEAMS)})\.nc)")
_COMPRESSED: Final = {"zlib": True, "complevel": 4, "shuffle": True}
_TIMES: Final = {"units": "nanoseconds since 2018-01-01", "dtype": "int64"}
"""Whole nanoseconds, so that exactly the same datetimes are read back."""

# The names filled in match the pattern above: they need no quotes.
_BEAM_ENTRY: Final = """
  {granule}_{beam}:
    driver: [catalog_builder.intake_drivers.saved_beam.SavedBeam, netcdf]
    description: Beam {beam} of {granule}
    args:
      urlpath: "{{{{ CATALOG_DIR }}}}/{granule}_{beam}.nc"
      path_as_pattern: false
      xarray_kwargs:
        engine: h5netcdf
        mask_and_scale: false
"""
_GRANULE_ENTRY: Final = """
  {granule}:
    driver: atl03_beam
    description: Beams of {granule}
    args:
      href: "{{{{ CATALOG_DIR }}}}/{granule}.h5"
"""


def save_granules(
    granules: Iterable[Granule],
    to: Path,
    *,
    access: Access = "auto",
    progress: Reporter | None = None,
) -> list[Path]:
    """Download whole granules into the folder ``to``, and write its ``local.yml``.

    ``granules`` are STAC items or addresses. Files that exist are not fetched again;
    interrupted downloads are resumed. Returns the files; raises what
    :func:`catalog_builder.beams.storage.download.download` does.
    """
    from catalog_builder.beams.storage.download import download
    from catalog_builder.opening.resolve import resolve

    SafeFolder(to).make_root()
    files = []
    with _listed_at_the_end(to):
        for granule in granules:
            links = resolve(granule).links
            name = GranuleName.parse(links.s3 or links.https or links.local or "")
            files.append(download(links, to / f"{name.id}.h5", access, progress))
    return files


def save_beams(
    granules: Iterable[Granule],
    to: Path,
    *,
    beams: Sequence[Beam] | None = None,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    classes: Classes = None,
    heights: Sequence[str] | None = None,
    access: Access = "auto",
    overwrite: bool = False,
    progress: Reporter | None = None,
) -> list[Path]:
    """Save beams as NetCDF files in the folder ``to``, and write its ``local.yml``.

    A file that is there already may hold another window, or other variables: without
    ``overwrite`` it raises :class:`~catalog_builder.errors.FolderError`, before anything of this
    beam is read.

    ``beams`` are those to save of each granule, by default all that hold photons; the other
    arguments are those of :func:`catalog_builder.opening.one_granule.open_beam`. Returns the
    files, one a beam; raises what ``open_beam`` does.
    """
    from catalog_builder.opening.one_granule import describe, open_beam
    from catalog_builder.opening.resolve import resolve

    SafeFolder(to).make_root()
    files = []
    with _listed_at_the_end(to):
        for granule in map(resolve, granules):
            names = (
                [each.beam for each in describe(granule, access=access).beams if each.photons]
                if beams is None
                else beams_named(beams)
            )
            for beam in names:
                if not overwrite and granule.id is not None:
                    _require_new(to, f"{granule.id}_{beam}.nc")
                dataset = open_beam(
                    granule,
                    beam,
                    variables,
                    bbox,
                    datetime,
                    access=access,
                    classes=classes,
                    heights=heights,
                )
                if not overwrite:
                    _require_new(to, f"{dataset.attrs['granule']}_{dataset.attrs['beam']}.nc")
                files.append(save_beam(dataset, to))
                if progress is not None:
                    progress(Progress(stage="saving beams", done=len(files)))
    return files


def save_beam(dataset: xr.Dataset, to: Path) -> Path:
    """Write one beam, as ``open_beam`` gave it, to ``ATL03_..._gt1l.nc`` in the folder ``to``.

    NetCDF-4, whole by rename, values bit for bit. A file of this name is replaced, whatever
    window or variables it had: :func:`save_beams` asks first. Raises
    :class:`~catalog_builder.errors.FolderError` where a link, or anything else, has this name.
    """
    name = f"{dataset.attrs['granule']}_{dataset.attrs['beam']}.nc"
    if not _SAVED.fullmatch(name):
        raise FolderError(f"{name!r} is not the name of a granule and one of its beams.")
    encoding = {
        str(name): _encoding(array)
        for name, array in dataset.variables.items()
        if array.ndim and array.dtype.kind in "Miuf"
    }
    with SafeFolder(to).replacing(name) as part:
        # The product's own lists of coordinates would come back as xarray's.
        dataset.drop_encoding().to_netcdf(part, engine="h5netcdf", encoding=encoding)
    return to / name


def _require_new(to: Path, name: str) -> None:
    if SafeFolder(to).size(name) is not None:
        raise FolderError(
            f"{to / name} is there already, perhaps of another window: it is not replaced. Save "
            "into another folder, or say overwrite (--overwrite)."
        )


def write_local_yml(folder: Path) -> Path:
    """Write ``local.yml``, an intake catalog (version 1) of what was downloaded into a folder.

    Saved beams are opened by :class:`~catalog_builder.intake_drivers.saved_beam.SavedBeam` or,
    where this package is not installed, by intake-xarray's ``netcdf``; whole granules by
    ``atl03_beam``: ``cat[id](beam="gt2r").read()``.
    """
    files = SafeFolder(folder)
    entries = [
        (_BEAM_ENTRY if found["beam"] else _GRANULE_ENTRY).format(**found.groupdict())
        for entry in files.entries()
        if entry.is_file and (found := _SAVED.fullmatch(entry.name))
    ]
    text = "metadata:\n  version: 1\nsources:" + ("".join(entries) or " {}\n")
    with files.replacing(LOCAL_YML) as part:
        part.write_text(text, encoding="utf-8")
    return folder / LOCAL_YML


def _encoding(array: xr.Variable) -> dict[str, Any]:
    # xarray would give floats a fill value that they do not have.
    fill = {} if "_FillValue" in array.attrs else {"_FillValue": None}
    return _COMPRESSED | fill | (_TIMES if array.dtype.kind == "M" else {})


@contextmanager
def _listed_at_the_end(folder: Path) -> Iterator[None]:
    """Write ``local.yml`` at the end, also if a granule fails: it lists what was saved."""
    try:
        yield
    finally:
        write_local_yml(folder)
