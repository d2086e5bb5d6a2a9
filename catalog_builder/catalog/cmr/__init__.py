"""NASA's Common Metadata Repository (CMR): queries, answers, records.

Imports the base, ``catalog.definition`` and ``catalog.footprint``. Public names:
:class:`~catalog_builder.catalog.cmr.client.CmrClient`,
:class:`~catalog_builder.catalog.cmr.query.GranuleQuery`,
:class:`~catalog_builder.catalog.cmr.umm_c.Collection`, and the records of ``umm_g``.
"""
