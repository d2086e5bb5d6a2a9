"""The stand-in CMR of the mission as the benchmark sees it: started, ordered about, and timed."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from benchmarks.server_process import server_process
from earthdata_standin.collection_records import CLOUD, CONCEPT_IDS

PAGE: Final = 2000
WINDOWS: Final = 4
"""At once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What CMR was asked, and what answering took."""

    requests: int
    answering: float
    """Seconds during which it had at least one request and no answer to it yet; sending the answer
    does not count, as that may be the client's slowness."""
    cpu: float
    """Processor seconds of the server's process, sending included."""
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "CMR requests": self.requests,
            "CMR answering s": self.answering,
            "CMR CPU s": self.cpu,
            "CMR MB": self.bytes / 1e6,
        }


class MissionCmr:
    """A running server of :mod:`benchmarks.mission_server`."""

    def __init__(self, url: str, orders: str) -> None:
        self.url = url
        """What ``CMR_URL`` is to be."""
        self._orders = orders
        self._cpu = 0.0
        self.forget()

    def first(self) -> None:
        """Let it hold the first records."""
        self._order("first")

    def changed(self, at: datetime) -> None:
        """Let it hold the records of a later time."""
        self._order(f"changed?at={quote(at.isoformat())}")

    def forget(self) -> None:
        """Begin to count anew."""
        self._order("reset")
        self._cpu = self._log()["cpu"]

    def answers(self) -> Answers:
        """What was asked since then."""
        log = self._log()
        spans = sorted((entry["began"], entry["ended"]) for entry in log["requests"])
        return Answers(
            requests=len(spans),
            answering=union(spans),
            cpu=log["cpu"] - self._cpu,
            bytes=sum(entry["bytes"] for entry in log["requests"]),
        )

    def serve_all(self) -> dict[str, float]:
        """Read all records, as little as a client can do with them, and time it."""
        figures = {"records": 0.0}
        for name, extension in (("", "umm_json_v1_6_6"), ("references ", "xml")):
            self.forget()
            began = time.perf_counter()
            figures["records"] = _read_all(self.url, extension, {"sort_key": "revision_date"})
            figures[f"{name}wall s"] = time.perf_counter() - began
            answers = self.answers()
            figures[f"{name}CMR CPU s"] = answers.cpu
            figures[f"{name}pages"] = answers.requests
            figures[f"{name}MB"] = answers.bytes / 1e6
        self.forget()
        years = [(f"{y}-01-01T00:00:00Z", f"{y}-12-31T23:59:59.999Z") for y in range(2018, 2026)]
        began = time.perf_counter()
        with ThreadPoolExecutor(WINDOWS) as pool:
            read = pool.map(
                lambda window: _read_all(
                    self.url,
                    "umm_json_v1_6_6",
                    {"temporal[]": ",".join(window), "sort_key": "start_date"},
                ),
                years,
            )
            assert sum(read) >= figures["records"]  # one that spans a new year comes twice
        figures["by year, 4 at once, wall s"] = time.perf_counter() - began
        figures["by year, 4 at once, CMR CPU s"] = self.answers().cpu
        return figures

    def _log(self) -> dict[str, Any]:
        with urlopen(f"{self._orders}/log") as answer:
            log: dict[str, Any] = json.load(answer)
            return log

    def _order(self, order: str) -> None:
        with urlopen(Request(f"{self._orders}/{order}", method="POST")) as answer:
            answer.read()


@contextmanager
def mission_cmr(granules: int) -> Iterator[MissionCmr]:
    """A server with so many records, in a process of its own."""
    with server_process("benchmarks.mission_server", str(granules), lines=2) as (url, orders):
        yield MissionCmr(url, orders)


def union(spans: Sequence[tuple[float, float]]) -> float:
    """How much time sorted spans cover, what they share counted once."""
    covered, until = 0.0, float("-inf")
    for began, ended in spans:
        covered += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return covered


def _read_all(url: str, extension: str, conditions: dict[str, str]) -> int:
    """Page through a search and throw all away; how many records it has."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 80))
    asked = urlencode(
        {
            "collection_concept_id": CONCEPT_IDS["007", CLOUD],
            "page_size": PAGE,
            **conditions,
        }
    )
    headers: dict[str, str] = {}
    while True:
        connection.request("GET", f"{parts.path}/granules.{extension}?{asked}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        after = answer.headers["CMR-Search-After"]
        if after is None:
            connection.close()
            return int(answer.headers["CMR-Hits"])
        headers = {"CMR-Search-After": after}
