"""Columns of a beam's photons beside its own datasets: derived, tested, and in which frame.

Heights above other surfaces, and whatever else keeps to ``photon_columns.PhotonColumns``, such as
classes of sibling products; conditions on any of them. Imports the foundation, ``beams.read`` and
``beams.loading``.

Public: ``photon_columns.PhotonColumns``, ``heights.parse_heights``, ``conditions.parse_where``.
"""
