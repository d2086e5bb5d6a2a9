from __future__ import annotations

import pytest

from catalog_builder.errors import BeamNotFoundError
from catalog_builder.products import atl03
from catalog_builder.products.atl03 import beam_named


def test_three_beams_are_strong_and_their_spots_are_odd() -> None:
    for sc_orient, side in ((0, "l"), (1, "r")):
        strong = [beam for beam in atl03.BEAMS if atl03.strength(beam, sc_orient) == "strong"]
        assert strong == [f"gt{pair}{side}" for pair in (1, 2, 3)]
        assert sorted(atl03.spot(beam, sc_orient) for beam in strong) == [1, 3, 5]
    assert atl03.spot("gt1l", 1) == 6  # as the product writes it in atlas_spot_number
    assert {atl03.strength(beam, 2) for beam in atl03.BEAMS} == {None}
    assert {atl03.spot(beam, 2) for beam in atl03.BEAMS} == {None}


def test_a_mistyped_beam_gets_a_suggestion() -> None:
    with pytest.raises(BeamNotFoundError, match=r"no beam 'gt1k': .* Did you mean gt1"):
        beam_named("gt1k")
    with pytest.raises(BeamNotFoundError, match=r"gt3r\.$"):
        beam_named("strong")
