"""The photons of an area: all passes of a search in one read, exact and filtered.

An area, an interval and conditions become a request; granules are found by footprints and ground
tracks, passes (a beam of a granule each) planned by their references, and read with one pool of
connections; what stays becomes a ragged Dataset. Imports ``opening``, ``beams``, ``catalog`` and
the foundation.

Public: ``open_photons.open_photons``.
"""
