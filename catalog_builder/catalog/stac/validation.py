"""Validates STAC objects against the JSON schemas of STAC and of its extensions.

The core schemas are part of pystac. Those of extensions come from a folder, or from the network if
that is allowed. An extension whose schema is missing is not validated; its URL is noted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.errors import AddressError, CatalogError
from catalog_builder.transport.answer_limits import seconds_of_silence
from catalog_builder.transport.location import WEB, Location
from catalog_builder.transport.session import PlainSession

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from referencing import Registry

FOLDER_VARIABLE: Final = "ATL03_SCHEMAS"
"""Environment variable with the default folder."""

_SECONDS: Final = 10


class StacSchemas:
    """Schemas, and a validator of each that is used again; pystac makes one for every object."""

    def __init__(self, folder: Path | None = None, *, fetch: bool = False) -> None:
        """Read the schemas (``*.json``) of ``folder``; ``fetch`` allows fetching missing ones.

        Raises :class:`~catalog_builder.errors.CatalogError` if there is no such folder.
        """
        from pystac.validation.stac_validator import JsonSchemaSTACValidator

        self.skipped: set[str] = set()
        """URLs of the schemas that were needed but not found."""
        self._pystac = JsonSchemaSTACValidator()
        self._fetch = fetch
        self._validators: dict[str, Validator | None] = {}
        if folder is None and os.environ.get(FOLDER_VARIABLE):
            folder = Path(os.environ[FOLDER_VARIABLE])
        if folder is None:
            return
        if not folder.is_dir():
            raise CatalogError(f"There is no folder {folder} of STAC extension schemas.")
        for path in sorted(folder.glob("*.json")):
            try:
                schema = json.loads(path.read_bytes())
            except (OSError, ValueError, RecursionError) as error:
                raise CatalogError(
                    f"{path} is no JSON schema that can be read: {error}."
                ) from error
            if isinstance(schema, dict) and "$id" in schema:
                self._pystac.schema_cache[schema["$id"].removesuffix("#")] = schema

    def problems(self, document: Mapping[str, Any]) -> Iterator[str]:
        """The problems of a Catalog, Collection or Item, a sentence each."""
        from jsonschema.exceptions import UnknownType, best_match
        from pystac.serialization.identify import identify_stac_object
        from referencing.exceptions import Unresolvable

        try:
            kind = identify_stac_object(dict(document)).object_type
            version = str(document["stac_version"])
            extensions = [str(one) for one in document.get("stac_extensions", [])]
        except (
            Exception
        ) as failure:  # pystac raises many kinds of errors for JSON that is not STAC
            yield f"is not a STAC object: {failure}"
            return
        core = self._pystac.schema_uri_map.get_object_schema_uri(kind, version)
        if core is None:
            yield f"has an unknown STAC version: {version}"
            return
        for address in (core, *extensions):
            validator = self._validator(address)
            if validator is None:
                continue
            try:
                for error in validator.iter_errors(document):
                    fault = best_match([error])  # of an anyOf, the branch that fits best
                    field = "/".join(map(str, fault.absolute_path)) or "as a whole"
                    yield f"is not valid at {field}: {fault.message[:200]} ({address})"
            except Unresolvable as missing:
                self.skipped.add(str(missing.ref))
            except (RecursionError, re.error, UnknownType):  # a schema that cannot be used
                self.skipped.add(address)

    def _validator(self, address: str) -> Validator | None:
        """The validator of a schema; None if the schema is missing."""
        if address not in self._validators:
            self._validators[address] = self._make(address)
        return self._validators[address]

    def _make(self, address: str) -> Validator | None:
        from jsonschema.validators import validator_for

        cache = self._pystac.schema_cache
        if address not in cache and self._fetch:
            self._download(address)
        if address not in cache:
            self.skipped.add(address)
            return None
        schema = cache[address]
        made: Validator = validator_for(schema)(schema, registry=self._registry())
        return made

    def _registry(self) -> Registry[Any]:
        """Resolves references between schemas: pystac's registry would open any file or URL."""
        from referencing import Registry, Resource
        from referencing.exceptions import NoSuchResource

        def retrieve(address: str) -> Resource[Any]:
            if address not in self._pystac.schema_cache and self._fetch:
                self._download(address)
            if address not in self._pystac.schema_cache:
                raise NoSuchResource(address)
            return Resource.from_contents(self._pystac.schema_cache[address])

        known = self._pystac.schema_cache.items()
        resources = [(name, Resource.from_contents(schema)) for name, schema in known]
        return Registry(retrieve=retrieve).with_resources(resources)  # type: ignore[call-arg]

    def _download(self, address: str) -> None:
        """Fetch a schema. No login is sent: documents and schemas may name any URL."""
        import requests
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        try:
            Location.parse(address, protocols=WEB)
            with PlainSession() as session:
                answer = session.get(address, timeout=min(_SECONDS, seconds_of_silence()))
                answer.raise_for_status()
                schema = answer.json()
            kind = validator_for(schema, default=None) if isinstance(schema, dict) else None
            if kind is not None:
                kind.check_schema(schema)
                self._pystac.schema_cache[address] = schema
        except (AddressError, requests.RequestException, SchemaError, ValueError, RecursionError):
            return  # it counts as missing
