"""The photons of an area: all passes of a search in one read, exact and filtered.

An area, an interval and conditions become a request; granules are found by footprints and ground
tracks, passes (a beam of a granule each) planned by their references (``planning``), and read with
one pool of connections (``reading``); what stays becomes a ragged Dataset (``tables``), or a file
(``writing``). On top, ``open_photons`` reads now and ``lazy_photons`` in dask's ``photon_tasks``.
Imports ``opening``, ``beams``, ``catalog`` and the foundation.

Public: ``open_photons.open_photons``.
"""
