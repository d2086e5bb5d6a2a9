"""CMR records as STAC: granules, items, the pages and the layout of a static catalog.

Owns what a granule, an item, a page and ``catalog.yml`` hold, and the path of every file. May
import ``catalog.definition``, ``catalog.footprint``, ``catalog.cmr`` and the foundation. It does
not read or write a catalog's folder, but for listing its files.

Public names: :class:`~.granule.Granule`, :data:`~.item.Item`, :class:`~.item.ItemMaker`,
:func:`~.item.to_item`, :func:`~.collection.to_collection`, :func:`~.intake_yaml.intake_yaml`,
:class:`~.validation.StacSchemas`, and the functions of :mod:`~.layout`, :mod:`~.pages` and
:mod:`~.beam_assets`.
"""
