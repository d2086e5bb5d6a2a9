"""Which granules of a catalog are indexed, and how large they are: a few columns of its index.

No item file is read for it, but for those of the granules that the index does not show yet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.build.item_files import read_item
from catalog_builder.catalog.build.published_references import published_references
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.catalog.stac.layout import INDEX, REFERENCES, item_path
from catalog_builder.errors import CatalogError, FolderError, ItemNotFoundError, ProductError
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.progress import Reporter

_SIZE: Final = "assets.data.file:size"
_FILE: Final = f"assets.{REFERENCES}.href"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranuleTable:
    """The granules of a catalog, in the order of its index."""

    ids: pa.Array
    """Id of each."""
    collections: pa.Array
    """Id of each one's collection, dictionary-encoded."""
    sizes: NDArray[np.float64]
    """Bytes of each one's file, by its record; NaN where that does not say."""
    indexed: NDArray[np.bool_]
    """Whether each has its beam references."""

    @classmethod
    def read(cls, folder: PublishedFolder, progress: Reporter | None = None) -> GranuleTable:
        """Read the columns. Raises CatalogError for an index that is damaged."""
        import pyarrow as pa

        file = open_table(folder.files)
        if file is None:
            raise CatalogError(f"{folder.root / INDEX} is damaged: build with --full (full=True).")
        parts: list[pa.Table] = []
        done = 0
        with file:
            for number in range(file.num_row_groups):
                if progress is not None:
                    progress(
                        Progress(
                            stage="reading the index", done=done, total=file.metadata.num_rows
                        )
                    )
                try:
                    rows = file.read_row_group(number, ["id", "collection", _SIZE, _FILE])
                except (pa.ArrowException, OSError) as error:
                    raise CatalogError(
                        f"{folder.root / INDEX} is damaged ({error}): build with --full "
                        "(full=True)."
                    ) from error
                parts.append(_columns(rows))
                done += len(rows)
        whole = pa.concat_tables(parts).unify_dictionaries()
        table = cls(
            ids=whole["id"].combine_chunks(),
            collections=whole["collection"].combine_chunks(),
            sizes=whole["size"].to_numpy(),
            indexed=whole["indexed"].to_numpy().copy(),
        )
        table._correct(folder)
        return table

    def __len__(self) -> int:
        return len(self.ids)

    def granule(self, row: int) -> str:
        """Id of the granule in a row."""
        granule: str = self.ids[row].as_py()
        return granule

    def path(self, row: int) -> str:
        """Path of its item. Raises ProductError for an id that no granule can have."""
        return item_path(self.collections[row].as_py(), GranuleName.parse(self.granule(row)))

    def rows(self, granules: Collection[str]) -> NDArray[np.int64]:
        """Row of each of these granules, in the order of the index.

        Raises :class:`~catalog_builder.errors.ItemNotFoundError` where one is missing.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        asked = pa.array(sorted(granules), pa.string())
        found = np.flatnonzero(pc.is_in(self.ids, value_set=asked).to_numpy(zero_copy_only=False))
        if len(found) < len(asked):
            there = {self.granule(int(row)) for row in found}
            missing = next(one for one in asked.to_pylist() if one not in there)
            raise ItemNotFoundError(
                f"The catalog holds no granule {missing!r}: an id is a file name without .h5."
            )
        return found

    def stored_bytes(self, rows: NDArray[np.int64]) -> float:
        """Bytes of the files of some granules; one of unknown size counts as the others' mean.

        NaN where no size is known.
        """
        sizes = self.sizes[rows]
        known = sizes[~np.isnan(sizes)]
        if not len(sizes):
            return 0.0
        return float(known.mean() * len(sizes)) if len(known) else float("nan")

    def _correct(self, folder: PublishedFolder) -> None:
        """Take from the item file what a killed run wrote, which the index does not show yet."""
        import pyarrow as pa
        import pyarrow.compute as pc

        newer = pa.array(sorted(folder.outdated_granules()), pa.string())
        if not len(newer):
            return
        for row in np.flatnonzero(
            pc.is_in(self.ids, value_set=newer).to_numpy(zero_copy_only=False)
        ).tolist():
            try:
                path = self.path(row)
                item = read_item(folder, path)
                found = published_references(folder.files, path, item)
                self.indexed[row] = REFERENCES in found
            except FolderError:
                raise  # a link, or a path of no catalog: someone tampered with the folder
            except (CatalogError, ProductError):
                self.indexed[row] = False


def _columns(rows: pa.Table) -> pa.Table:
    """Id, collection, size and whether it is indexed, of these rows of an index."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = pa.nulls(len(rows), pa.float64())
    indexed = pa.array(np.zeros(len(rows), bool))
    for field in rows.schema.field("assets").type if "assets" in rows.schema.names else ():
        values = pc.struct_field(rows["assets"], [field.name, field.type[0].name])
        if field.name == REFERENCES:  # those of layout 1 are made anew
            indexed = values.is_valid()
        else:
            size = values.cast(pa.float64())
    return pa.table(
        {
            "id": rows["id"],
            "collection": rows["collection"].dictionary_encode(),
            "size": pc.fill_null(size, float("nan")),
            "indexed": indexed,
        }
    )
