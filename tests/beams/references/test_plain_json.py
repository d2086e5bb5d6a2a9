"""Plain references say what packed ones say; tests/indexing has whole ones."""

from __future__ import annotations

import orjson
import pytest

from catalog_builder.beams.references.frames import compress
from catalog_builder.beams.references.plain_json import plain_references
from catalog_builder.errors import ReferencesError


def test_the_address_stands_in_place_of_the_template() -> None:
    refs = {".zgroup": "{}", "gt1l/heights/h_ph/0": ["{{u}}", 5, 7], "gt1l/x/0": "base64:AA=="}
    text = orjson.dumps({"version": 1, "templates": {"u": 's3://b/"k"'}, "refs": refs})
    body = compress(text[:30]) + compress(text[30:])
    plain = orjson.loads(plain_references(body))
    assert plain == {"version": 1, "refs": refs | {"gt1l/heights/h_ph/0": ['s3://b/"k"', 5, 7]}}


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"templates": {}}', b"no JSON"])
def test_something_else_is_an_error(text: bytes) -> None:
    for body in (text, compress(text)):
        with pytest.raises(ReferencesError, match="no reference file"):
            plain_references(body)
