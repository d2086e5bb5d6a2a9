from __future__ import annotations

import subprocess
import sys

import pytest

import catalog_builder


def test_the_table_of_contents_is_sorted_and_whole() -> None:
    assert catalog_builder.__all__ == sorted(catalog_builder.__all__)
    assert set(catalog_builder.__all__) == set(catalog_builder._HOMES)
    assert set(catalog_builder.__all__) <= set(dir(catalog_builder))


@pytest.mark.parametrize("name", catalog_builder.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(catalog_builder, name).__doc__


def test_what_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opne_beam'"):
        _ = catalog_builder.opne_beam


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'xarray', 'h5py', 's3fs', 'pyarrow', 'numpy', 'intake', 'pystac', 'aiohttp'}"
    code = f"import sys, catalog_builder; print(*sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == []
