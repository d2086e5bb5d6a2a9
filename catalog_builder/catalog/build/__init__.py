"""Builds a static catalog: fetches CMR's records and publishes items, pages and the index.

Owns the folder of a catalog while it is written: the build state, the staging directory, the
journal, the lock and ``build-report.json``. May import ``catalog.definition``,
``catalog.footprint``, ``catalog.cmr``, ``catalog.stac``, ``catalog.index`` and the foundation.

Public names: :func:`~.build.build`, :class:`~.report.BuildReport`,
:class:`~.publish.PublishedFolder`, :data:`~.staging_directory.STAGING`,
:func:`~.published_references.published_references`, :func:`~.reindex.refresh_index` and
:func:`~.reindex.write_index`.
"""
