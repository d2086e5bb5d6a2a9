"""Granules that a search of CMR found, as STAC items in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from catalog_builder.catalog.html_summary import html_summary, span
from catalog_builder.catalog.index.harmony_request import harmony_request
from catalog_builder.extras import needing

if TYPE_CHECKING:
    import geopandas
    import harmony
    import pystac

    from catalog_builder.geo.window import Moment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranuleList(Sequence["pystac.Item"]):
    """Granules as STAC items: what :func:`~catalog_builder.catalog.granule_search.search` gives.

    It is a sequence of pystac Items, and is taken as it is by ``open_photons`` and ``open_beams``;
    ``open_beam`` takes one of them.
    """

    documents: tuple[dict[str, Any], ...] = field(repr=False)
    """The items as in JSON."""
    listed: int
    """Records that CMR listed for the place and time: its search is loose."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Records that cannot be used: GranuleUR with the concept id, and the reason."""
    collection_concept_id: str | None = None
    """Their collection in CMR."""

    @property
    def ids(self) -> list[str]:
        """Ids of the granules: their file names without ``.h5``."""
        return [item["id"] for item in self.documents]

    def __len__(self) -> int:
        return len(self.documents)

    @overload
    def __getitem__(self, place: int) -> pystac.Item: ...
    @overload
    def __getitem__(self, place: slice) -> GranuleList: ...
    def __getitem__(self, place: int | slice) -> pystac.Item | GranuleList:
        if isinstance(place, slice):
            return replace(self, documents=self.documents[place])
        import pystac

        return pystac.Item.from_dict(self.documents[place])

    def __iter__(self) -> Iterator[pystac.Item]:
        return (self[place] for place in range(len(self)))

    def to_geodataframe(self) -> geopandas.GeoDataFrame:
        """A row for each granule: its properties, with the footprint as geometry.

        Raises :class:`~catalog_builder.errors.MissingExtraError` without geopandas.
        """
        with needing("geo", "A GeoDataFrame"):
            import geopandas
        import shapely

        rows = [{"id": item["id"], **item["properties"]} for item in self.documents]
        shapes = [shapely.geometry.shape(item["geometry"]) for item in self.documents]
        return geopandas.GeoDataFrame(rows, geometry=shapes, crs="OGC:CRS84")

    def to_harmony(
        self,
        area: Any = None,
        variables: Sequence[str] | None = None,
        *,
        beams: Sequence[str] | str | None = None,
        datetime: Moment | Sequence[Moment] = None,
        **options: Any,
    ) -> harmony.Request:
        """A request to NASA's Harmony for these granules, cut by area, time and variables.

        Arguments and errors are those of
        :func:`~catalog_builder.catalog.index.harmony_request.harmony_request`.
        """
        return harmony_request(
            {item["id"]: item["properties"].get("cmr:concept_id") for item in self.documents},
            [self.collection_concept_id],
            area=area,
            variables=variables,
            beams=beams,
            datetime=datetime,
            **options,
        )

    def explore(self, **options: Any) -> Any:
        """A folium map of the footprints: geopandas' ``explore``, with its options.

        Raises :class:`~catalog_builder.errors.MissingExtraError` without folium.
        """
        with needing("geo", "A map to explore"):
            import folium  # noqa: F401  # geopandas imports it
        return self.to_geodataframe().explore(**options)

    def _repr_html_(self) -> str:
        import shapely

        properties = [item["properties"] for item in self.documents]
        facts = (
            ("granules", len(self)),
            ("listed by CMR", self.listed),
            ("time", span(one["start_datetime"][:10] for one in properties)),
            ("tracks", span(one["sat:relative_orbit"] for one in properties)),
            ("cycles", span(one["sat:orbit_cycle"] for one in properties)),
            ("left out", len(self.left_out) or None),
        )
        shapes = [shapely.geometry.shape(item["geometry"]) for item in self.documents]
        return html_summary("Granules found in CMR", facts, shapes)

    def __repr__(self) -> str:
        some = "" if not self.documents else f": {self.ids[0]}"
        more = f" to {self.ids[-1]}" if len(self) > 1 else ""
        return f"<{len(self)} granule{'' if len(self) == 1 else 's'}{some}{more}>"
