"""The intake drivers: a beam as a source, and the granules of a published catalog as a catalog.

Nothing is read before it is asked for, and what takes long to import is imported then. Both
pickle as their arguments: a worker opens the file, and logs in, for itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import islice
from operator import index as whole_number
from typing import TYPE_CHECKING, Any, NoReturn

from intake.catalog.base import Catalog
from intake.source.base import DataSource, Schema

from catalog_builder import __version__
from catalog_builder.catalog.published_item import find_item, is_granule_id
from catalog_builder.errors import ItemNotFoundError
from catalog_builder.intake_arguments import (
    read_access,
    read_beam,
    read_box,
    read_names,
    read_period,
    read_text,
)

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.beams.dataset import Chunks
    from catalog_builder.catalog.item_index import ItemIndex
    from catalog_builder.window import Box

# intake 2.0.9 says this of every text parameter of every catalog; no catalog of ours has a shell
# command, and a notebook should not open with a warning about one.
warnings.filterwarnings(
    "ignore", message="Shell command not executed due to getshell=False", category=UserWarning
)


class BeamSource(DataSource):  # type: ignore[misc]  # intake has no types
    """One beam of one granule, as an xarray Dataset.

    The granule is named by ``granule``, its id in the ``catalog`` at that folder's path or URL,
    or by ``href``, an s3, https or local address that needs no catalog. ``storage_options`` are
    fsspec's for the catalog's own files; they are never used for the granule.

    ``beam`` is one of ``gt1l`` to ``gt3r``; ``variables`` a list of names, ``group/name`` for any
    dataset of the beam; ``bbox`` west, south, east, north in degrees; ``datetime`` a time or
    ``"A/B"``; ``access`` one of ``auto``, ``s3``, ``https``, ``local``. A login is looked for
    where the bytes are fetched, and goes to trusted hosts only, whatever the catalog says.
    """

    name = "atl03_beam"
    version = __version__
    container = "xarray"
    partition_access = True
    _ipython_display_ = None  # it would hide _repr_html_

    def __init__(
        self,
        catalog: Any = None,
        granule: Any = None,
        beam: Any = None,
        variables: Any = None,
        bbox: Any = None,
        datetime: Any = None,
        access: Any = None,
        href: Any = None,
        storage_options: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(storage_options=storage_options, metadata=dict(metadata or {}))
        self.catalog = read_text("catalog", catalog)
        self.granule = read_text("granule", granule)
        self.href = read_text("href", href)
        self.beam = read_beam(beam)
        self.variables = read_names("variables", variables)
        self.bbox = read_box("bbox", bbox)
        self.datetime = read_period("datetime", datetime)
        self.access = read_access(access)
        self._item: dict[str, Any] | None = None
        self._lazy: xr.Dataset | None = None

    def read(self) -> xr.Dataset:
        """The beam in memory."""
        return self._open(self.bbox, self.datetime, chunks=None)

    def to_dask(self) -> xr.Dataset:
        """The beam in chunks that dask reads when they are needed, on whichever worker."""
        return self._open(self.bbox, self.datetime, chunks="auto")

    def _open(self, bbox: Box | None, datetime: str | None, chunks: Chunks) -> xr.Dataset:
        from catalog_builder.beams.dataset import open_beam
        from catalog_builder.opening import links_of

        return open_beam(
            links_of(self.href or self.load_item()),
            self.beam,
            variables=self.variables,
            bbox=bbox,
            datetime=datetime,
            access=self.access,
            chunks=chunks,
        )

    def configure_new(self, **changes: Any) -> BeamSource:
        """The same source with some arguments changed: ``src(beam="gt2r")``; None unsets one."""
        if self._entry is None:
            new = type(self)(
                *self._captured_init_args, **{**self._captured_init_kwargs, **changes}
            )
            new.name, new.description, new.cat = self.name, self.description, self.cat
            new._item = self._item if new.granule == self.granule else None
            return new
        asked = {
            key: value
            for key, value in self._captured_init_kwargs.items()
            if key in self._passed_kwargs
        }
        asked.update(changes)
        # An argument that is None is left out: intake would hand over its template instead.
        given = {key: value for key, value in asked.items() if value is not None}
        source: BeamSource = self._entry(**given)
        return source

    __call__ = get = configure_new

    def load_item(self) -> dict[str, Any]:
        """The granule's STAC Item, read from the catalog once."""
        if self.catalog is None or self.granule is None:
            raise ValueError(
                "No granule is named: give the id of one in this catalog, as in "
                'cat.beam(granule="ATL03_20181014031924_02370102_007_01", beam="gt1l"). '
                "cat.granules.search(...) finds ids."
            )
        if self._item is None:
            self._item = find_item(
                self.catalog, self.granule, storage_options=self.storage_options
            )
        return self._item

    def _get_schema(self) -> Schema:
        """Names, types and sizes, without reading a photon.

        Of a beam that a ``bbox`` or ``datetime`` cuts, the number of photons is None and there is
        one partition: only reading tells how many are inside.
        """
        whole = self._open(None, None, chunks="auto")
        sizes: dict[str, int | None] = {str(name): size for name, size in whole.sizes.items()}
        partitions = len(whole.chunksizes["photon"])
        if self._is_cut:
            sizes["photon"], partitions = None, 1
        return Schema(
            dtype={str(name): array.dtype for name, array in whole.variables.items()},
            shape=sizes,
            npartitions=partitions,
            extra_metadata=dict(whole.attrs),
        )

    @property
    def _is_cut(self) -> bool:
        return self.bbox is not None or self.datetime is not None

    def _get_partition(self, i: int) -> xr.Dataset:
        """The photons of the i-th dask chunk, in memory; of a beam that is cut, all of them."""
        if self._is_cut:
            return self.read()
        if self._lazy is None:
            self._lazy = self.to_dask()
        sizes = self._lazy.chunksizes["photon"]
        start = sum(sizes[:i])
        return self._lazy.isel(photon=slice(start, start + sizes[i])).load()

    def _close(self) -> None:
        self._schema = self._lazy = None

    def _yaml(self) -> dict[str, Any]:
        return _without_options(super()._yaml())

    def __repr__(self) -> str:
        shown = {key: value for key, value in self._shown().items() if value is not None}
        return f"<{self.name}: {', '.join(f'{key}={value!r}' for key, value in shown.items())}>"

    def _repr_html_(self) -> str:
        return _html_table("ATL03 beam", self._shown().items(), "read() · to_dask() · discover()")

    def _shown(self) -> dict[str, Any]:
        return {
            "granule": self.href or self.granule,
            "beam": self.beam,
            "variables": self.variables,
            "bbox": self.bbox,
            "datetime": self.datetime,
            "access": None if self.access == "auto" else self.access,
            "catalog": None if self.href else self.catalog,
        }


