"""Runs the notebooks against the stand-in and stores what they give: ``make notebooks``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WITH_SCENERY = ("forest", "reef")
"""Notebooks whose granules have trees and a sea floor."""


def execute(path: Path, folder: Path) -> Any:
    """The notebook with its outputs, run in this folder."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    ).execute()
    text = nbformat.writes(notebook).replace(f"{folder}/", "")
    return nbformat.reads(text, as_version=4)


def main(names: Iterable[str]) -> None:
    """Run these notebooks, or all."""
    chosen = list(names) or sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            scenery = name in WITH_SCENERY
            world = World.simulate(
                granules=12, photons=20_000, folder=Path(folder) / "world", scenery=scenery
            )
            world = with_siblings(world, ("ATL08", "ATL24"))
            with EarthdataStandin(world=world, rewrite_links=True) as cloud:
                os.environ |= cloud.environment
                place = Path(folder) / name
                place.mkdir()
                path = NOTEBOOKS / f"{name}.ipynb"
                nbformat.write(execute(path, place), path)


if __name__ == "__main__":
    main(sys.argv[1:])
