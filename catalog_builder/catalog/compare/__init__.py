"""Compares two listings of granules: the cloud with on-premises, or with a STAC API.

Owns the comparison and the reading of STAC APIs. May import ``catalog.definition``,
``catalog.footprint``, ``catalog.cmr``, ``catalog.stac`` and the foundation.

Public names: ``compare`` and ``compare_with_stac`` of ``comparison``, and
``StacApi`` of ``stac_api``.
"""
