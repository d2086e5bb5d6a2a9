"""The intake drivers: a beam as a source, and the granules of a published catalog as a catalog.

Nothing is read before it is asked for, and what takes long to import is imported then. Both
pickle as their arguments: a worker opens the file, and logs in, for itself.

Public: :class:`~catalog_builder.intake_drivers.beam_source.BeamSource`,
:class:`~catalog_builder.intake_drivers.granule_catalog.GranuleCatalog`.
"""

import warnings

# intake 2.0.9 says this of every text parameter of every catalog; no catalog of ours has a shell
# command, and a notebook should not open with a warning about one.
warnings.filterwarnings(
    "ignore", message="Shell command not executed due to getshell=False", category=UserWarning
)
