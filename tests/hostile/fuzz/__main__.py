"""Runs many cases in spawned processes, and counts what came of them: ``make fuzz``.

``--kind K --seed N`` runs one block again, ``--case I`` one case of it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("records", "pages", "definitions", "items", "indexes", "references", "granules")
BLOCK: Final = 500
"""Cases of a process."""
LONGEST: Final = 60
"""Seconds of a case."""
MOST_MEMORY: Final = 2**30
"""Bytes of a process."""
_ROOT: Final = Path(__file__).parents[3]


@dataclass
class Tally:
    """What came of the cases of a kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    memory: int = 0
    """Largest resident set of a process, bytes."""
    slowest: float = 0.0
    """Seconds."""
    findings: list[str] = field(default_factory=list)
    """Where each is found again, and what it is."""

    @property
    def cases(self) -> int:
        """How many there were."""
        return self.outcomes.total()

    @property
    def clean(self) -> bool:
        """Whether nothing is to be mended."""
        bad = sum(self.outcomes[name] for name in ("wrong", "other", "death", "too slow"))
        return not bad and self.memory <= MOST_MEMORY and self.slowest <= LONGEST


def environment(folder: Path) -> dict[str, str]:
    """Variables with which nothing leaves this machine, whatever a case names."""
    nobody = "http://127.0.0.1:9"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "EARTHDATA_", "CMR_")) and name != "NETRC"
    }
    paths = [str(_ROOT), str(_ROOT / "tests"), kept.get("PYTHONPATH", "")]
    return kept | {
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(paths),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nobody),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }


def run_child(kind: str, block: int, cases: int, only: int | None, first: int) -> None:
    """Run a block in this process; each case is noted on standard output before and after."""
    import faulthandler
    import resource

    from tests.hostile.fuzz.blocks import KINDS, Result, run_block

    faulthandler.enable()

    def note(**facts: Any) -> None:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()

    def begin(number: int, case: Any) -> bool:
        if number < first or (only is not None and number != only):
            return False
        if only is not None:
            sys.stderr.write(f"{case!r}\n")
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        note(begun=number)
        return True

    def end(result: Result) -> None:
        faulthandler.cancel_dump_traceback_later()
        note(
            number=result.number,
            outcome=result.outcome,
            seconds=result.seconds,
            trace=result.trace,
            memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        made = KINDS[kind](Path(folder))
        try:
            run_block(made, block, cases, begin=begin, end=end)
        finally:
            made.close()


def run_block_apart(kind: str, block: int, cases: int, only: int | None = None) -> Tally:
    """Run a block in a process of its own; behind a case that it dies of, in the next one."""
    tally, first = Tally(), 0
    while True:
        again = ["--seed", str(block), "--cases", str(cases), "--first", str(first)]
        again += [] if only is None else ["--case", str(only)]
        command = [sys.executable, "-m", "tests.hostile.fuzz", "--child", "--kind", kind, *again]
        with tempfile.TemporaryDirectory(prefix="fuzz-home-") as home:
            child = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                cwd=_ROOT,
                env=environment(Path(home)),
            )
        begun = -1
        for line in child.stdout.splitlines():
            facts = json.loads(line)
            if "begun" in facts:
                begun = facts["begun"]
                continue
            begun = -1
            tally.outcomes[facts["outcome"]] += 1
            tally.memory = max(tally.memory, facts["memory"])
            tally.slowest = max(tally.slowest, facts["seconds"])
            if facts["trace"]:
                where = f"--kind {kind} --seed {block} --case {facts['number']}"
                tally.findings.append(f"{facts['outcome']}: {where}\n{facts['trace']}")
        if only is not None:
            sys.stderr.write(child.stderr)
        if child.returncode == 0:
            return tally
        slow = "Timeout (" in child.stderr
        tally.outcomes["too slow" if slow else "death"] += 1
        tally.slowest = max(tally.slowest, LONGEST if slow else 0)
        tally.findings.append(
            f"{'too slow' if slow else f'death ({child.returncode})'}: --kind {kind} --seed "
            f"{block} --case {begun}\n{child.stderr[-4000:]}"
        )
        if begun < 0 or only is not None:
            return tally
        first = begun + 1


def main(arguments: list[str] | None = None) -> int:
    """Run, and print a line a kind; 1 where something is to be mended."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="in all")
    parser.add_argument("--minutes", type=float, default=60, help="no block begins after them")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--kind", choices=NAMES, action="append", help="these alone")
    parser.add_argument("--seed", type=int, help="one block, with this seed")
    parser.add_argument("--start", type=int, default=0, help="seed of the first block")
    parser.add_argument("--case", type=int, help="one case of the block")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    kinds = given.kind or list(NAMES)
    if given.child:
        run_child(kinds[0], given.seed, given.cases, given.case, given.first)
        return 0
    ends = time.monotonic() + 60 * given.minutes
    total = min(given.cases, BLOCK * len(kinds)) if given.seed is not None else given.cases
    blocks = -(-total // (BLOCK * len(kinds)))
    size = -(-total // (blocks * len(kinds)))
    seeds = [given.seed] if given.seed is not None else range(given.start, given.start + blocks)
    wanted = [(kind, block) for block in seeds for kind in kinds]

    def run(one: tuple[str, int]) -> tuple[str, Tally | None]:
        if time.monotonic() > ends:
            return one[0], None
        return one[0], run_block_apart(*one, size if given.seed is None else BLOCK, given.case)

    tallies = {kind: Tally() for kind in kinds}
    left = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for kind, found in pool.map(run, wanted):
            if found is None:
                left += 1
                continue
            tally = tallies[kind]
            tally.outcomes += found.outcomes
            tally.memory = max(tally.memory, found.memory)
            tally.slowest = max(tally.slowest, found.slowest)
            for finding in found.findings:
                sys.stderr.write(f"{finding}\n")
                sys.stderr.flush()
    return _report(tallies, left)


def _report(tallies: dict[str, Tally], left: int) -> int:
    names = ("answered", "refused", "wrong", "other", "death", "too slow")
    head = ("cases", *names, "peak MB", "slowest s")
    print(f"{'kind':12}", *(f"{name:>9}" for name in head))  # noqa: T201
    for kind, tally in tallies.items():
        row = [tally.cases, *(tally.outcomes[name] for name in names), tally.memory >> 20]
        print(f"{kind:12}", *(f"{one:>9,}" for one in row), f"{tally.slowest:>9.1f}")  # noqa: T201
    print(f"{sum(tally.cases for tally in tallies.values()):,} cases; {left} blocks left out")  # noqa: T201
    return 0 if all(tally.clean for tally in tallies.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
