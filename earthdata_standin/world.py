"""The world that the stand-in serves: collections, granule records, and their files."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from earthdata_standin.collection_records import (
    CLOUD,
    CONCEPT_IDS,
    DATA_URL,
    ON_PREMISES,
    collection_record,
)
from earthdata_standin.file_sizes import FileFacts, SizeForm
from earthdata_standin.objects import Objects
from earthdata_standin.plan import Entry, plan
from earthdata_standin.product import Product
from earthdata_standin.records import cloud_record, on_premises_record
from earthdata_standin.user_records import files_of, read_records, unrecorded

Record = dict[str, Any]

_SUFFIX_LETTERS: Final = list("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Collections, granule records and files; records never change once made."""

    collections: Sequence[Record]
    """UMM-C, each ``{"meta", "umm"}``."""
    granules: Sequence[Record]
    """UMM-G, each ``{"meta", "umm"}``, of all collections."""
    objects: Objects
    """Files by ``bucket/key``."""
    odd: Mapping[str, str] = field(default_factory=dict)
    """The first granule of release 007 of each special kind, as its file's name without ``.h5``:
    ``missing beam``, ``empty beam``, ``revised``, ``no direct access``, ``suffixed``."""
    scenery: bool = False
    """Whether granules have trees and a sea floor: see :mod:`~earthdata_standin.scenery`."""

    @classmethod
    def simulate(
        cls,
        granules: int = 40,
        seed: int = 0,
        data_url: str = DATA_URL,
        folder: Path | None = None,
        photons: int = 20_000,
        made: int = 0,
        *,
        scenery: bool = False,
    ) -> World:
        """A world along simulated reference ground tracks.

        ``granules`` is how many release 007 holds in the cloud: see
        :func:`~earthdata_standin.plan.plan`. Three are enough for searches over the
        Juneau Icefield, Fiji and 88° S to find one each; all oddities take 13.

        Files of about ``photons`` photons in a strong beam are made in ``folder`` (default: one
        that goes with the process) on first access. The first ``made`` of release 007 are
        made at once; only they, and those that are in the folder already, have records that give
        a true size, and some a checksum. ``scenery`` gives them trees and a sea floor.
        """
        kind = f"seed-{seed}-photons-{photons}{'-scenery' * scenery}"
        place = Path(folder or _temporary_folder()) / kind
        rng = np.random.default_rng(seed)
        entries = list(plan(granules, rng))
        objects = _simulated_objects(entries, place, seed=seed, photons=photons, scenery=scenery)
        newest = [entry.product for entry in entries if entry.product.release == "007"]
        for product in newest[:made]:
            objects.get(product.key)
        records = [
            _simulated_record(entry, serial, objects, rng, data_url)
            for serial, entry in enumerate(entries)
        ]
        return cls(
            collections=_collections(records, data_url),
            granules=records,
            objects=objects,
            odd=_odd(entries),
            scenery=scenery,
        )

    @classmethod
    def from_records(
        cls,
        records: Path | str | Iterable[Record],
        objects: Path | str | Mapping[str, Path] | None = None,
        data_url: str = DATA_URL,
        rewrite_links: bool = False,
    ) -> World:
        """A world of your own records: a JSON-lines file, a CMR answer as JSON, or a list.

        ``objects`` is a folder, or a mapping of ``bucket/key`` to files. A folder's files are
        found by their names, whichever bucket a record puts them in; a granule that no record
        speaks of gets one. The collections are the world's own, and name the credentials endpoint
        at ``data_url``; with ``rewrite_links`` the granules' links to NASA's download host lead
        there too.
        """
        served = read_records(records) if isinstance(records, str | Path) else list(records)
        if objects is None:
            objects = {}
        elif not isinstance(objects, Mapping):
            folder = Path(objects)
            objects = files_of(served, folder)
            for record, key, path in unrecorded(folder, set(objects.values())):
                served.append(record)
                objects[key] = path
        world = cls(
            collections=_collections(served, data_url),
            granules=served,
            objects=Objects(objects, {}),
        )
        return world.relinked(data_url) if rewrite_links else world

    def relinked(self, data_url: str) -> World:
        """The same world with all links to NASA's download host leading to ``data_url``."""
        return replace(
            self,
            collections=_relinked(self.collections, data_url),
            granules=_relinked(self.granules, data_url),
        )


