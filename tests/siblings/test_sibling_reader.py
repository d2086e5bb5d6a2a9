"""Datasets of a sibling are found by path or name, through h5py and by references alike."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import BeamError, VariableNotFoundError
from catalog_builder.siblings.planned_sibling import PlannedSibling
from catalog_builder.siblings.sibling_beam import SiblingBeam
from catalog_builder.siblings.sibling_reader import SiblingReader, path_named, require_number
from catalog_builder.siblings.sibling_scan import scan_sibling


def test_both_readers_describe_alike(siblings: dict[str, Path]) -> None:
    for path in siblings.values():
        links = GranuleLinks(local=str(path))
        planned = PlannedSibling.of(links, scan_sibling(links).beams["gt1l"], "local")
        with h5py.File(path) as file:
            by_file = SiblingBeam.find(file, str(path), "gt1l")
            assert planned.attributes() == by_file.attributes()
            assert planned.counts == by_file.counts
            assert set(planned.listing()) == set(by_file.listing())
            for name in by_file.listing():
                left, right = planned.variable(name), by_file.variable(name)
                assert (left.dims, left.shape, left.dtype) == (
                    right.dims,
                    right.shape,
                    right.dtype,
                )
                assert left.attrs == right.attrs
            assert planned.lineage() == by_file.lineage()
            readers: list[SiblingReader] = [planned, by_file]
            for reader in readers:
                with pytest.raises(VariableNotFoundError, match="lacks variable 'nothing'"):
                    path_named(reader, "nothing")


def test_numbers_are_required(siblings: dict[str, Path]) -> None:
    with h5py.File(siblings["ATL08"]) as file:
        beam = SiblingBeam.find(file, str(siblings["ATL08"]), "gt1l")
        assert path_named(beam, "h_canopy") == "land_segments/canopy/h_canopy"
        require_number(beam.variable("land_segments/n_seg_ph"), beam.href)
        for path, kinds in (
            ("land_segments/latitude", "iu"),
            ("land_segments/latitude_20m", "f"),
        ):
            with pytest.raises(BeamError, match="a row: the file is damaged"):
                require_number(beam.variable(path), beam.href, kinds)
