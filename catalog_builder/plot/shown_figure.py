"""A matplotlib figure that notebooks show although pyplot is not used."""

from __future__ import annotations

import io
import sys
from typing import Any

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure that a notebook shows as PNG, or after ``%matplotlib widget`` as a live one."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget of ipympl where that draws; else nothing, and the PNG is taken."""
        pyplot = sys.modules.get("matplotlib.pyplot")  # %matplotlib loads it
        if pyplot is None or "ipympl" not in pyplot.get_backend():
            return {}
        from ipympl.backend_nbagg import Canvas, FigureManager

        if not isinstance(self.canvas, Canvas):
            self.set_dpi(pyplot.rcParams["figure.dpi"])  # as large as others on the screen
            FigureManager(Canvas(self), 0)
        canvas: Any = self.canvas
        return canvas._repr_mimebundle_(**options)
