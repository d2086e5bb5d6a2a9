from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import pwd
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog_builder.auth.login import Login, earthdata_host
from catalog_builder.errors import LoginMissingError, LoginRejectedError, LoginWarning

SECRET = "hunter2secret"


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    return {"NETRC": str(tmp_path / "netrc")}


def test_a_token_goes_before_a_password_before_netrc(nowhere: dict[str, str]) -> None:
    Path(nowhere["NETRC"]).write_text("machine urs.earthdata.nasa.gov login n password p")
    password = nowhere | {"EARTHDATA_USERNAME": "u", "EARTHDATA_PASSWORD": "q"}
    token = password | {"EARTHDATA_TOKEN": f" {SECRET}\n"}
    assert Login.find(token) == Login(source="EARTHDATA_TOKEN", token=SECRET)
    assert Login.find(password) == Login(source="EARTHDATA_USERNAME", username="u", password="q")
    assert Login.find(nowhere) == Login(source=nowhere["NETRC"], username="n", password="p")


def test_netrc_is_read_for_the_host_of_the_environment(nowhere: dict[str, str]) -> None:
    Path(nowhere["NETRC"]).write_text(
        "machine urs.earthdata.nasa.gov login n password p\n"
        "machine 127.0.0.1 login here password h\n"
    )
    found = Login.find(nowhere | {"EARTHDATA_HOST": "127.0.0.1:8080"})
    assert found.username == "here"


def test_netrc_is_looked_for_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine urs.earthdata.nasa.gov login n password p")
    assert Login.find({}).source == str(tmp_path / ".netrc")


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "machine other.org login n password p"),
        "default login n password p",  # meant for any host, so not for Earthdata
        "machine other.org login n password p\ndefault login n password p",
    ],
)
def test_no_login_says_what_to_do(nowhere: dict[str, str], text: str | None) -> None:
    if text is not None:
        Path(nowhere["NETRC"]).write_text(text)
    with pytest.raises(LoginMissingError, match=r"EARTHDATA_TOKEN.*machine urs\.earthdata"):
        Login.find(nowhere | {"EARTHDATA_USERNAME": "half a login"})


def test_a_broken_netrc_is_not_quoted(nowhere: dict[str, str]) -> None:
    Path(nowhere["NETRC"]).write_text(f"machine urs.earthdata.nasa.gov\nlogin n {SECRET} p")
    with pytest.raises(LoginMissingError, match=r"cannot be read \(line 2\)") as caught:
        Login.find(nowhere)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("token", [f"Bearer {SECRET}", f"{SECRET}\nX-Header: y", f"{SECRET}é"])
def test_a_token_that_cannot_be_sent_is_not_quoted(token: str) -> None:
    with pytest.raises(LoginRejectedError, match="copy it again") as caught:
        Login.find({"EARTHDATA_TOKEN": token})
    assert SECRET not in str(caught.value)


def test_a_login_shows_its_source_alone_and_stays_in_its_process() -> None:
    login = Login(source="test", token=SECRET, username="me", password=SECRET)
    assert repr(login) == "Login(source='test')"
    assert SECRET not in str(login)
    assert login.hide(f"Token {SECRET} does not exist") == "Token *** does not exist"
    for send in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="each process finds its own"):
            send(login)


def test_a_token_may_say_when_it_ends() -> None:
    def token(claims: object) -> str:
        return (
            f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"
        )

    when = datetime(2026, 1, 2, tzinfo=UTC)
    assert Login(source="test", token=token({"exp": when.timestamp()})).expires == when
    for odd in (None, "opaque", "a.b.c", "e30.!.x", token({}), token([]), token({"exp": "soon"})):
        assert Login(source="test", token=odd).expires is None


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("", "https://urs.earthdata.nasa.gov"),
        ("uat.urs.earthdata.nasa.gov", "https://uat.urs.earthdata.nasa.gov"),
        ("https://uat.urs.earthdata.nasa.gov/", "https://uat.urs.earthdata.nasa.gov"),
        ("example.org:8080", "https://example.org:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_host_of_earthdata_login(named: str, host: str) -> None:
    assert earthdata_host({"EARTHDATA_HOST": named}) == host


# -- odd machines and odd files


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither HOME nor an entry in the list of users, as in many containers."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_error_says_so() -> None:
    for environ in ({}, {"NETRC": ""}, {"NETRC": "~/.netrc"}):
        with pytest.raises(LoginMissingError, match="no home folder"):
            Login.find(environ)
    assert Login.find({"EARTHDATA_TOKEN": SECRET}).token == SECRET


def test_the_host_of_earthdata_login_with_its_port_is_the_same() -> None:
    for named in ("URS.earthdata.nasa.gov", "urs.earthdata.nasa.gov:443"):
        assert earthdata_host({"EARTHDATA_HOST": named}) == "https://urs.earthdata.nasa.gov"


def test_a_netrc_variable_may_start_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").write_text("machine urs.earthdata.nasa.gov login n password p")
    assert Login.find({"NETRC": "~/mine"}).source == str(tmp_path / "mine")


@pytest.mark.parametrize("quote", ['"', "'", "`"])
def test_a_quoted_token_is_recognized(quote: str) -> None:
    for token in (f"{quote}{SECRET}{quote}", f"{quote}{SECRET}"):
        with pytest.raises(LoginRejectedError, match="without quotes") as caught:
            Login.find({"EARTHDATA_TOKEN": token})
        assert SECRET not in str(caught.value)


def ending(year: int) -> str:
    claims = json.dumps({"exp": datetime(year, 1, 2, tzinfo=UTC).timestamp()})
    return f"e30.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.x"


def test_a_token_that_has_ended_hides_no_other_login(nowhere: dict[str, str]) -> None:
    ended = nowhere | {"EARTHDATA_TOKEN": ending(2020)}
    assert Login.find(ended).token == ending(2020)  # there is no other one
    Path(nowhere["NETRC"]).write_text("machine urs.earthdata.nasa.gov login n password p")
    with pytest.warns(LoginWarning, match=r"EARTHDATA_TOKEN ended on 2020-01-02: .*netrc is used"):
        assert Login.find(ended).username == "n"
    user = {"EARTHDATA_USERNAME": "u", "EARTHDATA_PASSWORD": "q"}
    with pytest.warns(LoginWarning, match="EARTHDATA_USERNAME is used"):
        assert Login.find(ended | user).username == "u"
    assert Login.find(nowhere | {"EARTHDATA_TOKEN": ending(2999)}).token == ending(2999)


def test_who_called_earthaccess_login_is_logged_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earthaccess = pytest.importorskip("earthaccess")
    for name in list(os.environ):
        if name.startswith("EARTHDATA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    auth = earthaccess._auth
    for name, value in (("authenticated", False), ("token", None), ("username", None)):
        monkeypatch.setattr(auth, name, value)
    with pytest.raises(LoginMissingError):
        Login.find()
    monkeypatch.setattr(auth, "authenticated", True)
    monkeypatch.setattr(auth, "username", "ada")
    monkeypatch.setattr(auth, "password", "very-secret")
    assert Login.find() == Login(source="", username="ada", password="very-secret")
    monkeypatch.setattr(auth, "token", {"access_token": "abc.def"})
    found = Login.find()
    assert (found.token, found.source) == ("abc.def", "earthaccess.login()")
    # A login at another host is none here, and the environment goes first.
    monkeypatch.setenv("EARTHDATA_HOST", "uat.urs.earthdata.nasa.gov")
    with pytest.raises(LoginMissingError):
        Login.find()
    monkeypatch.setenv("EARTHDATA_TOKEN", "mine")
    assert Login.find().token == "mine"
