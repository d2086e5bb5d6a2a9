"""Granules of ATL03's sibling products: a beam as a Dataset, and its classes on ATL03's photons.

Which datasets a product has, and how its rows name photons, are facts of ``products``; what is
here reads any of them. Imports ``beams``, ``products`` and the foundation.

Public: ``sibling_dataset.open_sibling_beam``, ``photon_classes.PhotonClassColumns``,
``class_request.parse_classes``.
"""
