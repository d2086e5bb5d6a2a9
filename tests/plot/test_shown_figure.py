"""A figure that a notebook shows without pyplot."""

from __future__ import annotations

import io
import subprocess
import sys

from matplotlib.image import imread

from catalog_builder.plot.shown_figure import ShownFigure


def test_a_notebook_gets_a_png_of_the_figures_size() -> None:
    figure = ShownFigure(figsize=(3, 2), dpi=50)
    figure.text(0.5, 0.5, "beam")
    picture = imread(io.BytesIO(figure._repr_png_()))
    assert picture.shape[:2] == (100, 150)
    assert len({tuple(pixel) for row in picture.tolist() for pixel in row}) > 2


def test_pyplot_is_not_imported() -> None:
    code = (
        "import sys; from catalog_builder.plot.shown_figure import ShownFigure;"
        "assert ShownFigure()._repr_png_(); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
