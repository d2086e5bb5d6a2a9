"""Reference sets as layout 1 has them: a file a beam, all of its datasets in the root."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import zstandard

from catalog_builder.beams.references.frames import inflate_file
from catalog_builder.beams.references.kerchunk_writer import KEY, write_references
from catalog_builder.beams.references.reference_set import BeamReferences

Item = dict[str, Any]


def older_set(references: BeamReferences) -> bytes:
    """The references of a beam as version 0.2 wrote them."""
    beam = references.beam
    document = orjson.loads(inflate_file(write_references({beam: references}).body))
    known = {
        key.removeprefix(f"{beam}/"): value
        for key, value in document["refs"].items()
        if key.startswith(f"{beam}/")
    }
    attrs = orjson.loads(known.pop(".zattrs"))
    attrs[KEY]["format"] = 1
    refs = {".zgroup": known.pop(".zgroup"), ".zattrs": orjson.dumps(attrs).decode()}
    for key, value in known.items():
        path, _, last = key.rpartition("/")
        if path.startswith("photon_chunks"):
            refs[key] = value
        elif last != ".zgroup":
            refs[f"{path.removeprefix('heights/').replace('/', '_')}/{last}"] = value
    return zstandard.compress(orjson.dumps({**document, "refs": refs}))


def older_item(item: Item, sizes: dict[str, int]) -> Item:
    """An indexed item as layout 1 has it: an asset a beam, whose set has so many bytes."""
    made = copy.deepcopy(item)
    href = made["assets"].pop("references")["href"].removesuffix(".json.zst")
    for beam, size in sizes.items():
        made["assets"][f"references_{beam}"] = {
            "href": f"{href}_{beam}.json.zst",
            "type": "application/zstd",
            "title": f"Beam {beam}: where its bytes lie, as kerchunk references",
            "roles": ["references"],
            "file:size": size,
        }
    for facts in made["properties"]["icesat2:beams"].values():
        facts.pop("references", None)
    return made
