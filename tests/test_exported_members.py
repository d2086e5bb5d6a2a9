from __future__ import annotations

import subprocess
import sys

import pytest

import catalog_builder


def test_the_table_of_contents_is_sorted_and_whole() -> None:
    assert catalog_builder.__all__ == sorted(catalog_builder.__all__)
    assert set(catalog_builder.__all__) == set(catalog_builder._HOMES)
    assert set(catalog_builder.__all__) <= set(dir(catalog_builder))


@pytest.mark.parametrize("name", catalog_builder.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(catalog_builder, name).__doc__


def test_what_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opne_beam'"):
        _ = catalog_builder.opne_beam


LOADED = """
import sys
before = set(sys.modules)
{program}
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""
SLOW = {"asyncio", "concurrent", "email", "http", "json", "multiprocessing", "socket", "sqlite3"}
SLOW |= {"ssl", "subprocess", "unittest", "xml"}
"""Modules of Python that take milliseconds each."""


@pytest.mark.parametrize(
    ("program", "ours", "others"),
    [
        ("import catalog_builder", {"_version"}, set()),
        (
            "from catalog_builder.cli import main\nmain(['--help'], standalone_mode=False)",
            {"_version", "cli", "errors", "interrupt", "plain_text"},
            {"click"},
        ),
    ],
)
def test_import_and_help_load_next_to_nothing(
    program: str, ours: set[str], others: set[str]
) -> None:
    """What holds 20 ms of the import and 60 ms of --help, on a busy machine too."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(program=program)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stderr.split()
    assert {name for name in loaded if name.startswith("catalog_builder")} == {
        "catalog_builder",
        *(f"catalog_builder.{name}" for name in ours),
    }
    tops = {name.partition(".")[0] for name in loaded}
    assert tops - set(sys.stdlib_module_names) == {"catalog_builder", *others}
    assert tops & SLOW == set()
