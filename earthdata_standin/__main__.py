"""``python -m earthdata_standin``: the stand-in serves until Ctrl-C.

Prints, as shell lines, the environment by which a client finds it.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from earthdata_standin.faults import Faults
from earthdata_standin.standin import EarthdataStandin

_LOOK_SECONDS: Final = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted."""
    options = _parser().parse_args(arguments)
    faults = Faults(
        short_pages=options.short_pages,
        key_lifetime=options.key_lifetime,
        in_region=not options.out_of_region,
        eula_pending=options.eula_pending,
        redirect_status=options.redirect_status,
        latency=options.latency,
        bandwidth=options.bandwidth,
        slow=options.slow,
        loose_search=not options.exact_boxes,
    )
    cloud = EarthdataStandin(
        port=options.port,
        records=options.records,
        objects=options.objects,
        granules=options.granules,
        seed=options.seed,
        rewrite_links=options.rewrite_links,
        faults=faults,
        keep_requests=False,
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with cloud:
        lines = [f"export {name}={shlex.quote(text)}" for name, text in cloud.environment.items()]
        lines += [
            f"# Earthdata Login knows the user {cloud.username}, password {cloud.password}",
            f"# STAC API: {cloud.stac_url}/NSIDC_CPRD",
            f"# Harmony: {cloud.harmony_url} (harmony-py: export ROOT_URL={cloud.harmony_url})",
            f"# S3 keys: {cloud.credentials_endpoint}",
            f"# {len(cloud.world.granules)} granule records",
            "# Ctrl-C to stop.",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        while not over.wait(_LOOK_SECONDS):
            pass  # A signal in the moment before a wait begins is seen when the wait ends.
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m earthdata_standin",
        description="A stand-in for CMR, Earthdata Login, a data service and S3 on this machine. "
        "Prints the environment by which a client finds it, then serves until Ctrl-C.",
    )
    parser.add_argument(
        "--port", type=int, default=0, help="first of six ports in a row (default: any free)"
    )
    world = parser.add_argument_group("what is served")
    world.add_argument(
        "--records", type=Path, metavar="FILE.jsonl", help="granule records, UMM-G items"
    )
    world.add_argument(
        "--objects", type=Path, metavar="DIR", help="files that the records point to, by name"
    )
    world.add_argument(
        "--rewrite-links",
        action="store_true",
        help="let https links of --records lead to this stand-in",
    )
    world.add_argument(
        "--granules", type=int, default=40, help="size of the simulated world (default: 40)"
    )
    world.add_argument("--seed", type=int, default=0, help="of the simulated world (default: 0)")
    faults = parser.add_argument_group("what goes wrong")
    faults.add_argument("--short-pages", action="store_true", help="CMR's pages come short")
    faults.add_argument(
        "--exact-boxes",
        action="store_true",
        help="search by true boxes; CMR's hold all that crosses ±180, wherever it is",
    )
    faults.add_argument(
        "--key-lifetime", type=float, default=3600.0, metavar="S", help="seconds S3 keys live"
    )
    faults.add_argument("--out-of-region", action="store_true", help="S3 refuses")
    faults.add_argument("--eula-pending", action="store_true", help="an agreement is not accepted")
    faults.add_argument("--redirect-status", type=int, choices=(302, 307), default=302)
    faults.add_argument(
        "--latency", type=float, default=0.0, metavar="S", help="seconds before files are sent"
    )
    faults.add_argument(
        "--bandwidth", type=float, metavar="B/S", help="bytes per second and connection"
    )
    faults.add_argument(
        "--slow", type=float, default=0.0, metavar="S", help="seconds before CMR and logins answer"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
