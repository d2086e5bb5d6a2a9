"""S3's answers begin in time, however s3fs waits for them."""

from __future__ import annotations

import pytest
from slow_server import drips, slow_server

from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE
from catalog_builder.transport.s3_options import s3_timeouts
from catalog_builder.transport.stored_files import StoredFiles


def test_a_head_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two of its bytes lies less than the time that botocore waits for one."""
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.3")
    once = {**s3_timeouts(), "retries": {"total_max_attempts": 1}}
    with slow_server(drips(b"HTTP/1.1 200 .\r\nX: ")) as url:
        options = {"key": "k", "secret": "s", "endpoint_url": url, "config_kwargs": once}
        files = StoredFiles({**options, "skip_instance_cache": True})
        files.system.retries = 1
        with pytest.raises(OSError, match="Read timeout on endpoint URL"):
            files.read("s3://bucket/file")
