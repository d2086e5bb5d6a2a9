"""Opens granules: from their links to photons in xarray.

Sub-packages and modules, lowest first: ``references`` (where bytes lie), ``storage`` (S3, HTTPS,
disk), ``read`` (bytes to arrays), ``scanning`` (granule to references), ``loading`` and ``lazy``
(NumPy and dask), ``dataset`` and ``description``, ``granule_tree``. They import the foundation
(``errors``, ``atl03``, ``transport``, ``auth``, ``geo``) and nothing of ``catalog``.

Public: ``dataset.open_beam``, ``granule_tree.open_granule``, ``description.describe``; what each
sub-package offers stands in its own docstring.
"""
