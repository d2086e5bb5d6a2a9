"""Reads the planned passes: many at once, within a window of memory, with retries.

``photon_reads`` reads all, ``pass_reading`` one by its plan, ``file_reading`` by h5py where there
is none; ``survivors`` keeps the photons that are asked for. It imports ``planning``.
"""
