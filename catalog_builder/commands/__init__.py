"""The verbs of the command line, one module each, loaded when they are called.

A verb reads arguments, calls the library and writes the result; it may import every package below.
Verbs share ``cmr_options``, ``granule_options`` and ``terminal``.
"""
