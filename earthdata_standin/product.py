"""One simulated granule: which pass, release and revision, and where its file is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from earthdata_standin.tracks import Pass

Release = Literal["006", "007"]

PROTECTED_BUCKET: Final = "nsidc-cumulus-prod-protected"
PUBLIC_BUCKET: Final = "nsidc-cumulus-prod-public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """An ATL03 granule of the simulated world."""

    flown: Pass
    """What it covers."""
    release: Release
    revision: int = 1
    late: int = 0
    """Seconds by which the time in the name misses the start; in real ones mostly 0."""

    @property
    def id(self) -> str:
        """The file's name without ``.h5``."""
        start = self.flown.start + timedelta(seconds=self.late)
        flown = self.flown
        return (
            f"ATL03_{start:%Y%m%d%H%M%S}_{flown.rgt:04d}{flown.cycle:02d}{flown.region:02d}"
            f"_{self.release}_{self.revision:02d}"
        )

    @property
    def folder(self) -> str:
        """Where in a cloud bucket its files lie, without the bucket."""
        start = self.flown.start + timedelta(seconds=self.late)
        return f"ATLAS/ATL03/{self.release}/{start:%Y/%m/%d}"

    @property
    def key(self) -> str:
        """Bucket and key of the HDF5 file."""
        return f"{PROTECTED_BUCKET}/{self.folder}/{self.id}.h5"

    @property
    def metadata_key(self) -> str:
        """Bucket and key of the ISO 19115 record."""
        return f"{PUBLIC_BUCKET}/{self.folder}/{self.id}.iso.xml"
