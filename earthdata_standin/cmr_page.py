"""A page of results, or a refusal, as the stand-in CMR writes it: UMM JSON, or XML.

In XML a page holds references only: what there is and in which revision, not the records.
Source: the CMR Search API documentation, "References" among its result formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal
from xml.sax.saxutils import escape

import orjson

Form = Literal["umm_json", "references"]
Reference = tuple[str, str, int]
"""GranuleUR (of a collection: entry title), concept id, revision id."""

XML_TYPE: Final = "application/xml; charset=utf-8"

_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>'


def records_page(hits: int, took: int, lines: Iterable[bytes]) -> bytes:
    """A page of records, each given as JSON."""
    return b'{"hits":%d,"took":%d,"items":[%b]}' % (hits, took, b",".join(lines))


def references_page(
    hits: int,
    took: int,
    references: Sequence[Reference],
    base_url: str,
    counts: Sequence[int] | None = None,
) -> bytes:
    """A page of references; ``counts`` are granules of collections, where requested."""
    parts = [f"{_XML}<results><hits>{hits}</hits><took>{took}</took><references>"]
    for row, (name, concept_id, revision) in enumerate(references):
        count = "" if counts is None else f"<granule-count>{counts[row]}</granule-count>"
        parts.append(
            f"<reference><name>{escape(name)}</name><id>{concept_id}</id>"
            f"<location>{base_url}/search/concepts/{concept_id}/{revision}</location>"
            f"<revision-id>{revision}</revision-id>{count}</reference>"
        )
    return "".join([*parts, "</references></results>"]).encode()


def refusal_page(form: Form, errors: Iterable[str]) -> tuple[bytes, str]:
    """The body of a refusal, and its content type."""
    if form == "references":
        listed = "".join(f"<error>{escape(error)}</error>" for error in errors)
        return f"{_XML}<errors>{listed}</errors>".encode(), XML_TYPE
    return orjson.dumps({"errors": list(errors)}), "application/json; charset=utf-8"
