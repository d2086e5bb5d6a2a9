"""The page for people: its file, without a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from catalog_builder.catalog.stac.web_page import is_our_page, is_whole_page, web_page

WEB = Path(__file__).parents[3] / "web"
PAGE = web_page().decode()


def test_it_is_bundled_from_the_sources_that_are_here() -> None:
    names = ["build.mjs", "package-lock.json", "page.html"]
    names += sorted(f"src/{path.name}" for path in (WEB / "src").iterdir())
    digest = hashlib.sha256(b"".join((WEB / name).read_bytes() for name in names)).hexdigest()
    assert f'<meta name="sources" content="{digest}">' in PAGE, "make page"


def test_its_policy_allows_its_own_script_and_style_and_the_catalogs_host_alone() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', PAGE)
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    def hashed(tag: str) -> str:
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
        return f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"

    assert allowed == {
        "default-src": "'none'",
        "script-src": hashed("script"),
        "style-src": hashed("style"),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_it_loads_nothing_and_has_no_handler_in_its_elements() -> None:
    markup = re.sub(r"<(script|style)>.*?</\1>", "", PAGE, flags=re.DOTALL)
    assert not re.search(r"\s(src|srcset|on\w+|style)=", markup)
    assert re.findall(r'<link [^>]*href="([^"]*)"', markup) == ["data:,"]


def test_nothing_of_a_record_becomes_markup() -> None:
    sources = "".join(path.read_text() for path in (WEB / "src").glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", sources)


def test_each_field_has_a_label_and_each_id_stands_once() -> None:
    ids = re.findall(r'\sid="([^"]+)"', PAGE)
    assert len(ids) == len(set(ids))
    fields = re.findall(r"<(?:input|select)\b", PAGE.partition("<script>")[0])
    assert len(fields) == len(re.findall(r"<label[^>]*>[^<]+<(?:input|select)\b", PAGE)) or all(
        f'for="{name}"' in PAGE for name in ids
    )
    for pointed in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', PAGE):
        assert pointed in ids
    for used in re.findall(r'byId\("([^"]+)"\)', (WEB / "src" / "main.js").read_text()):
        assert used in ids


@pytest.mark.parametrize("library", ["hyparquet", "fzstd", "world-atlas", "Natural Earth"])
def test_the_licences_of_what_it_is_made_of_are_in_it(library: str) -> None:
    licences = PAGE.partition("<details")[2].partition("</details>")[0]
    assert library in licences
    assert "Permission is hereby granted, free of charge" in licences


def test_it_is_known_and_damage_to_it_too() -> None:
    body = web_page()
    assert is_our_page(body)
    assert is_whole_page(body)
    assert not is_our_page(b"<!doctype html><title>My group's data</title>")
    for damaged in (body[:-3000], body.replace(b"fetch(", b"fetch (", 1), body[:5000]):
        assert is_our_page(damaged)
        assert not is_whole_page(damaged)
