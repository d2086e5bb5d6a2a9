"""The stand-in CMR with the records of the mission, in a process of its own.

``python -m benchmarks.mission_server 5000`` prints two addresses, a line each: what ``CMR_URL`` is
to be, and where the server takes orders, by POST: ``/changed`` (from now on the records are those
of a later time, 100 revised, 50 new, 20 removed; ``?at=`` says when), ``/first`` (the first ones
again), ``/reset`` (forget the requests so far). GET ``/log`` tells the requests since then, and
the processor time of this process. It ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from benchmarks.mission_changes import changed
from benchmarks.mission_records import record_file
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.collection_records import CLOUD, CONCEPT_IDS, collection_record
from earthdata_standin.objects import Objects
from earthdata_standin.stored_records import StoredRecords


def world_of(records: Sequence[dict[str, Any]]) -> World:
    """The cloud's ATL03 007 with these granules; there are no files."""
    collection = collection_record(CONCEPT_IDS["007", CLOUD], "007", CLOUD, granules=len(records))
    return World(collections=[collection], granules=records, objects=Objects({}, {}))


class Orders(ThreadingHTTPServer):
    """Takes the orders."""

    daemon_threads = True

    def __init__(self, cloud: EarthdataStandin, records: StoredRecords) -> None:
        super().__init__(("127.0.0.1", 0), _Order)
        self._cloud = cloud
        self._records = records

    def obey(self, order: str) -> dict[str, Any] | None:
        """What an order is answered; None for one that is not known."""
        order, _, moment = unquote(order).partition("?at=")
        cloud = self._cloud
        if order == "/first":
            cloud.world = world_of(self._records)
        elif order == "/changed":
            at = datetime.fromisoformat(moment) if moment else None
            cloud.world = world_of(changed(self._records, at))
        elif order == "/reset":
            cloud.requests.clear()
        elif order == "/log":
            requests = [asdict(request) for request in cloud.requests]
            return {"requests": requests, "cpu": time.process_time()}
        else:
            return None
        return {"granules": len(cloud.world.granules)}


class _Order(BaseHTTPRequestHandler):
    server: Orders

    def do_POST(self) -> None:
        answer = self.server.obey(self.path)
        body = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the library's name

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("granules", type=int)
    records = record_file(parser.parse_args().granules)
    with EarthdataStandin(world=world_of(records)) as cloud, Orders(cloud, records) as orders:
        threading.Thread(target=orders.serve_forever, daemon=True).start()
        host, port = orders.server_address[:2]
        sys.stdout.write(f"{cloud.cmr_url}\nhttp://{host!s}:{port}\n")
        sys.stdout.flush()
        sys.stdin.read()
        orders.shutdown()


if __name__ == "__main__":
    main()
