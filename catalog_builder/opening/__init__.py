"""From what names a granule to its photons in xarray."""
