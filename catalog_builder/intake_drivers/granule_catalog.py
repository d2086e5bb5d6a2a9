"""The intake catalog of a published catalog's granules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Unpack

from intake.catalog.base import Catalog

from catalog_builder._version import __version__
from catalog_builder.errors import ItemNotFoundError
from catalog_builder.intake_drivers.arguments import (
    read_access,
    read_beam,
    read_box,
    read_catalog,
    read_names,
    read_period,
    read_search,
)
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.catalog_entry import CatalogEntry
from catalog_builder.intake_drivers.representation import (
    html_table,
    shown_address,
)
from catalog_builder.plain_text import visible
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.products.granule_name import is_granule_id

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.catalog.index.search_arguments import SearchOptions

MOST_OPENED: Final = 2_000
"""Granules that one call of ``to_dask`` opens."""


class GranuleCatalog(CatalogEntry, Catalog):  # type: ignore[misc]  # intake has no types
    """The granules of a published catalog, looked up in its index; listed only by iteration.

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
        address = read_catalog(catalog)
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
            from catalog_builder.catalog.index.item_index import ItemIndex

            index = ItemIndex.open(self.catalog, storage_options=self.storage_options)
            for search in self.searches:
                index = index.search(**search)
            self._index = index
        return self._index

    def search(self, **conditions: Unpack[SearchOptions]) -> GranuleCatalog:
        """The granules among these for which all conditions hold.

        Conditions are those of :meth:`catalog_builder.catalog.index.item_index.ItemIndex.search`:
        ``bbox`` west, south, east, north in degrees; ``intersects`` a GeoJSON Polygon or
        MultiPolygon, a feature of one, or what has a ``__geo_interface__``; ``datetime`` a time or
        ``"A/B"``; ``rgt``, ``cycle``, ``region``, ``orbit_state``, ``revision``, ``precise``,
        ``limit``, ``ids``. Raises the same errors.
        """
        arguments = read_search(conditions)
        found = self.configure_new(searches=[*self.searches, arguments.to_dict()])
        found._index = self.index.search(arguments)
        return found

    def to_dask(
        self,
        beam: str = BEAMS[0],
        variables: Sequence[str] | None = None,
        bbox: Any = None,
        datetime: Any = None,
        access: Any = None,
    ) -> xr.DataTree:
        """A beam of each of these granules, lazily: a tree with a Dataset a granule, by its id.

        As :func:`catalog_builder.opening.many_granules.open_beams`. At most 2,000 granules: what a
        search found, rather than a mission.
        """
        from catalog_builder.catalog.index.catalog_location import CatalogLocation
        from catalog_builder.opening.many_granules import open_beams

        if len(self.index) > MOST_OPENED:
            raise ValueError(
                f"{self!r} holds {len(self.index):,} granules, and at most {MOST_OPENED:,} are "
                "opened at once: search(bbox=..., datetime=..., limit=...) for fewer."
            )
        return open_beams(
            self.index.dictionaries(),
            read_beam(beam),
            read_names("variables", variables),
            read_box("bbox", bbox),
            read_period("datetime", datetime),
            access=read_access(access),
            catalog=CatalogLocation.parse(self.catalog, self.storage_options),
        )

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

    def _make_entries_container(self) -> Mapping[str, BeamSource]:
        return _Granules(self)

    def __getitem__(self, key: Any) -> Any:
        """The source of a granule's beams by its id; whatever else intake looks up."""
        if is_granule_id(key):
            return self._entries[key]
        if isinstance(key, str) and key.upper().startswith("ATL"):
            raise KeyError(_none_like(self.index, key))
        return super().__getitem__(key)

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *vars(self)})

    def _ipython_key_completions_(self) -> list[str]:
        granules: _Granules = self._entries
        return granules.first_known(100)

    def __repr__(self) -> str:
        searched = "".join(f", {key}={value}" for key, value in self._conditions())
        return visible(f"<ICESat-2 granules of {shown_address(self.catalog)}{searched}>")

    def _repr_html_(self) -> str:
        rows = [("catalog", shown_address(self.catalog)), *self._conditions()]
        return html_table("ICESat-2 granules", rows, 'search(bbox=…) · [id](beam="gt1l")')

    def _conditions(self) -> Iterator[tuple[str, str]]:
        """Name and value of each condition, for people to read."""
        for search in self.searches:
            for name, value in search.items():
                yield name, value["type"] if name == "intersects" else repr(value)


def _none_like(index: ItemIndex, granule: str) -> str:
    """Why there is no such granule, and which are near."""
    try:
        index.item(granule)
    except ItemNotFoundError as error:
        return str(error)
    return f"{granule} is not the name of a granule."


class _Granules(Mapping[str, BeamSource]):
    """The entries of a :class:`GranuleCatalog`, each made on access."""

    def __init__(self, owner: GranuleCatalog) -> None:
        self._owner = owner
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[str]:
        # Not kept from before: a rebuild may have changed them.
        self._ids = self._owner.index.ids
        return iter(self._ids)

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
        if not owner.searches and not owner.index.is_open:
            # One small item says whether it is there; the index is a longer read.
            try:
                source.load_item()
            except ItemNotFoundError as error:
                raise KeyError(str(error)) from error
        elif granule not in owner.index:
            raise KeyError(_none_like(owner.index, granule))
        source.name, source.description, source.cat = granule, f"Beams of {granule}", owner
        return source

    def first_known(self, count: int) -> list[str]:
        """The first ids of the last listing; none before it."""
        return self._ids[:count]
