"""The line through signal photons, against the surface that the stand-in simulates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog_builder.plot.surface_line import surface_line

Floats = NDArray[np.float64]
Surface = Callable[[Floats], Floats]

SURFACES: dict[str, Surface] = {
    "flat": lambda x: np.full_like(x, 120.0),
    "sloping": lambda x: 300.0 + 0.2 * x,
    "hills": lambda x: 260 * np.sin(x / 9000) + 70 * np.sin(x / 1700) + 9 * np.sin(x / 310),
    "ice": lambda x: 1200 + 300 * np.sin(x / 90_000) + 2 * np.sin(x / 500),
}


def photons(
    surface: Surface, rng: np.random.Generator, *, trees: float, each: float
) -> tuple[Floats, Floats]:
    """20 km of signal photons, so many to a metre, some of them from trees above."""
    x = np.sort(rng.uniform(0, 20_000, int(20_000 * each)))
    above = np.where(rng.random(len(x)) < trees, rng.uniform(2, 18, len(x)), 0.0)
    return x, surface(x) + rng.normal(0, 0.2, len(x)) + above


@pytest.mark.parametrize("trees", [0.0, 0.2])
@pytest.mark.parametrize("each", [0.7, 4.0])
@pytest.mark.parametrize("name", SURFACES)
def test_it_lies_on_the_surface(name: str, each: float, trees: float) -> None:
    surface = SURFACES[name]
    x, height = photons(surface, np.random.default_rng(5), trees=trees, each=each)
    at, line = surface_line(x, height)
    assert len(at) > 400
    wrong = line - surface(at)
    assert np.sqrt(np.nanmean(wrong**2)) < 0.3


def test_few_photons_make_longer_stretches_and_gaps_interrupt() -> None:
    x, height = photons(SURFACES["flat"], np.random.default_rng(5), trees=0, each=0.05)
    at, _ = surface_line(x, height)
    assert 50 < len(at) < 120
    far = np.concatenate([x, x + 100_000])
    at, line = surface_line(far, np.concatenate([height, height]))
    assert np.isnan(at).sum() == np.isnan(line).sum() == 1


def test_any_order_gives_the_same_and_too_few_give_none() -> None:
    x, height = photons(SURFACES["ice"], np.random.default_rng(5), trees=0, each=1)
    shuffled = np.random.default_rng(1).permutation(len(x))
    for one, other in zip(
        surface_line(x, height), surface_line(x[shuffled], height[shuffled]), strict=True
    ):
        np.testing.assert_allclose(one, other)
    assert [len(one) for one in surface_line(x[:4], height[:4])] == [0, 0]
