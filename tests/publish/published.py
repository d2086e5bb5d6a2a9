"""What a reader of a destination sees, and a destination that fails at one operation."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from catalog_builder.catalog.stac.layout import path_of
from catalog_builder.publish.destination import Destination, Stored
from catalog_builder.publish.manifest import STATE


def content(folder: Path) -> dict[str, bytes]:
    """All files of a published folder, but for the state of publishing."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and STATE not in path.parts
    }


def dangling(files: Mapping[str, bytes]) -> list[str]:
    """Pointers, from any page that is there, to what is not; nothing is right."""
    found = []
    for path, body in files.items():
        above = Path(path).parent
        targets: list[str] = []
        if path.endswith(".json") and b'"links"' in body:
            page = json.loads(body)
            down = ("child", "item")
            targets = [link["href"] for link in page["links"] if link["rel"] in down]
            targets += [one["href"] for one in page.get("assets", {}).values()]
        elif path == "items.parquet":
            import io

            ids = pq.read_table(io.BytesIO(body), columns=["id", "collection"]).to_pylist()
            targets = [path_of(one["collection"], one["id"]) for one in ids]
        found += [
            f"{path} -> {target}"
            for target in targets
            if "://" not in target and _joined(above, target) not in files
        ]
    return found


def _joined(above: Path, target: str) -> str:
    import posixpath

    return posixpath.normpath(posixpath.join(above.as_posix(), target))


class InterruptedRunError(Exception):
    """A run that was broken off."""


class Failing:
    """A destination that fails at its n-th write or removal, done or not yet done."""

    def __init__(self, to: Destination, at: int, *, after: bool) -> None:
        self.name, self._to, self._left, self._after = to.name, to, at, after
        self.puts: list[str] = []

    async def get(self, path: str) -> bytes | None:
        return await self._to.get(path)

    async def put(self, path: str, body: Any, headers: Mapping[str, str]) -> str | None:
        self.puts.append(path)
        self._count(not self._after)
        tag = await self._to.put(path, body, headers)
        self._count(self._after)
        return tag

    async def delete(self, paths: list[str]) -> None:
        for path in paths:
            self._count(not self._after)
            await self._to.delete([path])
            self._count(self._after)

    def list(self, inside: str = "") -> AsyncIterator[Stored]:
        return self._to.list(inside)

    def _count(self, counts: bool) -> None:
        if counts:
            self._left -= 1
        if self._left < 0:
            raise InterruptedRunError
