"""NASA's Common Metadata Repository (CMR): queries, answers, records.

Owns how CMR is queried and what its answers hold. May import ``catalog.definition``,
``catalog.footprint`` and the foundation. Public names:
:class:`~catalog_builder.catalog.cmr.client.CmrClient`,
:class:`~catalog_builder.catalog.cmr.query.GranuleQuery`,
:class:`~catalog_builder.catalog.cmr.umm_c.Collection`, and the records of ``umm_g``.
"""