class GranuleCatalog(Catalog):  # type: ignore[misc]  # intake has no types
    """The granules of a published catalog, looked up in its index and never listed unasked.

    ``catalog`` is the path or URL of the published folder. ``searches`` are conditions that all
    hold, each a mapping of arguments of :meth:`search`: with them a selection pickles, and can be
    written to YAML.
    """

    name = "atl03_granules"
    version = __version__
    container = "catalog"
    _ipython_display_ = None  # it would hide _repr_html_

    def __init__(
        self,
        catalog: Any = None,
        searches: list[Mapping[str, Any]] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **kw: Any,
    ) -> None:
        address = read_text("catalog", catalog)
        if address is None:
            raise ValueError("catalog must be the path or URL of a published catalog's folder.")
        self.catalog = address
        self.searches = [dict(search) for search in searches or []]
        self._index: ItemIndex | None = None
        # The index would be fetched again every minute.
        kw.setdefault("ttl", None)
        kw.setdefault("name", type(self).name)
        super().__init__(storage_options=storage_options, **kw)

    @property
    def index(self) -> ItemIndex:
        """The selection as an index of STAC items: ``.to_table()``, iteration, ``.item(id)``."""
        if self._index is None:
            from catalog_builder.catalog.item_index import ItemIndex

            index = ItemIndex.open(self.catalog, storage_options=self.storage_options)
            for search in self.searches:
                index = index.search(**search)
            self._index = index
        return self._index

    def search(
        self,
        *,
        bbox: Any = None,
        datetime: Any = None,
        rgt: int | None = None,
        cycle: int | None = None,
        region: int | None = None,
        limit: int | None = None,
    ) -> GranuleCatalog:
        """The granules that meet all conditions, those of earlier searches included.

        ``bbox`` is west, south, east, north in degrees (west > east crosses ±180) and is met by
        the footprint, not only its box; ``datetime`` a time or ``"A/B"``; ``rgt``, ``cycle`` and
        ``region`` numbers of the track, the repeat cycle and the part of the orbit.
        """
        box, period = read_box("bbox", bbox), read_period("datetime", datetime)
        numbers = {"rgt": rgt, "cycle": cycle, "region": region, "limit": limit}
        # Plain lists, texts and numbers: a selection can be written to YAML.
        asked: dict[str, Any] = {
            **({} if box is None else {"bbox": list(box)}),
            **({} if period is None else {"datetime": period}),
            **{name: whole_number(n) for name, n in numbers.items() if n is not None},
        }
        found = self.configure_new(searches=[*self.searches, asked])
        found._index = self.index.search(**asked)
        return found

    def configure_new(self, **changes: Any) -> GranuleCatalog:
        """The same catalog with some arguments changed."""
        new = type(self)(*self._captured_init_args, **{**self._captured_init_kwargs, **changes})
        new.name, new.description, new.cat = self.name, self.description, self.cat
        return new

    __call__ = get = configure_new

    def walk(
        self,
        sofar: dict[str, Any] | None = None,
        prefix: list[str] | None = None,  # noqa: ARG002  (intake's signature)
        depth: int = 2,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Nothing: hundreds of thousands of granules are to be searched, not walked."""
        return {} if sofar is None else sofar

    def filter(self, func: Any) -> NoReturn:
        """Not here: it would open every granule. :meth:`search`, or ``.index.to_table()``."""
        raise NotImplementedError("Use search(...), or .index.to_table() for other conditions.")

    def serialize(self) -> str:
        """YAML of a catalog that holds this selection as one entry."""
        text: str = self.yaml()
        return text

    def _yaml(self) -> dict[str, Any]:
        return _without_options(super()._yaml())

    def _make_entries_container(self) -> Mapping[str, BeamSource]:
        return _Granules(self)

    def __getitem__(self, key: Any) -> Any:
        """The source of a granule's beams by its id; whatever else intake looks up."""
        return self._entries[key] if is_granule_id(key) else super().__getitem__(key)

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *vars(self)})

    def _ipython_key_completions_(self) -> list[str]:
        granules: _Granules = self._entries
        return granules.first_known(100)

    def __repr__(self) -> str:
        searched = "".join(
            f", {key}={value!r}" for search in self.searches for key, value in search.items()
        )
        return f"<ATL03 granules of {self.catalog}{searched}>"

    def _repr_html_(self) -> str:
        rows = [("catalog", self.catalog)]
        rows += [item for search in self.searches for item in search.items()]
        return _html_table("ATL03 granules", rows, 'search(bbox=…) · [id](beam="gt1l")')


