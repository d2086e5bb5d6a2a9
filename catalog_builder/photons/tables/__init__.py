"""Makes of the photons that stay a ragged Dataset, or tables of rows. It imports ``reading``."""
