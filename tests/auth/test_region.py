"""The region that the environment or the instance metadata service names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog_builder.auth.region import machine_region


class Metadata(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        asked = "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self._answer(200 if asked else 400, "session")

    def do_GET(self) -> None:
        allowed = self.headers.get("X-aws-ec2-metadata-token") == "session"
        known = self.path == "/latest/meta-data/placement/region"
        self._answer(200 if allowed and known else 401, "us-west-2\n")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def metadata() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_environment_comes_first() -> None:
    assert machine_region({"AWS_REGION": "eu-west-1"}) == ("eu-west-1", "AWS_REGION")
    assert machine_region({"AWS_DEFAULT_REGION": "us-west-2"})[0] == "us-west-2"


def test_the_instance_metadata_take_two_requests(metadata: str) -> None:
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata}
    assert machine_region(environ) == ("us-west-2", "instance metadata")


def test_the_instance_metadata_may_be_forbidden(metadata: str) -> None:
    environ = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert machine_region(environ)[0] is None


def test_a_silent_service_leaves_the_region_unknown() -> None:
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    assert machine_region(environ) == (None, "the instance metadata service did not answer")


def test_off_amazon_no_request_is_sent(tmp_path: Path) -> None:
    # Sockets to the service's address are blocked in tests: asking would raise.
    vendor = tmp_path / "sys_vendor"
    assert machine_region({}, vendor=vendor) == (None, "this is not a machine of Amazon EC2")
    vendor.write_text("QEMU\n")
    assert machine_region({}, vendor=vendor)[0] is None
