"""Times as CMR reads them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from earthdata_standin.cmr_times import read_interval


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2021-04-09", 0),
        ("2021-04-09T00:00:01", 1),
        ("2021-04-09T00:00:01Z", 1),
        ("2021-04-09T00:00:01.5Z", 1.5),
        ("2021-04-09T00:00:01.250", 1.25),
        ("2021-04-09T02:00:00+01:30", 1800),
    ],
)
def test_times_as_cmr_reads_them(written: str, seconds: float) -> None:
    day = datetime(2021, 4, 9, tzinfo=UTC).timestamp() * 1000
    assert read_interval("temporal", f"{written},") == (day + seconds * 1000, math.inf)
