"""The doctor finds what is wrong, says what to do, and shows no secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog_builder.doctor import Check, Diagnosis, diagnose
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.objects import Objects

NAMES = ["cmr", "earthdata", "login", "token", "credentials", "s3", "https", "region"]


@pytest.fixture(autouse=True)
def off_amazon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def states(diagnosis: Diagnosis) -> dict[str, str]:
    return {check.name: check.state for check in diagnosis.checks}


def found(diagnosis: Diagnosis, name: str) -> Check:
    return next(check for check in diagnosis.checks if check.name == name)


def test_all_is_well(cloud: EarthdataStandin) -> None:
    seen: list[Check] = []
    diagnosis = diagnose(seen.append)
    assert tuple(seen) == diagnosis.checks
    assert [check.name for check in seen] == NAMES
    assert set(states(diagnosis).values()) == {"ok"}
    assert diagnosis.healthy
    assert cloud.cmr_url in found(diagnosis, "cmr").found
    assert "EARTHDATA_TOKEN" in found(diagnosis, "login").found
    assert cloud.credentials_endpoint in found(diagnosis, "credentials").found
    assert cloud.token not in json.dumps(diagnosis.to_dict())


def test_it_reads_next_to_nothing(cloud: EarthdataStandin) -> None:
    diagnose()
    read = [r for r in cloud.requests if r.service in ("s3", "download") and r.method == "GET"]
    assert sum(request.bytes for request in read) < 1000


def test_out_of_region_is_no_failure(cloud: EarthdataStandin) -> None:
    cloud.faults.in_region = False
    diagnosis = diagnose()
    assert states(diagnosis) == dict.fromkeys(NAMES, "ok") | {"s3": "warning", "region": "warning"}
    assert diagnosis.healthy
    assert "us-west-2" in found(diagnosis, "s3").found
    assert 'access="auto"' in (found(diagnosis, "region").advice or "")


def test_no_login(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    diagnosis = diagnose()
    assert not diagnosis.healthy
    assert states(diagnosis)["login"] == "failed"
    assert "EARTHDATA_TOKEN" in found(diagnosis, "login").found
    assert {states(diagnosis)[name] for name in ("token", "credentials", "s3")} == {"skipped"}


def test_a_machine_without_a_home(cloud: EarthdataStandin) -> None:
    """A container's user: no HOME, and no entry in the list of users."""
    program = (
        "import json, pwd\n"
        "def unknown(number): raise KeyError(number)\n"
        "pwd.getpwuid = unknown\n"
        "from catalog_builder import errors, open_index\n"
        "from catalog_builder.doctor import diagnose\n"
        "print(json.dumps(diagnose().to_dict()))\n"
        "try: len(open_index('~nobody-here'))\n"
        "except errors.AddressError as error: print(error)\n"
    )
    unset = ("HOME", "EARTHDATA_TOKEN", "NETRC")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told, said = done.stdout.splitlines()
    checks = {check["name"]: check for check in json.loads(told)["checks"]}
    assert list(checks) == NAMES
    assert checks["login"]["state"] == "failed"
    assert "no home folder" in checks["login"]["found"]
    assert "give an absolute path" in said


def test_a_token_that_has_ended_beside_a_password(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1577836800}').decode().rstrip("=")
    monkeypatch.setenv("EARTHDATA_TOKEN", f"e30.{claims}.x")
    monkeypatch.setenv("EARTHDATA_USERNAME", cloud.username)
    monkeypatch.setenv("EARTHDATA_PASSWORD", cloud.password)
    diagnosis = diagnose()
    assert diagnosis.healthy
    assert states(diagnosis) == dict.fromkeys(NAMES, "ok") | {"login": "warning"}
    assert "ended on 2020-01-01" in (found(diagnosis, "login").advice or "")


