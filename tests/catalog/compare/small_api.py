"""STAC APIs of few items, served on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scripted_server import Answer, Asked, ScriptedServer

from catalog_builder.catalog.compare.stac_api import StacApi
from earthdata_standin import EarthdataStandin

HTML = Answer(headers={"Content-Type": "text/html"}, body=b"<html><h1>Our data portal</h1></html>")


def landing(cloud: EarthdataStandin, provider: str = "NSIDC_CPRD") -> str:
    return f"{cloud.stac_url}/{provider}"


def open_now(url: str, **options: Any) -> StacApi:
    return StacApi.open(url, sleep=lambda _: None, **options)


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(
        status=status,
        headers={"Content-Type": "application/json"},
        body=json.dumps(value).encode(),
    )


class SmallApi:
    """A STAC API that gives these pages of items, each ``{"id"}``, and notes what it is asked."""

    def __init__(
        self,
        pages: list[list[str]],
        *,
        conforms_to: tuple[str, ...] = ("item-search",),
        method: str | None = None,
        ids: tuple[str, ...] = ("atl03-v7",),
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self.pages, self.ids = pages, ids
        self.conforms_to, self.method, self.change = conforms_to, method, change
        self.server = ScriptedServer(self.answer)

    def answer(self, asked: Asked) -> Answer:
        url = self.server.url
        path, query = urlsplit(asked.path).path, parse_qs(urlsplit(asked.path).query)
        if path == "/":
            search = {"rel": "search", "href": f"{url}/find", "type": "application/geo+json"}
            return as_json(
                {
                    "type": "Catalog",
                    "id": "small",
                    "description": "small",
                    "stac_version": "1.1.0",
                    "conformsTo": [
                        f"https://api.stacspec.org/v1.0.0/{c}" for c in self.conforms_to
                    ],
                    "links": [search if self.method is None else search | {"method": self.method}],
                }
            )
        if path == "/collections":
            return as_json({"collections": [{"id": one} for one in self.ids], "links": []})
        if path == "/find":
            number = int(query.get("page", ["0"])[0])
            page = {
                "type": "FeatureCollection",
                "features": [{"id": one} for one in self.pages[number]],
                "links": [{"rel": "next", "href": f"{url}/find?page={number + 1}"}],
            }
            if number + 1 == len(self.pages):
                page["links"] = []
            self.change(page)
            return as_json(page)
        return as_json({"description": "Not there."}, status=404)
