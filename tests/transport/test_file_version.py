"""Versions of a file: when two of them agree."""

from __future__ import annotations

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
