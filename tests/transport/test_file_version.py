"""Which versions of a file are the same, by the headers of answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from catalog_builder.transport.file_version import FileVersion


def test_versions_agree_or_not() -> None:
    def version(**headers: str) -> FileVersion:
        return FileVersion.of_headers({name.replace("_", "-"): v for name, v in headers.items()})

    old = {"Last_Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}
    now = {"Date": "Thu, 02 Jan 2020 00:00:00 GMT"}
    new = {"Last_Modified": "Thu, 02 Jan 2020 00:00:00 GMT"}
    assert version(ETag='"a"', **old).agrees_with(version(ETag='"a"', **new))
    assert not version(ETag='"a"').agrees_with(version(ETag='"b"'))
    assert version(ETag='"a"', **old, **now).agrees_with(version(ETag='"b"', **old, **now))
    # What is as old as the answer may be replaced within the same second.
    assert not version(ETag='"a"', **new, **now).agrees_with(version(ETag='"b"', **new, **now))
    assert not version(ETag='"a"', **old, **now).agrees_with(version(ETag='"b"', **new, **now))
    assert version(ETag='W/"a"').agrees_with(version(ETag='"a"'))
    assert not version(ETag='W/"a"', **old).agrees_with(version(ETag='W/"a"', **new))
    sizes = [version(Content_Range=f"bytes 0-4/{size}") for size in ("10", "11", "*")]
    assert not sizes[0].agrees_with(sizes[1])
    assert sizes[0].agrees_with(sizes[2])
    assert sizes[2].agrees_with(FileVersion())
    assert version(Last_Modified="yesterday", ETag="").agrees_with(version())


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"ETag": '"abc"', "Content-Length": "12"}, FileVersion(etag="abc", size=12)),
        ({"ETag": 'W/"abc"'}, FileVersion(etag="W/abc")),
        ({"Content-Range": "bytes 0-4/99", "Content-Length": "5"}, FileVersion(size=99)),
        ({"Content-Range": "bytes 0-4/*", "Content-Length": "5"}, FileVersion()),
        ({"Content-Range": "bytes */99"}, FileVersion(size=99)),
        ({"Content-Length": "5", "Content-Encoding": "gzip"}, FileVersion()),
        ({"Content-Length": "5", "Content-Encoding": "identity"}, FileVersion(size=5)),
        ({"Content-Length": "-5"}, FileVersion()),
        ({"Last-Modified": "Wed, 01 Jan 99999999999 00:00:00 GMT"}, FileVersion()),
        (
            {
                "Last-Modified": "Wed, 01 Jan 2020 00:00:00 -0000",
                "Date": "Wed, 01 Jan 2020 00:00:01 GMT",
            },
            FileVersion(modified=datetime(2020, 1, 1, tzinfo=UTC), settled=True),
        ),
        (
            {"Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"},
            FileVersion(modified=datetime(2020, 1, 1, tzinfo=UTC)),
        ),
        (
            {
                "Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT",
                "Date": "Wed, 01 Jan 2020 00:00:01 GMT",
            },
            FileVersion(modified=datetime(2020, 1, 1, tzinfo=UTC), settled=True),
        ),
    ],
)
def test_what_headers_say(headers: dict[str, str], version: FileVersion) -> None:
    assert FileVersion.of_headers(headers) == version


def test_a_strong_tag_or_an_old_date_is_certain() -> None:
    assert FileVersion(etag="a").is_certain
    assert FileVersion(settled=True).is_certain
    assert not FileVersion(etag="W/a", size=5).is_certain
    assert not FileVersion().is_certain
