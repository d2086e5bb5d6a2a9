"""Every driver of a catalog's YAML: no secret leaves it, addresses lead where they may."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from catalog_builder.errors import AddressError
from catalog_builder.intake_drivers.beam_source import BeamSource
from catalog_builder.intake_drivers.catalog_entry import CatalogEntry
from catalog_builder.intake_drivers.granule_catalog import GranuleCatalog
from catalog_builder.intake_drivers.photon_source import PhotonSource
from catalog_builder.intake_drivers.saved_beam import SavedBeam

SECRET = "very-secret"
DRIVERS: list[tuple[Any, dict[str, Any]]] = [
    (BeamSource, {"granule": "ATL03_20181014031924_02370102_007_01"}),
    (PhotonSource, {"bbox": [0, 0, 1, 1]}),
    (GranuleCatalog, {}),
]


def test_these_are_all() -> None:
    # A saved beam is of no catalog; its tests are test_saved_beam's.
    assert {driver for driver, _ in DRIVERS} == {*CatalogEntry.__subclasses__()} - {SavedBeam}


@pytest.mark.parametrize(("driver", "arguments"), DRIVERS)
def test_no_secret_leaves_a_source(driver: Any, arguments: dict[str, Any]) -> None:
    source = driver(
        catalog=f"https://host.example/catalog?sign={SECRET}",
        storage_options={"headers": {"Authorization": SECRET}},
        **arguments,
    )
    packed = pickle.dumps(source)
    for text in (packed, repr(source).encode(), str(source.yaml()).encode()):
        assert SECRET.encode() not in text
    again = pickle.loads(packed)
    assert again.catalog.folder == "https://host.example/catalog"


@pytest.mark.parametrize(("driver", "arguments"), DRIVERS)
def test_a_yaml_from_the_network_names_no_file_of_this_machine(
    driver: Any, arguments: dict[str, Any]
) -> None:
    there = SimpleNamespace(path="https://host.example/catalog.yml")
    source = driver(catalog="/etc", **arguments)
    source.catalog_object = there
    assert source.catalog == "https://host.example/etc"
    source = driver(catalog="file:///etc", **arguments)
    with pytest.raises(AddressError):
        source.catalog_object = there