class _Granules(Mapping[str, BeamSource]):
    """The entries of a :class:`GranuleCatalog`, made when they are asked for."""

    def __init__(self, owner: GranuleCatalog) -> None:
        self._owner = owner
        self._ids: dict[str, None] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed())

    def __len__(self) -> int:
        return len(self._owner.index)

    def __contains__(self, granule: object) -> bool:
        # What is no id costs no request: notebooks try many names.
        if not is_granule_id(granule):
            return False
        try:
            self[str(granule)]
        except KeyError:
            return False
        return True

    def __getitem__(self, granule: str) -> BeamSource:
        owner = self._owner
        source = BeamSource(
            catalog=owner.catalog, granule=granule, storage_options=owner.storage_options
        )
        if self._ids is None and not owner.searches:
            # One small item says whether it is there; all ids are a longer read.
            try:
                source.load_item()
            except ItemNotFoundError as error:
                raise KeyError(str(error)) from error
        elif granule not in self._listed():
            raise KeyError(f"{granule} is not in {owner!r}")
        source.name, source.description, source.cat = granule, f"Beams of {granule}", owner
        return source

    def first_known(self, count: int) -> list[str]:
        """Some ids, where they were listed already."""
        return list(islice(self._ids or (), count))

    def _listed(self) -> dict[str, None]:
        if self._ids is None:
            self._ids = dict.fromkeys(self._owner.index.ids)
        return self._ids


def _without_options(data: dict[str, Any]) -> dict[str, Any]:
    """What intake would write to YAML, without ``storage_options``: keys may be in them."""
    for source in data["sources"].values():
        source["args"].pop("storage_options", None)
    return data


def _html_table(title: str, rows: Iterable[tuple[str, Any]], hint: str) -> str:
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(key)}</th>"
        f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
        for key, value in rows
        if value is not None
    )
    return f"<div><b>{title}</b><table>{cells}</table><code>{escape(hint)}</code></div>"
