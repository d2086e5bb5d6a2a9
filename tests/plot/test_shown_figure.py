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


def test_with_matplotlib_widget_it_is_live() -> None:
    code = (
        "from matplotlib import pyplot; pyplot.switch_backend('module://ipympl.backend_nbagg')\n"
        "from IPython.core.formatters import DisplayFormatter\n"
        "from catalog_builder.plot.shown_figure import ShownFigure\n"
        "figure = ShownFigure(figsize=(3, 2)); axes = figure.add_subplot(); axes.plot([1, 2])\n"
        "shown = [DisplayFormatter().format(figure)[0] for _ in range(2)]\n"
        "ids = [one['application/vnd.jupyter.widget-view+json']['model_id'] for one in shown]\n"
        "before = axes.get_xlim(); figure.canvas.toolbar.zoom(); axes.set_xlim(0, 9)\n"
        "print(len(set(ids)), 'image/png' in shown[0], len(pyplot.get_fignums()))\n"
        "pyplot.switch_backend('agg')\n"
        "print(*DisplayFormatter().format(ShownFigure())[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == "1 True 0", done.stderr
    assert "image/png" in done.stdout.split("\n")[1]
    assert "widget" not in done.stdout.split("\n")[1]
