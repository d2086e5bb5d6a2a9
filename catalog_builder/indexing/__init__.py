"""Gives the granules of a published catalog their references: scans them and publishes the sets.

Imports ``opening``, ``catalog``, ``beams`` and the foundation.

Public: ``index_catalog.index_catalog``, ``index_catalog.IndexingReport``, ``scan_task.ScanTask``,
``scan_workers.scan_all``.
"""
