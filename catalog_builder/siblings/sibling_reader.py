"""The interface by which a beam of a sibling is read, through h5py or by its references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.selection import Selection
from catalog_builder.errors import BeamError, VariableNotFoundError
from catalog_builder.products.product import Rate

if TYPE_CHECKING:
    import numpy as np

    from catalog_builder.products.granule_name import GranuleName


class SiblingReader(Protocol):
    """One beam of a granule of a sibling, with at least one row."""

    @property
    def beam(self) -> str:
        """Its name."""

    @property
    def name(self) -> GranuleName:
        """Of the granule."""

    @property
    def href(self) -> str:
        """The address that is read."""

    @property
    def counts(self) -> Mapping[Rate, int]:
        """Rows of each kind that the beam has."""

    def attributes(self) -> dict[str, Any]:
        """Attributes of the Dataset: plain text and integers."""

    def listing(self) -> Sequence[str]:
        """Paths of all datasets within the beam."""

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""

    def variable(self, path: str) -> Variable:
        """Describe a dataset.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError` where there is none.
        """

    def near_rows(self, rows: int, selection: Selection) -> RowSlices:
        """Among so many rows of the main kind those that may be in a selection."""

    def prefetch(self, wanted: Mapping[str, RowSlices]) -> None:
        """Prepare to read these rows of these datasets, by path."""

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""

    def lineage(self) -> str:
        """What the file says it was made from, in words."""


def path_named(reader: SiblingReader, name: str) -> str:
    """Path within the beam of a dataset, by its path there or in the main group, or its name.

    Raises :class:`~catalog_builder.errors.VariableNotFoundError`, also for a name that several
    groups have.
    """
    main = reader.name.product.main
    for path in (main.path(name), name):
        if reader.shape(path) is not None:
            return path
    there = list(reader.listing())
    same = [path for path in there if path.rpartition("/")[2] == name]
    if len(same) == 1:
        return same[0]
    where = f"Beam {reader.beam} of {reader.href}"
    if same:
        raise VariableNotFoundError(f"{where} has several {name}: name one of {', '.join(same)}.")
    close = get_close_matches(name.rpartition("/")[2], [p.rpartition("/")[2] for p in there])
    hint = f" Did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
    raise VariableNotFoundError(
        f"{where} lacks variable {name!r}.{hint} It has {', '.join(there)}."
    )


def rate_of(reader: SiblingReader, path: str, rows: int) -> Rate | None:
    """Which rows a dataset of this length has; None for rows of its own."""
    rate = reader.name.product.rate_of(path)
    return rate if rate is not None and reader.counts.get(rate) == rows else None


def described(
    reader: SiblingReader,
    path: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    attrs: Mapping[str, Any],
    fill_value: Any,
) -> Variable:
    """Describe a dataset; ``attrs`` are the file's, text decoded."""
    kept = ("_FillValue", "coordinates")
    encoding = {key: attrs[key] for key in kept if key in attrs}
    return Variable(
        path=path,
        dims=_dims(reader, path, shape),
        shape=shape,
        dtype=dtype,
        attrs={key: value for key, value in attrs.items() if key not in kept},
        encoding=encoding,
        fill_value=encoding.get("_FillValue", fill_value),
    )


def require_number(variable: Variable, href: str, kinds: str = "iu") -> None:
    """Raise :class:`~catalog_builder.errors.BeamError` unless it is one number a row."""
    if len(variable.shape) != 1 or variable.dtype.kind not in kinds:
        raise BeamError(
            f"{variable.path} ({variable.dtype}, {variable.shape}) of {href} must be one "
            f"{'whole number' if kinds == 'iu' else 'number'} a row: the file is damaged."
        )


def _dims(reader: SiblingReader, path: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    group, _, name = path.rpartition("/")
    rate = rate_of(reader, path, shape[0])
    if rate is not None:
        first = rate.dimension
    else:
        times = reader.shape(f"{group}/delta_time" if group else "delta_time")
        own = times is not None and times[:1] == shape[:1]
        first = (group if own and group else f"{path}_row").replace("/", "_")
    named = reader.name.product.columns.get(name)
    if named is not None and len(shape) == 2:
        return first, named
    return (first, *(f"{name}_{axis}" for axis in range(1, len(shape))))


def beam_attributes(reader: SiblingReader, strength: str, spot: int) -> dict[str, Any]:
    """Attributes of the Dataset of a beam: plain text and integers."""
    name = reader.name
    found: dict[str, Any] = {
        "product": name.product.short_name,
        "granule": name.id,
        "rgt": name.rgt,
        "cycle": name.cycle,
        "region": name.region,
        "release": name.release,
        "revision": name.revision,
        "source": reader.href,
        "beam": reader.beam,
        "strength": strength,
        "spot": spot,
    }
    if name.hemisphere is not None:
        found["hemisphere"] = {1: "Arctic", 2: "Antarctic"}[name.hemisphere]
    if name.made_from is not None:
        found["made_from"] = "ATL03 release {}, revision {:02d}".format(*name.made_from)
    return found
