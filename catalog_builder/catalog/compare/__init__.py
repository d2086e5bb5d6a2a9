"""What one listing of granules has that another has not: cloud, on premises, a STAC API.

Imports the base and the other rooms of ``catalog`` below it, of which it uses ``definition``,
``footprint``, ``cmr`` and ``stac``. Public names: ``compare`` and ``compare_with_stac`` of
``comparison``, and ``StacApi`` of ``stac_api``.
"""
