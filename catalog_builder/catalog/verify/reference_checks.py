"""Checks the reference files that an item names: paths, sizes and frames."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog_builder.catalog.stac.beam_assets import frames_of, photons_of, references_of
from catalog_builder.catalog.stac.layout import REFERENCES, references_path
from catalog_builder.errors import CatalogError, ProductError
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    from catalog_builder.catalog.index.catalog_location import CatalogLocation
    from catalog_builder.catalog.verify.problems import Problems


class ReferenceChecks:
    """The checks of the references of one catalog."""

    def __init__(self, location: CatalogLocation, problem: Problems) -> None:
        self._location = location
        self._problem = problem
        self.named: dict[str, frozenset[str]] = {}
        """Asset keys of the reference files that each item names, by the item's path."""

    def note(self, path: str, item: Mapping[str, Any]) -> dict[str, str] | None:
        """Note which reference files an item names; returns their expected paths by asset key.

        None, and a problem, if its assets cannot be read.
        """
        try:
            found = references_of(item, path)
            name = GranuleName.parse(item["id"])
            expected = {key: references_path(item["collection"], name, key) for key in found}
        except (KeyError, TypeError, ProductError) as error:
            self._problem(path, f"has no usable assets: {error!r}")
            return None
        if found:
            self.named[path] = frozenset(found)
        return expected

    def check(self, path: str, item: Mapping[str, Any], *, closely: bool) -> None:
        """Check that the reference files exist at their paths, and contain the beams' frames.

        ``closely``: also read the frames and compare their checksums.
        """
        expected = self.note(path, item)
        if expected is None:
            return
        for key, (file, stated) in references_of(item, path).items():
            if file != expected[key]:
                self._problem(path, f"has {key} at {file}, not {expected[key]}")
                continue
            try:
                size = self._location.size(file)
            except CatalogError as error:
                self._problem(path, f"names {key} that cannot be read: {error}")
                continue
            if None not in (stated, size) and stated != size:
                self._problem(path, f"states {stated} bytes for {file}, which has {size}")
            elif key == REFERENCES:
                self._check_frames(path, item, file, stated, closely=closely)

    def _check_frames(
        self, path: str, item: Mapping[str, Any], file: str, size: int | None, *, closely: bool
    ) -> None:
        try:
            frames = {
                beam: (facts["offset"], facts["length"], facts["crc32"])
                for beam, facts in frames_of(item).items()
            }
            without = [beam for beam, count in photons_of(item).items() if count]
            beyond = [
                beam
                for beam, (offset, length, _) in frames.items()
                if offset < 0 or length <= 0 or (size is not None and offset + length > size)
            ]
        except (KeyError, TypeError) as error:
            self._problem(path, f"has no usable offsets of references: {error!r}")
            return
        if without := [beam for beam in without if beam not in frames]:
            self._problem(path, f"has photons without references of {', '.join(without)}")
        if beyond:
            self._problem(path, f"has references of {', '.join(beyond)} beyond the end of {file}")
        elif closely:
            try:
                body = self._location.read(file)
            except CatalogError as error:
                self._problem(path, f"has references that cannot be read: {error}")
                return
            for beam, (offset, length, crc32) in frames.items():
                if zlib.crc32(body[offset : offset + length]) != crc32:
                    self._problem(path, f"has a checksum of {beam} that differs from {file}")
