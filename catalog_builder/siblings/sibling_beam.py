"""Reads one beam of an open granule of any product through h5py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

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
from catalog_builder.beams.read.selection import Selection
from catalog_builder.errors import (
    BeamNotFoundError,
    EmptyBeamError,
    ProductError,
    VariableNotFoundError,
)
from catalog_builder.products.atl03 import BEAMS, Beam
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import Rate
from catalog_builder.siblings.sibling_reader import beam_attributes, described

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
        known = read_attributes(self.group)
        return beam_attributes(
            self,
            beam_strength(self.beam, known, self.orientation),
            beam_spot(self.beam, known, self.orientation),
        )

    def listing(self) -> list[str]:
        """Paths of all datasets within the beam; reads every header of it."""
        return list(dataset_paths(self.group))

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""
        stored = find_dataset(self.group, path)
        return None if stored is None else stored.shape

    def variable(self, path: str) -> Variable:
        """Describe a dataset.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError` where there is none.
        """
        dataset = self.dataset(path)
        require_rows(dataset, RowSlices.whole(dataset.shape[0]))
        return described(
            self,
            path,
            dataset.shape,
            dataset.dtype,
            read_attributes(dataset),
            read_fill_value(dataset),
        )

    def dataset(self, path: str) -> h5py.Dataset:
        """The dataset of this path.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError`.
        """
        stored = find_dataset(self.group, path)
        if stored is None:
            raise VariableNotFoundError(f"Beam {self.beam} of {self.href} lacks {path}.")
        return stored

    def near_rows(self, rows: int, selection: Selection) -> RowSlices:  # noqa: ARG002
        """All: none is read yet."""
        return RowSlices.whole(rows)

    def prefetch(self, wanted: Mapping[str, RowSlices]) -> None:
        """Do nothing: h5py reads one dataset at a time."""

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored."""
        return read_rows(self.dataset(path), rows)

    def lineage(self) -> str:
        """What the file says it was made from, in words."""
        source = find(self.group.file, "METADATA/Lineage/ATL03")
        names = {} if source is None else read_attributes(source)
        known = names.get("fileName")
        return "it does not say" if known is None else f"its lineage names {known}"


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
