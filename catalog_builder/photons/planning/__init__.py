"""Plans the photons of an area: what is asked for, its granules, and how each pass is read.

A request (``photon_request``) finds granules (``found_granules``), whose references give plans of
their passes (``pass_plan``), all together in ``planned_search``. Nothing of a granule is read. It
imports ``opening``, ``siblings`` and the rooms below them.
"""
