"""Draws the pictures of docs/how-to/forest-reef-glacier.md: ``make pictures``.

The page's own code runs, against a stand-in whose granules have trees and sea floors.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib as mpl

from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "forest-reef-glacier.md"
PICTURES = ("forest.png", "reef.png", "glacier.png")


def draw(folder: Path, photons: int) -> dict[str, dict[str, Any]]:
    """Run the page in a folder, and leave the pictures there; gives what each block leaves."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    names: dict[str, Any] = {}
    left: dict[str, dict[str, Any]] = {}
    with chdir(folder), warnings.catch_warnings(), mpl.rc_context({"backend": "agg"}):
        warnings.simplefilter("ignore")
        for picture, block in zip(("", *PICTURES), blocks, strict=True):
            trees = picture != "glacier.png"
            world = World.simulate(
                granules=12, photons=photons, folder=folder / "world", scenery=trees
            )
            world = with_siblings(world, ("ATL08", "ATL24"))
            with (
                EarthdataStandin(world=world, rewrite_links=True) as cloud,
                mock.patch.dict(os.environ, cloud.environment),
            ):
                exec(block, names)
            left[picture] = dict(names)
    return left


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        draw(Path(place), 20_000)
        for name in PICTURES:
            (PAGE.parent / name).write_bytes((Path(place) / name).read_bytes())
