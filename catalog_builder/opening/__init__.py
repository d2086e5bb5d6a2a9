"""Opens what users name, a STAC item or an address, as photons in xarray.

``resolve`` turns it into one value, once; the other modules go down from there. Imports ``beams``,
``catalog`` and the foundation.

Public: ``resolve.resolve``, ``resolve.ResolvedGranule``, ``one_granule.open_beam``,
``one_granule.open_lazy``, ``one_granule.open_granule``, ``one_granule.describe``,
``many_granules.open_beams``, ``reference_cache.load_references``.
"""