def _simulated_record(
    entry: Entry, serial: int, objects: Objects, rng: np.random.Generator, data_url: str
) -> Record:
    if entry.provider == ON_PREMISES:
        # Some have all the 35 images of a real record, some none.
        return on_premises_record(entry.product, serial=serial, images=entry.number * 7 % 36)
    path = objects.existing(entry.product.key)
    facts = None if path is None else FileFacts.of(path)
    suffix = "_" + "".join(rng.choice(_SUFFIX_LETTERS, 8)) if entry.suffixed else ""
    return cloud_record(
        entry.product,
        serial=serial,
        rng=rng,
        data_url=data_url,
        suffix=suffix,
        clockwise=entry.number % 10 == 3,
        direct_access=entry.direct,
        record_revision=1 + entry.number % 3,
        size_form=_size_form(entry, known=facts is not None),
        facts=facts,
    )


def _size_form(entry: Entry, *, known: bool) -> SizeForm:
    """How the record gives the file's size: as its archive does, and sometimes otherwise."""
    if not known:
        return "none" if entry.number % 4 == 1 else "NA"
    if entry.number % 2:
        return "bytes"
    return "whole MB" if entry.product.release == "007" else "float MB"


def _odd(entries: Iterable[Entry]) -> dict[str, str]:
    odd: dict[str, str] = {}
    for entry in entries:
        if entry.product.release == "007":
            for what, so in (
                ("missing beam", bool(entry.missing)),
                ("empty beam", bool(entry.empty)),
                ("revised", entry.product.revision > 1),
                ("no direct access", not entry.direct),
                ("suffixed", entry.suffixed),
            ):
                if so:
                    odd.setdefault(what, entry.product.id)
    return odd


def _simulated_objects(
    entries: Iterable[Entry], folder: Path, *, seed: int, photons: int, scenery: bool
) -> Objects:
    stored: dict[str, Path] = {}
    makers = {}
    for entry in entries:
        if entry.provider == CLOUD:
            product = entry.product
            for address in (product.key, product.metadata_key):
                stored[address] = folder / address
            makers[product.key] = partial(_make_file, entry, seed, photons, scenery)
            makers[product.metadata_key] = partial(_make_metadata, product)
    return Objects(stored, makers)


def _make_file(entry: Entry, seed: int, photons: int, scenery: bool, path: Path) -> None:
    from earthdata_standin.granule_files import write_granule

    write_granule(
        path,
        entry.product,
        photons=photons,
        seed=seed,
        focus=entry.focus,
        missing=entry.missing,
        empty=entry.empty,
        scenery=scenery,
    )


def _make_metadata(product: Product, path: Path) -> None:
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gmi:MI_Metadata xmlns:gmi="http://www.isotc211.org/2005/gmi" '
        'xmlns:gmd="http://www.isotc211.org/2005/gmd" '
        'xmlns:gco="http://www.isotc211.org/2005/gco">\n'
        f"  <gmd:fileIdentifier><gco:CharacterString>{product.id}.h5</gco:CharacterString>"
        "</gmd:fileIdentifier>\n"
        "</gmi:MI_Metadata>\n",
        encoding="utf-8",
    )


def _temporary_folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="earthdata-standin-")
    _TEMPORARY.append(folder)
    return folder.name


_TEMPORARY: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""Kept until the process ends, which removes them."""


def _relinked(records: Sequence[Record], data_url: str) -> list[Record]:
    relinked: list[Record] = json.loads(json.dumps(list(records)).replace(DATA_URL, data_url))
    return relinked


def _collections(records: Iterable[Record], data_url: str) -> list[Record]:
    """NASA's three ATL03 collections and any other that the records belong to, with counts."""
    known = {concept_id: key for key, concept_id in CONCEPT_IDS.items()}
    counts: Counter[str] = Counter()
    for record in records:
        concept_id = record["meta"].get("collection-concept-id", "")
        counts[concept_id] += 1
        if concept_id and concept_id not in known:
            reference = record["umm"]["CollectionReference"]
            title = re.search(r"V(\d{3})$", reference.get("EntryTitle", ""))
            release = reference.get("Version") or (title[1] if title else "")
            known[concept_id] = (release, record["meta"]["provider-id"])
    return [
        collection_record(
            concept_id, release, provider, granules=counts[concept_id], data_url=data_url
        )
        for concept_id, (release, provider) in known.items()
    ]
