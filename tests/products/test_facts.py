"""Facts of the products, against what real files say of themselves."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from catalog_builder.atl03 import BEAMS, DEFAULT_VARIABLES
from catalog_builder.errors import ProductError
from catalog_builder.products.facts import PRODUCTS, product_named

Dataset = tuple[str, tuple[str, ...]]

DESCRIBED = ("ATL06*.dmr.xml", "ATL08*.dmrpp", "ATL13*.dmr.xml", "ATL06*.h5", "ATL08*.h5")


def datasets_of(path: Path) -> dict[str, tuple[object, ...]]:
    """Dimensions of all datasets of the beams, by path: names, or lengths."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            found: dict[str, tuple[object, ...]] = {}

            def visit(name: str, item: object) -> None:
                if isinstance(item, h5py.Dataset):
                    found[name] = item.shape

            file.visititems(visit)
            return found
    # ATL13's groups are written as the beginning of names.
    described = dict(_datasets(ET.parse(path).getroot(), ""))
    return {
        re.sub(r"^(gt\d[lr])_", r"\1/", name): dimensions for name, dimensions in described.items()
    }


def _datasets(node: ET.Element, path: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    for child in node:
        kind = child.tag.rpartition("}")[2]
        name = f"{path}{child.get('name')}"
        if kind == "Group":
            yield from _datasets(child, f"{name}/")
        elif kind not in ("Dimension", "Attribute", "Dim", "Enumeration"):
            dims = [one for one in child if one.tag.endswith("}Dim")]
            yield name, tuple(one.get("name") or one.get("size") for one in dims)


@pytest.mark.parametrize("pattern", DESCRIBED)
def test_facts_agree_with_real_files(real_data: Path, pattern: str) -> None:
    paths = sorted((real_data / "siblings").glob(pattern))
    if not paths:
        pytest.skip(f"no {pattern} in {real_data / 'siblings'}")
    for path in paths:
        product = PRODUCTS[path.name[:5]]
        known = datasets_of(path)
        beams = [beam for beam in BEAMS if f"{beam}/{product.main.path('delta_time')}" in known]
        assert beams
        for beam in beams:
            of_beam = {
                name.removeprefix(f"{beam}/"): dimensions
                for name, dimensions in known.items()
                if name.startswith(f"{beam}/")
            }
            main = product.main
            for name in (main.latitude, main.longitude, main.time, *product.defaults):
                assert name is not None
                assert main.path(name) in of_beam, f"{path.name} {beam}"
            for name, dimensions in of_beam.items():
                rate = product.rate_of(name)
                if rate is None:
                    continue
                assert rate.time is not None
                assert dimensions[0] == of_beam[rate.path(rate.time)][0], f"{path.name} {name}"
                if len(dimensions) > 1:
                    assert name.rpartition("/")[2] in product.columns
            if product.classes is not None:
                assert product.classes.label in of_beam
                assert product.classes.time in of_beam


def test_atl03_is_as_the_rest_of_the_package_has_it() -> None:
    assert PRODUCTS["ATL03"].defaults == DEFAULT_VARIABLES
    assert [one for one in PRODUCTS.values() if one.counts_photons] == [PRODUCTS["ATL03"]]


def test_products_are_named_in_any_case_and_others_refused() -> None:
    assert product_named(" atl08 ") is PRODUCTS["ATL08"]
    with pytest.raises(ProductError, match="ATL15 is not opened here: it is a grid"):
        product_named("ATL15")
    with pytest.raises(ProductError, match=r"'ATL0' is no product .*Did you mean ATL10"):
        product_named("ATL0")
