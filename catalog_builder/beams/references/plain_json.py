"""Reference files as plain JSON, for tools that know neither zstd nor kerchunk's templates."""

from __future__ import annotations

import orjson

from catalog_builder.beams.references.frames import inflate_file
from catalog_builder.beams.references.kerchunk_json import damage_as_references_error


def plain_references(body: bytes) -> bytes:
    """A reference file as plain JSON, with the granule's address in place of the template.

    ``body`` is what :func:`~catalog_builder.beams.references.kerchunk_writer.write_references`
    gives. Raises :class:`~catalog_builder.errors.ReferencesError` for
    something else.
    """
    with damage_as_references_error(f"These {len(body)} bytes are no reference file"):
        document = orjson.loads(inflate_file(body))
        href = document.pop("templates")["u"]
        document["refs"] = {
            key: [href, *value[1:]] if isinstance(value, list) else value
            for key, value in document["refs"].items()
        }
        return orjson.dumps(document)
