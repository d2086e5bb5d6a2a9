"""What servers say of errors is passed on: short, in one line, without secrets."""

from __future__ import annotations

import pytest
import requests
from scripted_server import Answer, ScriptedServer

from catalog_builder.transport.server_words import LONGEST, answer_words, server_words

PAGE = b"""<!DOCTYPE html><html><head><title>Thin Egress</title><style>p {}</style></head>
<body><script>var x = "no words";</script><h1>Could not log you in</h1>
<p>Your profile lacks <b>a study area</b>.</p></body></html>"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "Forbidden"}', "Forbidden"),  # an API gateway
        (b'{"Message": "User is not authorized"}', "User is not authorized"),
        (b'{"errors": ["One.", "Two."]}', "One. Two."),
        (b'{"errors": [{"path": ["a"], "errors": ["Inner"]}]}', "Inner"),
        (b'{"error": "invalid_token", "error_description": "It ended"}', "It ended"),
        (b'{"error": {"message": "Deep"}}', "Deep"),
        (b'{"code": 3}', '{"code": 3}'),
        (PAGE, "Could not log you in Your profile lacks a study area ."),
        (b"<Error><Code>A</Code><Message>Denied</Message><Token-0>t</Token-0></Error>", "Denied"),
        (b"plain\r\n  text\x1b[31m\x07", "plain text\\x1b[31m\\x07"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_words_of_a_body(body: bytes, words: str) -> None:
    assert server_words(body) == words


@pytest.mark.parametrize(
    "text",
    [
        "Go to https://host/x?code=secret-one&state=2 now",
        "The token eyJsecret-one.eyJzZWNyZXQ.c2ln is bad",
        "Authorization: Bearer secret-one-secret-one-secret",
        "Authorization: Basic secret-onesecret==",
        "The password 'secret-one' is wrong",
    ],
)
def test_secrets_are_not_passed_on(text: str) -> None:
    assert "secret-one" not in server_words(text, hide=["secret-one", None])
    assert "secret-one" not in server_words(f'{{"message": "{text}"}}', hide=["secret-one"])


def test_they_are_short() -> None:
    assert len(server_words(b"word " * 10_000)) == LONGEST + 1


def test_words_of_an_answer() -> None:
    script = Answer(status=403, body=b'{"message": "Not for you."}')
    with ScriptedServer(lambda _: script) as server:
        answer = requests.get(server.url, stream=True, timeout=10)
        assert answer_words(answer) == "HTTP 403 Forbidden: Not for you"
    with ScriptedServer(lambda _: Answer(status=404)) as server:
        assert answer_words(requests.get(server.url, timeout=10)) == "HTTP 404 Not Found"
    broken = Answer(status=500, body=b"half", length=100)
    with ScriptedServer(lambda _: broken) as server:
        answer = requests.get(server.url, stream=True, timeout=10)
        assert answer_words(answer).startswith("HTTP 500")
