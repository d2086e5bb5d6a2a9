"""The verb that checks NASA's services."""

from __future__ import annotations

from pathlib import Path

from earthdata_standin import EarthdataStandin
from tests.commands.running import run


def test_a_failed_check_is_told_and_reported(cmr: EarthdataStandin, tmp_path: Path) -> None:
    """Of a release that there is not."""
    report = tmp_path / "report.md"
    done = run("nasa-check", "--release", "999", "--report", str(report))
    assert done.exit_code == 1
    assert "failed" in done.stdout
    assert "skipped" in done.stdout
    assert "| 999 | CMR lists the collection, in the cloud | failed |" in report.read_text()
