"""The stand-in's Harmony: requests by OGC API Coverages and EDR, jobs, and their results.

It subsets ATL03 by area, time and variables, as NASA's does by its trajectory subsetter. Answers
and refusals are those of https://github.com/nasa/harmony (its documentation, ``frontends`` and
``util/errors.ts``); who comes without a login is sent to Earthdata Login.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from aiohttp import web

from earthdata_standin.data import SignedLinks
from earthdata_standin.earthdata import Gate
from earthdata_standin.faults import Faults
from earthdata_standin.harmony_jobs import BUCKET, ENDED, Job, Output
from earthdata_standin.harmony_query import Form, HarmonyRefusal, parse_coverages, parse_edr
from earthdata_standin.s3_keys import KeyRing
from earthdata_standin.storage import Storage
from earthdata_standin.subset import NoDataError, Wanted, beam_paths, write_subset

_COVERAGES: Final = "/{collection}/ogc-api-coverages/1.0.0/collections/{names}/coverage/rangeset"
_EDR: Final = "/ogc-api-edr/1.1.0/collections/{collection}/area"
_BEAM: Final = re.compile(r"/gt[123][lr]/")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    """A granule of a request."""

    key: str
    """``bucket/key``."""
    record: Mapping[str, Any]


class Harmony:
    """The service; ``hold`` says of which records."""

    def __init__(
        self,
        root: str,
        gate: Gate,
        keys: KeyRing,
        links: SignedLinks,
        storage: Storage,
        faults: Faults,
        username: str,
        folder: Path,
    ) -> None:
        """``folder`` is where results are kept."""
        self._root, self._gate, self._keys, self._links = root, gate, keys, links
        self._storage, self._faults = storage, faults
        self._username, self._folder = username, folder
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self, collections: Sequence[Any], granules: Sequence[Any]) -> None:
        """Answer for these records from now on."""
        self._collections, self._granules = collections, granules

    def routes(self) -> list[web.RouteDef]:
        """What Harmony answers."""
        return [
            web.route("*", _COVERAGES, self._let_in(self._coverage)),
            web.post(_EDR, self._let_in(self._area)),
            web.get("/jobs", self._let_in(self._list)),
            web.post("/jobs/status", self._let_in(self._states)),
            web.get("/jobs/{job}", self._let_in(self._status)),
            web.get("/jobs/{job}/cancel", self._let_in(self._cancel)),
            web.get("/cloud-access", self._let_in(self._cloud_access)),
            web.get("/service-results/{key:.+}", self._let_in(self._result)),
            web.get("/login", self._gate.come_back),
        ]

    def _let_in(self, handler: Any) -> Any:
        async def answer(request: web.Request) -> web.StreamResponse:
            refusal = self._gate.refusal(request)
            if refusal is not None:
                return refusal
            try:
                response: web.StreamResponse = await handler(request)
            except HarmonyRefusal as error:
                said = {"code": error.code, "description": f"Error: {error}"}
                return web.json_response(said, status=error.status)
            return response

        return answer

    async def _coverage(self, request: web.Request) -> web.Response:
        sent = request.query if request.method == "GET" else await request.post()
        form = {name.lower(): [str(one) for one in sent.getall(name)] for name in sent}
        return await self._accept(request, form, parse_coverages(form))

    async def _area(self, request: web.Request) -> web.Response:
        sent = orjson.loads(await request.read())
        form = {
            name.lower(): [str(one) for one in (value if isinstance(value, list) else [value])]
            for name, value in sent.items()
        }
        return await self._accept(request, form, parse_edr(form))

    async def _accept(self, request: web.Request, form: Form, wanted: Wanted) -> web.Response:
        inputs = self._inputs(request.match_info["collection"], form)
        if wanted.variables:
            known = await asyncio.to_thread(self._known_variables, inputs[0].key)
            if missing := [name for name in sorted(wanted.variables) if name not in known]:
                raise HarmonyRefusal(
                    400,
                    "RequestValidationError",
                    f"Coverages were not found for the provided variables: {', '.join(missing)}",
                )
        job = Job(
            request=f"{self._root}{request.rel_url}",
            inputs=len(inputs),
            username=self._username,
            labels=form.get("label", []),
        )
        self._jobs[job.id] = job
        task = asyncio.create_task(self._work(job, inputs, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=303, headers={"Location": f"{self._root}/jobs/{job.id}"})

    def _inputs(self, collection: str, form: Form) -> list[_Input]:
        """The granules of a request: those of its collection with these ids."""
        known = {one["meta"]["concept-id"]: one["umm"]["ShortName"] for one in self._collections}
        if collection not in known:
            raise HarmonyRefusal(
                404,
                "NotFoundError",
                f"The collection {collection} could not be found. Please make sure the collection "
                "ID is correct and that you have access to it.",
            )
        if known[collection] != "ATL03":
            raise HarmonyRefusal(
                422,
                "UnsupportedOperation",
                f"the requested combination of operations on {collection} is unsupported",
            )
        asked = {one for text in form.get("granuleid", []) for one in text.split(",")}
        found = [
            _Input(key=key, record=record)
            for record in self._granules
            if record["meta"]["collection-concept-id"] == collection
            and (not asked or record["meta"]["concept-id"] in asked)
            and (key := _file_of(record)) is not None
        ]
        if not found:
            raise HarmonyRefusal(400, "RequestValidationError", "No matching granules found.")
        return found

    def _known_variables(self, key: str) -> frozenset[str]:
        path = self._storage.file(key)
        return frozenset() if path is None else _all_beams(path)

    async def _work(self, job: Job, inputs: Sequence[_Input], wanted: Wanted) -> None:
        for place, one in enumerate(inputs):
            if job.state in ENDED:
                return
            job.step(place)
            name = _result_name(one.key, wanted)
            key = f"{BUCKET}/public/{job.id}/{place + 1}/{name}"
            told = {"url": f"s3://{one.key}"}
            try:
                if self._faults.take("harmony_fails"):
                    raise OSError("the worker ran out of memory")
                path = await asyncio.to_thread(self._cut, one.key, key, wanted)
            except NoDataError as nothing:
                job.warnings.append({**told, "message": str(nothing)})
                continue
            except Exception as error:
                message = f"L2 Trajectory Subsetter failed with error: {error}"
                job.errors.append({**told, "message": message})
                continue
            self._storage.keep(key, path)
            job.outputs.append(
                Output(key=key, path=path, bbox=_bbox(one.record), temporal=_span(one.record))
            )
        job.end()

    def _cut(self, source: str, key: str, wanted: Wanted) -> Path:
        whole = self._storage.file(source)
        if whole is None:
            raise OSError(f"s3://{source} was not found")
        target = self._folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        write_subset(whole, target, wanted)
        return target

    def _job(self, name: str) -> Job:
        try:
            UUID(name)
        except ValueError:
            raise HarmonyRefusal(
                400,
                "RequestValidationError",
                f"Invalid format for Job ID '{name}'. Job ID must be a UUID.",
            ) from None
        if name not in self._jobs:
            raise HarmonyRefusal(404, "NotFoundError", f"Unable to find job {name}")
        return self._jobs[name]

    async def _list(self, _: web.Request) -> web.Response:
        jobs = [job.whole(self._root, links=False) for job in reversed(self._jobs.values())]
        return web.json_response({"count": len(jobs), "jobs": jobs[:10], "links": []})

    async def _states(self, request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())["jobIDs"]
        known = [self._jobs[one].brief() for one in asked if one in self._jobs]
        missing = [one for one in asked if one not in self._jobs]
        return web.json_response({"jobStatuses": known, "notFoundJobIDs": missing})

    async def _status(self, request: web.Request) -> web.Response:
        s3 = request.query.get("linktype") == "s3"
        job = self._job(request.match_info["job"])
        return web.json_response(job.whole(self._root, s3=s3))

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self._job(request.match_info["job"])
        if job.state in ENDED:
            message = f"Job status cannot be updated from {job.state} to canceled."
            raise HarmonyRefusal(409, "ConflictError", message)
        job.state = "canceled"
        return web.Response(status=302, headers={"Location": f"{self._root}/jobs/{job.id}"})

    async def _cloud_access(self, _: web.Request) -> web.Response:
        issued = self._keys.issue(self._faults.key_lifetime).to_dict()
        return web.json_response({name[:1].upper() + name[1:]: issued[name] for name in issued})

    async def _result(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if not key.startswith(f"{BUCKET}/"):
            raise HarmonyRefusal(404, "NotFoundError", "The requested resource could not be found")
        await self._storage.find(key)
        location = self._links.make(f"/{key}", self._faults.link_lifetime)
        return web.Response(status=307, headers={"Location": location})


@cache
def _all_beams(path: Path) -> frozenset[str]:
    """The variables that a collection has: those of the beams of one of its files, for all six."""
    names = {_BEAM.sub("", name) for name in beam_paths(path)}
    return frozenset(f"/gt{pair}{side}/{n}" for n in names for pair in "123" for side in "lr")


def _result_name(key: str, wanted: Wanted) -> str:
    """As harmony-service-lib names results."""
    stem = key.rpartition("/")[2].removesuffix(".h5")
    only = ""
    if len(wanted.variables) == 1:
        only = "".join(wanted.variables).replace("/", "_")
    subset = "_subsetted" if wanted.cuts or wanted.variables else ""
    return f"{stem}{only}{subset}.h5"


def _file_of(record: Mapping[str, Any]) -> str | None:
    for link in record["umm"].get("RelatedUrls", ()):
        if link["URL"].startswith("s3://") and link["URL"].endswith(".h5"):
            return str(link["URL"].removeprefix("s3://"))
    return None


def _bbox(record: Mapping[str, Any]) -> list[float]:
    rings = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"]
    points = [p for ring in rings for p in ring["Boundary"]["Points"]]
    lon, lat = [p["Longitude"] for p in points], [p["Latitude"] for p in points]
    return [min(lon), min(lat), max(lon), max(lat)]


def _span(record: Mapping[str, Any]) -> dict[str, str]:
    span = record["umm"]["TemporalExtent"]["RangeDateTime"]
    return {"start": span["BeginningDateTime"], "end": span["EndingDateTime"]}
