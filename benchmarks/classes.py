"""What classes cost: a strong beam, and one degree of it, with those of ATL08 and without.

``python -m benchmarks.classes`` makes an ATL08 granule to each large one, laid out as the real one
(chunks of 10,000, deflate, shuffle of whole numbers), references of both, and opens the beam with
and without classes, in turn, from the far store. ``make bench`` runs it after the openers.
Alone it fails where a limit is missed: on a machine that does other work too, walls say little,
and processor time and requests (``--rounds 15``) more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.granules import (
    BEAM,
    BUCKET,
    FOLDER,
    LAYOUTS,
    WINDOW,
    Granule,
    chunks,
    make_granules,
)
from benchmarks.reader import FOUR, HEIGHTS, catalog_href
from benchmarks.references import write
from benchmarks.server_process import server_process
from benchmarks.task import measured

ROUNDS: Final = 5
LIMITS: Final = {"whole": 1.3, "one degree": 1.5, "bytes": 1.1}
"""Times the wall of the same beam without classes; bytes, of the chunks needed in both files."""

_FIGURES: Final = ("wall", "cpu", "gets", "rounds", "bytes")
_WINDOWS: Final[dict[str, Any]] = {"whole": None, "one degree": WINDOW}
_JOIN: Final = ("ph_segment_id", "classed_pc_indx", "classed_pc_flag", "delta_time")
_OF_BOTH: Final = (*FOUR, f"{HEIGHTS}/delta_time")
_SEGMENTS: Final = ("segment_id", "ph_index_beg", "segment_ph_cnt")


def main() -> None:
    """Measure all layouts, or the one that is named in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layout", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    if arguments.layout:
        rows = list(_measure(Granule(layout=arguments.layout), arguments.rounds))
        sys.stdout.write(json.dumps(rows))
        return
    make_granules()
    with server_process("benchmarks.server", str(FOLDER)) as (address,):
        rows = measure_all(address, arguments.rounds)
    sys.stdout.write(table(rows))
    sys.exit(any(row["failed"] for row in rows))


