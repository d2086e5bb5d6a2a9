"""Where a granule lies: rings and orbits become valid GeoJSON."""
