"""The searchable index of items, ``items.parquet``: written, read, searched.

Owns the columns of the file, its partitions and row groups, the staging of its rows on disk, and
the location of a published catalog. May import
``catalog.definition``, ``catalog.footprint``, ``catalog.cmr``, ``catalog.stac`` and the
foundation.

Public names: :class:`~.item_index.ItemIndex`, :func:`~.item_index.open_index`,
:class:`~.search_arguments.SearchArguments`, :func:`~.lookup.find_item`,
:class:`~.catalog_location.CatalogLocation`, :class:`~.published_item.PublishedItem`,
:class:`~.reader.IndexFile`; for writers :func:`~.schema.item_schema`, :func:`~.to_arrow.to_rows`,
:mod:`~.staging`, :func:`~.merge.merged_row_groups` and :func:`~.writer.write_row_groups`.
"""