def test_a_token_that_is_refused(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnose()  # the shared provider holds good keys from here on
    monkeypatch.setenv("EARTHDATA_TOKEN", "not-the-token")
    diagnosis = diagnose()
    assert states(diagnosis)["credentials"] == "failed"
    assert "not-the-token" not in json.dumps(diagnosis.to_dict())


def test_a_password(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("EARTHDATA_USERNAME", cloud.username)
    monkeypatch.setenv("EARTHDATA_PASSWORD", cloud.password)
    diagnosis = diagnose()
    assert diagnosis.healthy
    assert "EARTHDATA_USERNAME" in found(diagnosis, "login").found
    assert cloud.password not in json.dumps(diagnosis.to_dict())
    monkeypatch.setenv("EARTHDATA_PASSWORD", "wrong-word")
    diagnosis = diagnose()
    assert states(diagnosis)["token"] == "failed"
    assert states(diagnosis)["credentials"] == "skipped"
    assert "wrong-word" not in json.dumps(diagnosis.to_dict())


@pytest.mark.parametrize(("days", "state"), [(30, "ok"), (2, "warning"), (-1, "failed")])
def test_the_end_of_a_token(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    claims = json.dumps({"exp": int(time.time()) + days * 86400}).encode()
    token = f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"
    monkeypatch.setenv("EARTHDATA_TOKEN", token)
    check = found(diagnose(), "token")
    assert check.state == state
    assert (check.advice is None) == (state == "ok")


def test_nothing_can_be_reached(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMR_URL", "http://127.0.0.1:9/search")
    monkeypatch.setenv("EARTHDATA_HOST", "127.0.0.1:9")
    diagnosis = diagnose()
    assert [states(diagnosis)[name] for name in NAMES] == [
        *("failed", "failed", "ok"),
        *("skipped",) * 4,
        "warning",
    ]
    assert "CMR_URL" in found(diagnosis, "cmr").found
    assert "EARTHDATA_HOST" in (found(diagnosis, "earthdata").advice or "")


def test_an_agreement_to_accept(cloud: EarthdataStandin) -> None:
    cloud.faults.eula_pending = True
    assert "accept" in found(diagnose(), "credentials").found


def test_https_may_fail_where_s3_answers(cloud: EarthdataStandin) -> None:
    there, nowhere = f"{cloud.data_url}/nsidc-cumulus-prod-protected/", f"{cloud.data_url}/none/"
    cloud.world = World(
        collections=cloud.world.collections,
        granules=json.loads(json.dumps(list(cloud.world.granules)).replace(there, nowhere)),
        objects=cloud.world.objects,
    )
    diagnosis = diagnose()
    assert (states(diagnosis)["s3"], states(diagnosis)["https"]) == ("ok", "warning")
    cloud.faults.in_region = False
    diagnosis = diagnose()
    assert (states(diagnosis)["s3"], states(diagnosis)["https"]) == ("warning", "failed")


def test_files_that_are_no_granules(cloud: EarthdataStandin, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("This is not HDF5.")
    objects = Objects(dict.fromkeys(cloud.world.objects, text), {})
    cloud.world = World(
        collections=cloud.world.collections, granules=cloud.world.granules, objects=objects
    )
    assert "is not an HDF5 file" in found(diagnose(), "s3").found


def test_records_of_no_use_are_passed_over(cloud: EarthdataStandin) -> None:
    granules = json.loads(json.dumps(list(cloud.world.granules)))
    for record in granules[:3]:
        del record["umm"]["RelatedUrls"]
    cloud.world = World(
        collections=cloud.world.collections, granules=granules, objects=cloud.world.objects
    )
    assert diagnose().healthy


def test_a_cmr_without_the_product(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")  # without an endpoint here, NASA's would be asked
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    premises = [one for one in cloud.world.collections if "_ECS" in one["meta"]["provider-id"]]
    cloud.world = World(collections=premises, granules=(), objects=cloud.world.objects)
    diagnosis = diagnose()
    assert states(diagnosis)["cmr"] == "warning"
    assert "knows no ATL03" in found(diagnosis, "cmr").found
