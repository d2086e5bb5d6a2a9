"""CMR records as STAC: granules, items, the pages and the layout of a static catalog.

Owns the contents of granules, items, pages and ``catalog.yml``, and the path of every file. May
import ``catalog.definition``, ``catalog.footprint``, ``catalog.cmr`` and the foundation. Of a
catalog's folder it lists the files, but neither reads nor writes them.

Public names: :class:`~.granule.Granule`, :data:`~.item.Item`, :class:`~.item.ItemMaker`,
:func:`~.item.to_item`, :func:`~.collection.to_collection`, :func:`~.intake_yaml.intake_yaml`,
:class:`~.validation.StacSchemas`, and the functions of :mod:`~.layout`, :mod:`~.pages` and
:mod:`~.beam_assets`.
"""
