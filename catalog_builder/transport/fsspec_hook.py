"""Makes :class:`~catalog_builder.transport.fsspec_http.EnvironmentHttp` fsspec's http(s).

``import intake`` imports this module, by the entry point ``intake.imports``.
"""

from __future__ import annotations

from fsspec import register_implementation, registry

_CLASS = "catalog_builder.transport.fsspec_http.EnvironmentHttp"

for _protocol in ("http", "https"):
    _loaded = _protocol in registry
    register_implementation(_protocol, _CLASS, clobber=True)
    if _loaded:  # the class itself, for the registry would go on with the one it has
        from catalog_builder.transport.fsspec_http import EnvironmentHttp

        register_implementation(_protocol, EnvironmentHttp, clobber=True)
