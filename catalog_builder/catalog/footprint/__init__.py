"""Footprints of granules: rings and stretches of an orbit become valid GeoJSON.

Owns how a footprint is converted to orbit coordinates, densified and split at ±180. May import the
foundation alone. Public names: ``Footprint``, ``draw`` and ``footprint`` of ``swath``,
``ring`` and ``orbit_extent`` of ``raw_footprint``, ``from_geojson``, and ``cover`` of
``bbox_union``.
"""
