"""Scans a granule's file once for the references and the ground tracks of its beams.

Imports ``read``, ``references`` and ``storage``.

Public: ``scan.scan``, ``scan.GranuleScan``, ``place_chunks.place_chunks``,
``track.simplified_track``.
"""
