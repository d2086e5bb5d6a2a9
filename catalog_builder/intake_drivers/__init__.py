"""The intake drivers: a beam as a source, and the granules of a published catalog as a catalog.

Making a source or a catalog reads nothing; what takes long to import is imported where it is first
needed. Both pickle as their arguments: a worker opens the file, and logs in, for itself.

Imports the foundation, ``catalog``, ``beams`` and ``opening``.

Public: :class:`~catalog_builder.intake_drivers.beam_source.BeamSource`,
:class:`~catalog_builder.intake_drivers.granule_catalog.GranuleCatalog`.
"""

import warnings

# intake 2.0.9 says this of every text parameter of every catalog; no catalog of ours has a shell
# command, and a notebook should not open with a warning about one.
warnings.filterwarnings(
    "ignore", message="Shell command not executed due to getshell=False", category=UserWarning
)
