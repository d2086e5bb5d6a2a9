"""The verb that draws a beam."""

from __future__ import annotations

from pathlib import Path

from tests.commands.running import run


def test_plot_writes_a_picture(published: Path, granule: str, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "beam.png"
    done = run("plot", published, granule, "--beam", "gt2r", "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_plot_of_an_unknown_format(published: Path, granule: str, tmp_path: Path) -> None:
    done = run("plot", published, granule, "--out", tmp_path / "beam.txt")
    assert done.exit_code == 2
    assert ".png, .svg" in done.stderr


def test_plot_into_a_file_that_is_no_folder(published: Path, granule: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("plot", published, granule, "--out", tmp_path / "file" / "beam.png")
    assert (done.exit_code, "cannot be a folder" in done.stderr) == (1, True)
