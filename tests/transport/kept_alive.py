"""A scripted server that keeps its connections open."""

from __future__ import annotations

from scripted_server import Script, ScriptedServer


class KeptAlive(ScriptedServer):
    """Counts the connections that it keeps open."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.ports: set[int] = set()
        handler, ports = self._server.RequestHandlerClass, self.ports

        class Counting(handler):
            protocol_version = "HTTP/1.1"

            def parse_request(self) -> bool:
                ports.add(self.client_address[1])
                return super().parse_request()

        self._server.RequestHandlerClass = Counting
