"""Where a granule lies: rings and stretches of an orbit become valid GeoJSON.

Imports the base alone. Public names: ``Footprint``, ``draw`` and ``footprint`` of ``swath``,
``ring`` and ``orbit_extent`` of ``raw_footprint``, ``from_geojson``, and ``cover`` of
``bbox_union``.
"""
