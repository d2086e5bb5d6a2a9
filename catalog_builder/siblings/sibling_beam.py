"""Reads one beam of an open granule of any product through h5py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from catalog_builder.atl03 import BEAMS, Beam
from catalog_builder.beams.read.beam_file import read_orientation
from catalog_builder.beams.read.beam_reader import Variable, beam_spot, beam_strength
from catalog_builder.beams.read.hdf5 import (
    read_attribute,
    read_attributes,
    read_fill_value,
    read_rows,
    require_rows,
)
from catalog_builder.beams.read.hdf5_objects import (
    dataset_paths,
    find,
    find_dataset,
    find_group,
    names_in,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.errors import (
    BeamError,
    BeamNotFoundError,
    EmptyBeamError,
    ProductError,
    VariableNotFoundError,
)
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import Rate

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiblingBeam:
    """One beam of an open file, with at least one row; usable while the file is open."""

    group: h5py.Group
    beam: Beam
    href: str
    """The address that the file was opened at."""
    name: GranuleName
    counts: Mapping[Rate, int]
    """Rows of each kind that the beam has."""
    orientation: int | None
    """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say."""

    @classmethod
    def find(cls, file: h5py.File, href: str, beam: Beam) -> SiblingBeam:
        """The beam of this name.

        Raises :class:`~catalog_builder.errors.ProductError` where the file is of a product that is
        not opened, or its name and its ``short_name`` contradict each other;
        :class:`~catalog_builder.errors.BeamNotFoundError`;
        :class:`~catalog_builder.errors.EmptyBeamError` where the beam has no rows; and
        :class:`~catalog_builder.errors.VariableNotFoundError` where their times are missing.
        """
        name = name_of(file, href)
        product = name.product
        there = [one for one in BEAMS if find_group(file, one) is not None]
        if beam not in there:
            raise BeamNotFoundError(
                f"{href} lacks beam {beam}: it has {', '.join(there) or 'none'}."
            )
        group = find_group(file, beam)
        assert group is not None
        counts = {}
        for rate in product.rates:
            rows = find_dataset(group, rate.path(rate.time or ""))
            if rows is not None:
                counts[rate] = int(rows.shape[0])
        main = find_group(group, product.main.group) if product.main.group else group
        if product.main not in counts and main is not None and names_in(main):
            raise VariableNotFoundError(
                f"Beam {beam} of {href} lacks {product.main.path(product.main.time or '')}, by "
                "which its rows are counted: the file is damaged."
            )
        if not counts.get(product.main):
            raise EmptyBeamError(
                f"Beam {beam} of {href} has no {product.main.dimension}: it holds "
                f"{', '.join(names_in(group)) or 'nothing'}."
            )
        return cls(
            group=group,
            beam=beam,
            href=href,
            name=name,
            counts=counts,
            orientation=read_orientation(file),
        )

    def attributes(self) -> dict[str, Any]:
        """Attributes of the Dataset: plain text and integers."""
        name = self.name
        known = read_attributes(self.group)
        found = {
            "product": name.product.short_name,
            "granule": name.id,
            "rgt": name.rgt,
            "cycle": name.cycle,
            "region": name.region,
            "release": name.release,
            "revision": name.revision,
            "source": self.href,
            "beam": self.beam,
            "strength": beam_strength(self.beam, known, self.orientation),
            "spot": beam_spot(self.beam, known, self.orientation),
        }
        if name.hemisphere is not None:
            found["hemisphere"] = {1: "Arctic", 2: "Antarctic"}[name.hemisphere]
        if name.made_from is not None:
            found["made_from"] = "ATL03 release {}, revision {:02d}".format(*name.made_from)
        return found

    def path_of(self, name: str) -> str:
        """Path within the beam of a dataset, by its path there or in the main group, or its name.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError`, also for a name that several
        groups have.
        """
        main = self.name.product.main
        for path in (main.path(name), name):
            if find_dataset(self.group, path) is not None:
                return path
        there = list(dataset_paths(self.group))
        same = [path for path in there if path.rpartition("/")[2] == name]
        if len(same) == 1:
            return same[0]
        if same:
            raise VariableNotFoundError(
                f"Beam {self.beam} of {self.href} has several {name}: name one of "
                f"{', '.join(same)}."
            )
        close = get_close_matches(name.rpartition("/")[2], [p.rpartition("/")[2] for p in there])
        hint = f" Did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
        raise VariableNotFoundError(
            f"Beam {self.beam} of {self.href} lacks variable {name!r}.{hint} It has "
            f"{', '.join(there)}."
        )

    def has(self, path: str) -> bool:
        """Whether there is a dataset of this path."""
        return find_dataset(self.group, path) is not None

    def rate_of(self, path: str, rows: int) -> Rate | None:
        """Which rows a dataset of this length has; None for rows of its own."""
        rate = self.name.product.rate_of(path)
        return rate if rate is not None and self.counts.get(rate) == rows else None

    def variable(self, path: str) -> Variable:
        """Describe a dataset that is there."""
        dataset = self.dataset(path)
        require_rows(dataset, RowSlices.whole(dataset.shape[0]))
        attrs = read_attributes(dataset)
        kept = ("_FillValue", "coordinates")
        encoding: dict[str, Any] = {key: attrs.pop(key) for key in kept if key in attrs}
        fill = encoding.get("_FillValue", read_fill_value(dataset))
        return Variable(
            path=path,
            dims=self._dims(path, dataset.shape),
            shape=dataset.shape,
            dtype=dataset.dtype,
            attrs=attrs,
            encoding=encoding,
            fill_value=fill,
        )

    def dataset(self, path: str) -> h5py.Dataset:
        """The dataset of this path.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError`.
        """
        stored = find_dataset(self.group, path)
        if stored is None:
            raise VariableNotFoundError(f"Beam {self.beam} of {self.href} lacks {path}.")
        return stored

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""
        return read_rows(self.dataset(path), rows)

    def read_numbers(self, path: str, rows: RowSlices, kinds: str = "iu") -> NDArray[Any]:
        """As :meth:`read`, of a dataset of one number a row; ``kinds`` are those of its type.

        Raises :class:`~catalog_builder.errors.BeamError` for another.
        """
        dataset = self.dataset(path)
        if dataset.ndim != 1 or dataset.dtype.kind not in kinds:
            raise BeamError(
                f"{path} ({dataset.dtype}, {dataset.shape}) of {self.href} must be one "
                f"{'whole number' if kinds == 'iu' else 'number'} a row: the file is damaged."
            )
        return self.read(path, rows)

    def _dims(self, path: str, shape: tuple[int, ...]) -> tuple[str, ...]:
        group, _, name = path.rpartition("/")
        rate = self.rate_of(path, shape[0])
        if rate is not None:
            first = rate.dimension
        else:
            times = find_dataset(self.group, f"{group}/delta_time" if group else "delta_time")
            own = times is not None and times.shape[:1] == shape[:1]
            first = (group if own and group else f"{path}_row").replace("/", "_")
        named = self.name.product.columns.get(name)
        if named is not None and len(shape) == 2:
            return first, named
        return (first, *(f"{name}_{axis}" for axis in range(1, len(shape))))


def name_of(file: h5py.File, href: str) -> GranuleName:
    """Name of the granule: from its address, else from the file name in its metadata.

    Raises :class:`~catalog_builder.errors.ProductError` where neither has one, or where the file
    says that it is of another product.
    """
    try:
        name = GranuleName.parse(href)
    except ProductError:
        described = find(file, "METADATA/DatasetIdentification")
        known = "" if described is None else str(read_attribute(described, "fileName", ""))
        if not known:
            raise
        name = GranuleName.parse(known)
    told = read_attribute(file, "short_name", name.product.short_name)
    if told != name.product.short_name:
        raise ProductError(
            f"{href} is named as {name.product.short_name}, and says that it is {told!r}."
        )
    return name