def measure_all(address: str, rounds: int) -> list[dict[str, Any]]:
    """Each layout in a process of its own; the far store is at ``address``."""
    from benchmarks.run import python

    rows: list[dict[str, Any]] = []
    for layout in LAYOUTS:
        _sibling(Granule(layout=layout))
        arguments = ("--layout", layout, "--rounds", str(rounds))
        rows += json.loads(python("benchmarks.classes", *arguments, endpoint=address))
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """What was measured."""
    text = [
        "## Classes of ATL08 on a strong beam, beside the beam without",
        "",
        "| layout | what | wall s | without | x | most | CPU s | without | x | GETs | rounds | MB "
        "| needed | x |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        more, plain = row["with"], row["without"]
        text.append(
            f"| {row['layout']} | {row['what']} | {more['wall']:.3f} | {plain['wall']:.3f} "
            f"| {row['ratio']:.2f} | {LIMITS[row['what']]} | {more['cpu']:.2f} "
            f"| {plain['cpu']:.2f} | {more['cpu'] / plain['cpu']:.2f} "
            f"| {more['gets']} ({plain['gets']}) | {more['rounds']} ({plain['rounds']}) "
            f"| {more['bytes'] / 1e6:.1f} | {row['needed'] / 1e6:.1f} "
            f"| {more['bytes'] / row['needed']:.2f} |"
        )
    return "\n".join([*text, "", ""])


def _sibling(granule: Granule) -> Path:
    """The ATL08 granule, written once."""
    from earthdata_standin.sibling_files import write_sibling
    from earthdata_standin.sibling_names import sibling_name

    path = granule.path.with_name(sibling_name(granule.id, "ATL08"))
    if not path.exists() or path.stat().st_mtime < granule.path.stat().st_mtime:
        part = path.with_name(f"ATL08_part_{granule.layout}")
        write_sibling(part, granule.path)
        part.replace(path)
    return path


def _measure(granule: Granule, rounds: int) -> list[dict[str, Any]]:
    """With and without classes, in turn; the best of each."""
    path = _sibling(granule)
    item, sibling = _item(granule.path), _item(path)
    names = [name.removeprefix(f"{HEIGHTS}/") for name in FOUR]
    rows = []
    for what, window in _WINDOWS.items():
        runs: dict[str, list[dict[str, Any]]] = {"with": [], "without": []}
        for number in range(rounds + 1):
            for how, classes in (("without", None), ("with", sibling)):
                took = measured(partial(_opened, item, names, window, classes))
                if number:  # the first one finds modules, clients and connections
                    runs[how].append(took)
        best = {
            how: {key: min(run[key] for run in some) for key in _FIGURES}
            for how, some in runs.items()
        }
        pairs = zip(runs["with"], runs["without"], strict=True)
        ratio = median(more["wall"] / plain["wall"] for more, plain in pairs)
        needed = _needed(granule, path, window)
        rows.append(
            {
                "layout": granule.layout,
                "what": what,
                **best,
                "ratio": ratio,
                "needed": needed,
                "failed": ratio > LIMITS[what] or best["with"]["bytes"] > LIMITS["bytes"] * needed,
            }
        )
    return rows


def _opened(item: Any, names: Sequence[str], window: Any, sibling: Any) -> Any:
    from catalog_builder import open_beam

    classes = None if sibling is None else {"atl08": sibling()}
    return open_beam(item(), BEAM, names, window, classes=classes)


def _item(path: Path) -> Any:
    """Gives the item of a granule with references at the catalog's host."""
    from catalog_builder.beams.storage.links import GranuleLinks
    from catalog_builder.indexing.scan_task import ScannedGranule, ScanTask, scan_granule

    href = f"s3://{BUCKET}/{path.relative_to(FOLDER / BUCKET).as_posix()}"
    scanned = scan_granule(ScanTask(granule=path.stem, links=GranuleLinks(s3=href), access="s3"))
    assert isinstance(scanned, ScannedGranule), scanned
    file = FOLDER / "catalog" / f"classes_{path.stem}.json.zst"
    write(file, scanned.references)
    return lambda: {
        "id": path.stem,
        "properties": {"icesat2:beams": scanned.beams},
        "assets": {"data": {"href": href}, "references": {"href": catalog_href(file)}},
    }


def _needed(granule: Granule, sibling: Path, window: Any) -> int:
    """Stored bytes of the chunks that hold what is wanted, in both files."""
    import h5py

    own = [*_OF_BOTH, *(f"geolocation/{name}" for name in _SEGMENTS)]
    total = 0
    south, north = (-90.0, 90.0) if window is None else (window[1], window[3])
    with h5py.File(granule.path) as file, h5py.File(sibling) as other:
        lat, times = file[f"{BEAM}/heights/lat_ph"][:], file[f"{BEAM}/heights/delta_time"][:]
        inside = np.flatnonzero((lat >= south) & (lat <= north))
        count = file[f"{BEAM}/geolocation/segment_ph_cnt"][:].astype(np.int64)
        ends = np.cumsum(count)
        segments = np.searchsorted(ends, inside[[0, -1]], side="right")
        rows = {True: inside[[0, -1]], False: segments}
        for path, listed in chunks(granule, own).items():
            first, last = rows[path.startswith(HEIGHTS)]
            step = file[f"{BEAM}/{path}"].chunks[0]
            total += sum(c.size for c in listed if c.first + step > first and c.first <= last)
        signal = other[f"{BEAM}/signal_photons"]
        known = signal["delta_time"][:]
        first, last = np.searchsorted(known, times[inside[[0, -1]]])
        for name in _JOIN:
            dataset = signal[name]
            for number in range(dataset.id.get_num_chunks()):
                info = dataset.id.get_chunk_info(number)
                at = info.chunk_offset[0]
                if at + dataset.chunks[0] > first and at <= last:
                    total += info.size
    return total


if __name__ == "__main__":
    main()
