"""The catalog: from CMR's records to a published STAC catalog, and back to its items.

Its packages and modules, lowest first: ``definition``, ``footprint``, ``cmr``, ``stac``,
``index``, ``build``; then ``verify``, ``compare`` and ``serve``. Each imports only those below it
and the foundation.
"""
