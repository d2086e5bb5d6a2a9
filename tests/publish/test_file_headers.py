"""Headers of published files."""

from __future__ import annotations

from catalog_builder.publish.file_headers import headers_of
from tests.publish.test_source_files import ORDER


def test_each_file_has_its_type_and_none_is_transformed() -> None:
    found = {path: headers_of(path) for path in ORDER}
    assert [one["Content-Type"] for one in found.values()] == [
        "application/vnd.zarr+kerchunk",
        "application/geo+json",
        "application/json",
        "application/json",
        "application/vnd.apache.parquet",
        "application/yaml",
        *["application/json"] * 3,
    ]
    for path, one in found.items():
        assert "no-transform" in one["Cache-Control"]
        assert ("no-cache" in one["Cache-Control"]) is not ("/ATL03_2018" in path)
        assert "Content-Encoding" not in one
