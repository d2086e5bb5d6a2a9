"""What tasks are sent, and what they send back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from photons.conftest import Stored

import catalog_builder as cb
from catalog_builder.errors import PhotonsError
from catalog_builder.photons.photon_tasks import (
    CountedPasses,
    count_photons,
    packed_task,
    read_photons,
)


def counted(granule: str, **failed: PhotonsError) -> CountedPasses:
    key: Any = (granule, "gt1l")
    return CountedPasses(
        counts={key: 3},
        starts={key: 1.0},
        attrs={key: {"granule": granule}},
        described=None,
        failed=dict(failed),
        problems={},
    )


def test_of_a_granule_that_failed_in_one_task_nothing_is_counted() -> None:
    joined = CountedPasses.joined([counted("a"), counted("b"), counted("c", a=PhotonsError("no"))])
    assert [granule for granule, _ in joined.counts] == ["b", "c"]
    assert [*joined.starts] == [*joined.attrs] == [*joined.counts]
    assert str(joined.failed["a"]) == "no"


def test_tasks_count_and_read_the_same_photons(granules: Stored) -> None:
    plan = cb.plan_photons(granules.indexed, [-180, -90, 180, 90], variables=["h_ph"], lazily=True)
    packed = packed_task([*plan.granules], plan.request)
    found = count_photons(packed, "raise")
    assert sum(found.counts.values()) == plan.photons
    read = read_photons(packed, [*found.counts.items()], 7)
    assert len(read["h_ph"]) == plan.photons
    np.testing.assert_array_equal(np.unique(read["track_pass_index"]), 7 + np.arange(18))
    (key, count), *_ = found.counts.items()
    with pytest.raises(PhotonsError, match=f"{key[0]} {key[1]} has {count} photons there now"):
        read_photons(packed, [(key, count + 1)], 0)
