"""The xarray engine ``atl03``: ``xr.open_dataset(href, engine="atl03", group="gt1l")``.

xarray imports this module when it opens anything: what is heavy is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xarray.backends import BackendEntrypoint

from catalog_builder.errors import BeamNotFoundError

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.beams.storage.links import Access
    from catalog_builder.geo.window import Moment


class Atl03Engine(BackendEntrypoint):
    """Opens a granule, given by its address, path or STAC item, in memory.

    ``open_dataset`` opens the beam named by ``group``, as
    :func:`~catalog_builder.opening.one_granule.open_beam`; ``open_datatree`` all beams, or the one
    that ``group`` names, as :func:`~catalog_builder.opening.one_granule.open_granule`. Both take
    ``variables``, ``bbox``, ``datetime`` and ``access`` of these. Values are decoded already: the
    options of xarray for that (``decode_times``, ...) are not taken.
    """

    description: ClassVar[str] = "Beams of ICESat-2 ATL03 granules, in NASA's cloud or on disk"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        *("filename_or_obj", "drop_variables", "group"),
        *("variables", "bbox", "datetime", "access"),
    )
    supports_groups: ClassVar[bool] = True

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        variables: Sequence[str] | None = None,
        bbox: Sequence[float] | str | None = None,
        datetime: Moment | Sequence[Moment] = None,
        access: Access = "auto",
    ) -> xr.Dataset:
        """Open a beam. Raises BeamNotFoundError without a ``group``, else as ``open_beam``."""
        from catalog_builder.opening.one_granule import open_beam

        if group is None:
            raise BeamNotFoundError('Name the beam to open: group="gt1l" (or use open_datatree).')
        beam = group.strip("/")
        opened = open_beam(filename_or_obj, beam, variables, bbox, datetime, access=access)
        return opened.drop_vars(_names(drop_variables), errors="ignore")

    def open_datatree(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        variables: Sequence[str] | None = None,
        bbox: Sequence[float] | str | None = None,
        datetime: Moment | Sequence[Moment] = None,
        access: Access = "auto",
    ) -> xr.DataTree:
        """Open all beams, a node each. Raises as ``open_granule``."""
        from catalog_builder.opening.one_granule import open_granule

        beams = None if group is None else [group.strip("/")]
        tree = open_granule(filename_or_obj, beams, variables, bbox, datetime, access=access)
        dropped = _names(drop_variables)
        if not dropped:
            return tree
        left: xr.DataTree = tree.map_over_datasets(
            lambda each: each.drop_vars(dropped, errors="ignore")
        )
        return left

    def open_groups_as_dict(self, filename_or_obj: Any, **options: Any) -> dict[str, xr.Dataset]:
        """Open all beams, by the paths of their nodes."""
        tree = self.open_datatree(filename_or_obj, **options)
        return {node.path: node.to_dataset() for node in tree.subtree}


def _names(given: str | Iterable[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())
