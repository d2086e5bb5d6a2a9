"""A check of one page of CMR's records, as NASA sends it; it may be kept for the stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from catalog_builder.nasa_report import Answer
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    from catalog_builder.geo.window import Box


def check_page(
    release: str, provider: str, area: Box, recordings: Path | None, answers: list[Answer]
) -> str:
    """What CMR answers to a query for 20 records of ATL03 in the area.

    The answer is added to ``answers``, also a refusal, which raises ``requests.HTTPError``. The
    page is written to ``recordings`` if there is such a folder.
    """
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.query import GranuleQuery
    from catalog_builder.transport.session import PlainSession

    with CmrClient() as client:
        concept = client.collection("ATL03", release, provider).concept_id
        query = GranuleQuery(collection_concept_id=concept, bounding_box=area, page_size=20)
        url = query.url(client.base)
    with PlainSession() as session:
        answer = session.get(url)
    answers.append(Answer.of(url, answer))
    answer.raise_for_status()
    items = answer.json()["items"]
    if recordings is not None:
        kept = SafeFolder(recordings)
        kept.make_root()
        kept.write(f"ATL03_{release}.umm.json", answer.content)
    return f"{answer.json()['hits']} hits, {len(items)} records in a page"
