"""What the benchmark of areas reports rests on its floor, its scaling and its limits."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import shapely

from benchmarks.photon_areas import CONFIDENCE, PHOTONS, Area, Truth, join, keep
from benchmarks.photon_table import PhotonRow, promises, table
from benchmarks.photon_task import WAYS, checksums
from benchmarks.summary import beam_table, photon_tables


def columns(lon, lat, confidence):
    found = {path: np.arange(len(lon), dtype=float) for path in PHOTONS}
    found["heights/lon_ph"], found["heights/lat_ph"] = np.array(lon), np.array(lat)
    found[CONFIDENCE] = np.array([[-1, level, 0, 0, 0] for level in confidence], np.int8)
    return found


def test_photons_are_those_of_the_polygon_and_the_confidence():
    ring = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
    read = columns([0.5, 1.5, 3.0, 5.0, 4.0], [0.5, 1.5, 3.0, 1.0, 4.0], [4, 4, 2, 4, 3])
    found = {
        name: keep(Area(name=name, polygon=ring), read)["heights/h_ph"].tolist()
        for name in ("4", "4 confident", "coast", "coast confident")
    }
    assert found == {
        "4": [0.0, 1.0, 2.0, 4.0],
        "4 confident": [0.0, 1.0, 4.0],
        "coast": [0.0, 2.0, 4.0],
        "coast confident": [0.0, 4.0],
    }


def test_checksums_tell_photons_of_many_granules():
    one = keep(
        Area(name="9", polygon=shapely.box(0, 0, 9, 9)), columns([1.0, 2.0], [1, 2], [4, 4])
    )
    assert checksums(join([one, one, one])) == checksums(one, 3)
    assert checksums(join([one, one])) != checksums(one, 3)


@pytest.mark.parametrize(
    ("link", "inflate", "seconds"), [(1e6, 0.001, 16.2), (1e9, 0.001, 0.216), (1e9, 100.0, 800.0)]
)
def test_the_floor_is_the_network_or_the_inflating(monkeypatch, link, inflate, seconds):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    truth = Truth(columns={}, bytes=1_000_000, inflate=inflate)
    floor = truth.floor(16, 213, 0.03, link)
    assert floor == pytest.approx(seconds, rel=0.01)


def row(way, wall, *, granules=50, read=50, gets=1200, cpu=2.0, rss=100e6):
    run = {"wall": wall, "cpu": cpu, "gets": gets, "catalog": 50, "bytes": 376e6, "rss": rss}
    return PhotonRow(
        way=way,
        layout="v007",
        area="0.2",
        link="hub",
        granules=granules,
        read=read,
        photons=1000,
        needed=370_000_000,
        inflate=1.0,
        floor=1.5,
        runs=({**run, "server": 0.5},),
        error=None,
    )


def test_a_way_that_read_a_part_is_scaled_to_all():
    slow = row("s3fs blockcache", 8.0, read=4, gets=60, cpu=2.0)
    text = "\n".join(table([row("ours", 3.0), slow]))
    assert "| ours | 50 | 1200+50 | 376 | 2.00 | 0.50 | 100 | 3.00 | 2.0 | 1.00 | 1 |" in text
    assert "| s3fs blockcache | 4 | 750+625 | 4700 | 25.00 | 6.25 | 100 | 100.00 |" in text


def test_a_summary_has_both_kinds_of_tables():
    rows = [asdict(row("ours", 3.0)), asdict(row("s3fs blockcache", 8.0, read=4, gets=60))]
    (text,) = photon_tables(rows)
    assert text.startswith("hub, area 0.2, 50 granules; floor 1.50 s (v007)")
    assert "| ours | 1200+50 | 376 | 2.0 | 3.00 |" in text
    assert "| s3fs blockcache | 750+625 | 4700 | 25.0 | 100.00 (33.3) |" in text
    known = {"task": "a", "floor_wall": 0.25, "error": None}
    beams = [
        {"opener": opener, "layout": layout, "runs": [{"wall": wall}, {"wall": 9.0}], **known}
        for opener, layout, wall in (("ours, references", "v006", 0.4), ("h5coro", "v006", 1.2))
    ]
    assert beam_table(beams).splitlines()[2:] == [
        "| ours, references | 0.40 |",
        "| h5coro | 1.20 (3.0) |",
        "| floor | 0.25 |",
    ]


def test_what_was_promised_is_compared_in_the_same_sitting():
    few = row("ours", 0.5, granules=10, read=10, gets=240, cpu=0.5)
    rows = [few, row("ours", 3.0), row("script", 6.0), row("h5coro", 16.0, read=50)]
    rows.append(row("hidefix with saved index by 8 threads", 6.0))
    missed = [line.partition("granules: ")[2] for line in promises(rows) if "MISSED" in line]
    assert missed == [
        "wall s, 0.45 x the script 3, at most 2.7",
        "wall s, 8 times of it: h5coro 3, at most 2",
    ]
    grown = [*rows, row("ours", 20.0, granules=200, read=200, cpu=12.0, rss=200e6)]
    missed = [line for line in promises(grown) if "MISSED" in line and "200 granules" in line]
    assert len(missed) == 3  # memory, and the processor's time against 10 and against 50


def test_ways_can_be_chosen_by_name():
    assert {"ours", "script", "hidefix with saved index"} <= set(WAYS)
    assert not any("," in way for way in WAYS)
