"""Progress of long work, as plain values and as text."""

from __future__ import annotations

import pickle

import pytest

from catalog_builder.progress import Progress, bytes_text


def test_a_step_is_a_value_that_processes_hand_over() -> None:
    step = Progress(stage="reading CMR", done=3, total=9)
    assert pickle.loads(pickle.dumps(step)) == step
    assert step != Progress(stage="reading CMR", done=3)
    assert (step.bytes_done, step.bytes_total) == (None, None)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2_540_000, "2.5 MB"),
        (21e9, "21.0 GB"),
        (3.2e13, "32.0 TB"),
    ],
)
def test_bytes_as_text(count: float, text: str) -> None:
    assert bytes_text(count) == text
