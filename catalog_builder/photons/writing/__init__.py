"""Writes photons to files: pass by pass through a spool, or from memory.

``photon_files`` knows the kinds, ``pass_spool`` keeps what was read until all is there, and
``photon_stream`` hands it to the writers. It imports ``tables`` and ``reading``.
"""
