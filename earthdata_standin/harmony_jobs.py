"""Jobs of the stand-in's Harmony: granules cut one after the other, and how a job is told.

Fields, messages and links are those of ``models/job.ts``, ``models/job-link.ts`` and
``util/job.ts`` of https://github.com/nasa/harmony.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

BUCKET: Final = "harmony-staging"
"""Where results are kept; a real one has "harmony" in its name as well."""

State = Literal["accepted", "running", "successful", "complete_with_errors", "failed", "canceled"]

_MESSAGES: Final[dict[State, str]] = {
    "accepted": "The job has been accepted and is waiting to be processed",
    "running": "The job is being processed",
    "successful": "The job has completed successfully",
    "complete_with_errors": (
        "The job has completed with errors. See the errors field for more details"
    ),
    "failed": "The job failed with an unknown error",
    "canceled": "The job was canceled",
}
ENDED: Final = frozenset({"successful", "complete_with_errors", "failed", "canceled"})
_DAYS_KEPT: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A result: where it is kept, and what of the granule it tells."""

    key: str
    """``bucket/key``."""
    path: Path
    bbox: list[float]
    temporal: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Job:
    """One request, and how far it is."""

    request: str
    """URL of the request."""
    inputs: int
    username: str
    labels: list[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = "accepted"
    progress: int = 0
    message: str | None = None
    """In place of that of the state."""
    outputs: list[Output] = field(default_factory=list)
    errors: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    def step(self, done: int) -> None:
        """Note that so many granules are done."""
        self.state, self.progress = "running", 100 * done // self.inputs
        self.updated = datetime.now(UTC)

    def end(self) -> None:
        """Note that all granules are done, unless the job ended before."""
        if self.state in ENDED:
            return
        if self.errors and not self.outputs:
            self.state, self.message = "failed", self.errors[0]["message"]
        else:
            self.state = "complete_with_errors" if self.errors else "successful"
        self.progress, self.updated = 100, datetime.now(UTC)

    def brief(self) -> dict[str, Any]:
        """As ``/jobs/status`` tells it."""
        return {"jobID": self.id, "status": self.state, "progress": self.progress}

    def whole(self, root: str, *, s3: bool = False, links: bool = True) -> dict[str, Any]:
        """As ``/jobs/<id>`` tells it; ``s3``: data by their addresses in S3."""
        told: dict[str, Any] = {
            "username": self.username,
            "status": self.state,
            "message": self.message or _MESSAGES[self.state],
            "progress": self.progress,
            "createdAt": _text(self.created),
            "updatedAt": _text(self.updated),
            "dataExpiration": _text(self.created + timedelta(days=_DAYS_KEPT)),
            "links": self._links(root, s3=s3) if links else [],
            "labels": self.labels,
            "request": self.request,
            "numInputGranules": self.inputs,
            "jobID": self.id,
            "serviceName": "sds/trajectory-subsetter",
        }
        if s3 and self.outputs:
            told["message"] += (
                ". Contains results in AWS S3. Access from AWS us-west-2 with keys from "
                f"{root}/cloud-access.sh"
            )
        return (
            told
            | ({"errors": self.errors} if self.errors else {})
            | ({"warnings": self.warnings} if self.warnings else {})
        )

    def _links(self, root: str, *, s3: bool) -> list[dict[str, Any]]:
        links: list[dict[str, Any]] = []
        if self.state not in ENDED:
            links.append(_link("canceler", f"{root}/jobs/{self.id}/cancel", "Cancels the job."))
        if s3 and self.outputs:
            title = "Access keys for s3:// URLs, usable from AWS us-west-2 (JSON format)"
            links.append(_link("cloud-access-json", f"{root}/cloud-access", title))
        for output in self.outputs:
            name = output.key.rpartition("/")[2]
            href = f"s3://{output.key}" if s3 else f"{root}/service-results/{output.key}"
            link = _link("data", href, name, "application/x-hdf5")
            links.append({**link, "bbox": output.bbox, "temporal": output.temporal})
        return [*links, _link("self", f"{root}/jobs/{self.id}", "Job Status")]


def _link(rel: str, href: str, title: str, kind: str = "application/json") -> dict[str, Any]:
    return {"href": href, "title": title, "type": kind, "rel": rel}


def _text(time: datetime) -> str:
    return f"{time.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
