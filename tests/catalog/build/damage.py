"""Ways to damage a file of a small catalog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from building import records_of, tree

RECORDS = records_of()[:8]

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "truncated": lambda body: body[: len(body) // 2],
    "garbage": lambda body: bytes(range(255, 0, -1)) * 3,
    "overwritten": lambda body: body[: len(body) // 3] + b"\xff" * 64 + body[-64:],
    "another value": lambda body: b"[]",
    "no id": lambda body: b'{"id": 7, "definition": null}',
    "nested": lambda body: b"[" * 100_000,
}


def damage(folder: Path, name: str, how: str) -> None:
    path = folder / name
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGES[how](path.read_bytes()))


def whole(folder: Path) -> dict[str, str]:
    """All files with the report."""
    report = (folder / "build-report.json").read_bytes()
    return {**tree(folder), "build-report.json": report.decode(errors="replace")}
