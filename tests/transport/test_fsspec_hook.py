"""The hook gives fsspec its http(s), whether one was loaded before or not."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEFORE = {
    "nothing": "import fsspec",
    "looked up": "import fsspec; fsspec.get_filesystem_class('https')",
    "opened": "import fsspec; fsspec.filesystem('http')",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_fsspec_takes_ours(before: str) -> None:
    """In another process: the registry is one for all."""
    code = (
        f"{before}\n"
        "import sys, catalog_builder.transport.fsspec_hook\n"
        "print('catalog_builder.transport.fsspec_http' in sys.modules)\n"
        "print(*(fsspec.get_filesystem_class(name).__name__ for name in ('http', 'https')))\n"
        "print(type(fsspec.open('https://host.invalid/x').fs).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, *names = done.stdout.split()
    assert loaded == str(before != BEFORE["nothing"])  # aiohttp is not loaded for nothing
    assert names == ["EnvironmentHttp"] * 3
