"""Indexes a catalog: scans its granules and publishes their beam references.

Owns the scanning of a whole catalog and the workers that do it. May import ``opening`` and the
rooms below it, both wings among them. Public names: :func:`~.index_catalog.index_catalog`,
:class:`~.index_catalog.IndexingReport`.
"""
