"""Facts of the products, against what real files say of themselves."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import pytest

from catalog_builder.errors import ProductError
from catalog_builder.products.atl03 import BEAMS, DEFAULT_VARIABLES
from catalog_builder.products.facts import PRODUCTS, product_named
from catalog_builder.products.product import Product, SegmentJoin

DESCRIBED = (
    *("ATL03*.dmr", "ATL03*.h5", "ATL06*.dmr.xml", "ATL06*.h5", "processed_ATL06*.h5"),
    *(
        "ATL08*.dmrpp",
        "ATL08*.dmr.xml",
        "ATL08*.h5",
        "ATL13*.dmr.xml",
        "variable_subset_ATL24*.h5",
    ),
)
LENGTHS = {"surface_type": {5}, "part_20m": {5}, "canopy_percentile": {9, 18}}
"""Of second dimensions; ATL08 has had 18 percentiles since release 004."""
BY_RELEASE = {"segment_landcover": {"i2", "i4"}}
"""Types that were others in early releases."""


@dataclass(frozen=True)
class Described:
    """A dataset of a real file."""

    dtype: str
    shape: tuple[int, ...]
    dims: tuple[str, ...]


def datasets_of(path: Path) -> dict[str, Described]:
    """All datasets, by path with ``_`` for ``/``: some descriptions have lost their groups."""
    found: dict[str, Described] = {}
    if path.suffix == ".h5":
        with h5py.File(path) as file:

            def visit(name: str, item: object) -> None:
                if isinstance(item, h5py.Dataset):
                    dtype = item.dtype.str.lstrip("<|")
                    found[name.replace("/", "_")] = Described(dtype, item.shape, ())

            file.visititems(visit)
        return found
    root = ET.parse(path).getroot()
    sizes = dict(_sizes(root, "/"))
    for name, node in _variables(root, ""):
        dims = [one for one in node if _tag(one) == "Dim"]
        shape = tuple(int(one.get("size") or sizes[str(one.get("name"))]) for one in dims)
        found[name.replace("/", "_")] = Described(
            _dtype(_tag(node)), shape, tuple(str(one.get("name")) for one in dims)
        )
    return found


def _tag(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def _dtype(kind: str) -> str:
    """``f4`` of ``Float32``."""
    match = re.fullmatch(r"(Float|Int|UInt)(\d+)", kind)
    if match is None:
        return kind
    return f"{match[1][0].lower()}{int(match[2]) // 8}"


def _sizes(node: ET.Element, path: str) -> Iterator[tuple[str, int]]:
    for child in node:
        if _tag(child) == "Group":
            yield from _sizes(child, f"{path}{child.get('name')}/")
        elif _tag(child) == "Dimension":
            yield f"{path}{child.get('name')}", int(child.get("size") or 0)


def _variables(node: ET.Element, path: str) -> Iterator[tuple[str, ET.Element]]:
    for child in node:
        name = f"{path}{child.get('name')}"
        if _tag(child) == "Group":
            yield from _variables(child, f"{name}/")
        elif _tag(child) not in ("Dimension", "Attribute", "Dim", "Map", "Enumeration"):
            yield name, child


def named_in(product: Product) -> set[str]:
    """Paths within the beam of the datasets that the facts of a product name."""
    main, classes = product.main, product.classes
    paths = {
        main.path(n) for n in (main.latitude, main.longitude, main.time, *product.defaults) if n
    }
    if classes is not None:
        paths |= {classes.time, classes.label, classes.join.place, *classes.columns.values()}
        if isinstance(classes.join, SegmentJoin):
            join = classes.join
            paths |= {join.segment, join.first, join.last, join.count}
    return paths


@pytest.mark.parametrize("pattern", DESCRIBED)
def test_facts_agree_with_real_files(real_data: Path, pattern: str) -> None:
    paths = sorted((real_data / "siblings").glob(pattern))
    if not paths:
        pytest.skip(f"no {pattern} in {real_data / 'siblings'}")
    for path in paths:
        short_name = re.search(r"ATL\d\d", path.name)
        assert short_name is not None
        product, every = PRODUCTS[short_name[0]], datasets_of(path)
        compared = 0
        for beam in BEAMS:
            known = {n[5:]: one for n, one in every.items() if n.startswith(f"{beam}_")}
            times = product.main.path("delta_time").replace("/", "_")
            if times in known or (known and "subset" in path.name):  # else it has no rows
                compared += _compare(path, product, known)
        assert compared, path.name


def _compare(path: Path, product: Product, known: Mapping[str, Described]) -> int:
    """Compare types, shapes and dimensions; how many datasets were."""
    lacking = [name for name in named_in(product) if name.replace("/", "_") not in known]
    assert not lacking or "subset" in path.name, f"{path.name} lacks {lacking}"
    for name in named_in(product):
        if (one := known.get(name.replace("/", "_"))) is not None:
            short = name.rpartition("/")[2]
            types = BY_RELEASE.get(short, {product.type_of(name)})
            assert one.dtype in types, f"{path.name} {name}"
    for name, one in known.items():
        rate = next(
            (r for r in product.rates if not r.group or name.startswith(f"{r.group}_")), None
        )
        if rate is None:
            continue
        times = known.get(rate.path(rate.time or "").replace("/", "_"))
        assert times is not None or "subset" in path.name
        if times is not None:
            assert one.shape[0] == times.shape[0], f"{path.name} {name}"
            assert one.dims[:1] == times.dims[:1], f"{path.name} {name}"
        second = next((dim for own, dim in product.columns.items() if name.endswith(own)), None)
        if len(one.shape) == 1 or name.endswith("velocity_sc"):
            assert second is None, f"{path.name} {name}"
        else:
            assert len(one.shape) == 2
            assert second is not None, f"{path.name} {name}"
            assert one.shape[1] in LENGTHS[second], f"{path.name} {name}"
    return len(known)


def test_atl03_is_as_the_rest_of_the_package_has_it() -> None:
    assert PRODUCTS["ATL03"].defaults == DEFAULT_VARIABLES
    assert [one for one in PRODUCTS.values() if one.counts_photons] == [PRODUCTS["ATL03"]]


def test_products_are_named_in_any_case_and_others_refused() -> None:
    assert product_named(" atl08 ") is PRODUCTS["ATL08"]
    with pytest.raises(ProductError, match="ATL15 is not opened here: it is a grid"):
        product_named("ATL15")
    with pytest.raises(ProductError, match=r"'ATL0' is no product .*Did you mean ATL10"):
        product_named("ATL0")
