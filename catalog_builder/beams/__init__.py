"""How a granule opens: from a link to photons in xarray."""
