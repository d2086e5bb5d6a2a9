"""The netrc file as editors and machines leave it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog_builder.auth.netrc_file import netrc_path, read_netrc
from catalog_builder.errors import LoginMissingError

HOST = "urs.earthdata.nasa.gov"


@pytest.fixture
def netrc(tmp_path: Path) -> Path:
    return tmp_path / "netrc"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_no_part_of_it(netrc: Path, mark: bytes) -> None:
    netrc.write_bytes(mark + f"machine {HOST} login n password grüße\n".encode())
    assert read_netrc(netrc, HOST) == ("n", "grüße")
    netrc.write_bytes(mark)
    assert read_netrc(netrc, HOST) == (None, None)


@pytest.mark.parametrize("name", [HOST.upper(), f"{HOST}:443", f"{HOST.title()}:443"])
def test_a_name_of_a_host_has_no_case_and_may_have_the_port_of_https(
    netrc: Path, name: str
) -> None:
    netrc.write_text(f"machine {name} login n password p\ndefault login a password b")
    assert read_netrc(netrc, HOST) == ("n", "p")
    netrc.write_text(f"machine {HOST}:444 login n password p\nmachine {HOST}.x login n password p")
    assert read_netrc(netrc, HOST) == (None, None)


def test_the_default_entry_is_for_other_hosts(netrc: Path) -> None:
    netrc.write_text("machine other.org login a password b\ndefault login n password p")
    assert read_netrc(netrc, HOST) == (None, None)


def test_a_file_that_is_no_text_says_so(netrc: Path) -> None:
    netrc.write_bytes("machine x login n password p".encode("utf-16"))
    with pytest.raises(LoginMissingError, match="cannot be read"):
        read_netrc(netrc, HOST)
    netrc.unlink()
    netrc.mkdir()
    with pytest.raises(LoginMissingError, match=r"cannot be read \(IsADirectoryError\)"):
        read_netrc(netrc, HOST)


def test_a_file_of_another_user_may_not_be_read(
    netrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    netrc.write_text(f"machine {HOST} login n password p")
    monkeypatch.setattr("catalog_builder.auth.netrc_file.os.open", refuse)  # root may read all
    with pytest.raises(LoginMissingError, match="may not be read") as caught:
        read_netrc(netrc, HOST)
    assert caught.value.__context__ is None


def test_it_is_looked_for_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert netrc_path({}) == netrc_path({"NETRC": ""}) == tmp_path / ".netrc"
    assert netrc_path({"NETRC": "~/mine"}) == tmp_path / "mine"
    assert netrc_path({"NETRC": "/etc/netrc"}) == Path("/etc/netrc")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_that_nobody_writes_to_is_refused(netrc: Path) -> None:
    os.mkfifo(netrc)
    with pytest.raises(LoginMissingError, match=r"cannot be read \(OSError\)"):
        read_netrc(netrc, HOST)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named_as_the_reason(netrc: Path, encoding: str) -> None:
    netrc.write_bytes(f"machine {HOST} login n password grüße".encode(encoding))
    with pytest.raises(LoginMissingError, match="is not UTF-8 text"):
        read_netrc(netrc, HOST)
