"""What the stand-in cloud holds: collections, granule records and the files they speak of."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from catalog_builder.local_cloud.collection_records import (
    CLOUD,
    CONCEPT_IDS,
    DATA_URL,
    ON_PREMISES,
    collection_record,
)
from catalog_builder.local_cloud.objects import Objects
from catalog_builder.local_cloud.product import Product
from catalog_builder.local_cloud.records import (
    FileFacts,
    SizeForm,
    cloud_record,
    on_premises_record,
)
from catalog_builder.local_cloud.tracks import (
    FIRST_DATA,
    TRACKS,
    Pass,
    closest_pass,
    region_at,
)

Record = dict[str, Any]

_SUFFIX_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Somewhere that a search should find granules; west > east where it crosses ±180."""

    west: float
    east: float
    latitude: float
    ascending: bool


_JUNEAU = _Place(west=-135.0, east=-133.5, latitude=58.65, ascending=True)
_JUNEAU_SOUTHWARD = _Place(west=-135.0, east=-133.5, latitude=58.65, ascending=False)
_FIJI = _Place(west=177.0, east=-178.5, latitude=-17.7, ascending=True)
_FIJI_SOUTHWARD = _Place(west=177.0, east=-178.5, latitude=-17.7, ascending=False)

_ROUND: Final = (
    _JUNEAU,
    _FIJI,
    "pole",
    _JUNEAU_SOUTHWARD,
    "anywhere",
    _FIJI_SOUTHWARD,
    "anywhere",
    "anywhere",
)
"""Where one granule after the other is placed, again and again."""


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
    """Granules that are special, by what they are: ``missing beam``, ``empty beam``, ``revised``,
    ``no direct access``, ``suffixed``; their file names without ``.h5``."""

    @classmethod
    def simulate(
        cls,
        granules: int = 40,
        seed: int = 0,
        data_url: str = DATA_URL,
        folder: Path | None = None,
        photons: int = 20_000,
        made: int = 0,
    ) -> World:
        """A world along simulated reference ground tracks.

        ``granules`` is how many release 007 holds in the cloud; release 006 holds three in four
        of them, the on-premises archive four in five of them and one in ten more. Three are
        enough for searches over the Juneau Icefield, Fiji and 88° S to find one each.

        Files of about ``photons`` photons in a strong beam are made in ``folder`` (default: one
        that goes with the process) when first asked for. The first ``made`` of release 007, and
        those that are in the folder already, are made at once: only their records can give a
        true size and checksum.
        """
        place = Path(folder or _temporary_folder()) / f"seed-{seed}-photons-{photons}"
        rng = np.random.default_rng(seed)
        plan = list(_plan(granules, rng))
        objects = _simulated_objects(plan, place, seed=seed, photons=photons)
        records = []
        odd: dict[str, str] = {}
        done = 0
        for serial, entry in enumerate(plan):
            product = entry.product
            if entry.provider == ON_PREMISES:
                records.append(
                    on_premises_record(product, serial=serial, images=entry.number * 7 % 36)
                )
                continue
            newest = product.release == "007"
            if newest and done < made:
                objects.get(product.key)
                done += 1
            facts = _facts(objects.existing(product.key))
            suffix = ""
            if newest and entry.number % 14 == 6:
                suffix = "_" + "".join(rng.choice(list(_SUFFIX_LETTERS), 8))
            direct = not (newest and entry.number == 12)
            for what, so in (
                ("missing beam", newest and bool(entry.missing)),
                ("empty beam", newest and bool(entry.empty)),
                ("revised", newest and product.revision > 1),
                ("no direct access", not direct),
                ("suffixed", bool(suffix)),
            ):
                if so:
                    odd.setdefault(what, product.id)
            records.append(
                cloud_record(
                    product,
                    serial=serial,
                    rng=rng,
                    data_url=data_url,
                    suffix=suffix,
                    clockwise=entry.number % 10 == 3,
                    direct_access=direct,
                    record_revision=1 + entry.number % 3,
                    size_form=_size_form(entry, known=facts is not None),
                    facts=facts,
                )
            )
        return cls(
            collections=_collections(records, data_url),
            granules=records,
            objects=objects,
            odd=odd,
        )

    @classmethod
    def from_records(
        cls,
        records: Path | str | Iterable[Record],
        objects: Path | str | Mapping[str, Path] | None = None,
        data_url: str = DATA_URL,
        rewrite_links: bool = False,
    ) -> World:
        """A world of given records: a JSON-lines file, a CMR answer as JSON, or a list.

        ``objects`` is a folder whose files are found by their names, whichever bucket a record
        puts them in, or a mapping of ``bucket/key`` to files. With ``rewrite_links`` the links to
        NASA's download host, credentials endpoint included, lead to ``data_url`` instead.
        """
        given = _read(records) if isinstance(records, str | Path) else list(records)
        if rewrite_links:
            given = _relinked(given, data_url)
        if not isinstance(objects, Mapping):
            objects = _files_of(given, Path(objects)) if objects is not None else {}
        return cls(
            collections=_collections(given, data_url if rewrite_links else DATA_URL),
            granules=given,
            objects=Objects(objects, {}),
        )

    def relinked(self, data_url: str) -> World:
        """The same world with all links to NASA's download host leading to ``data_url``."""
        return World(
            collections=_relinked(self.collections, data_url),
            granules=_relinked(self.granules, data_url),
            objects=self.objects,
            odd=self.odd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One record to be made, and what its file is like."""

    number: int
    """Counts the passes: the records of one pass share it."""
    product: Product
    provider: str
    focus: float
    """Argument of latitude, degrees, about which the photons lie."""
    missing: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def _plan(granules: int, rng: np.random.Generator) -> Iterator[_Entry]:
    """Which pass is in which collection, in the order of the records."""
    seen: set[Pass] = set()
    for number in range(granules + max(1, granules // 10)):
        for attempt in count():
            # A large world has more granules than there are passes over a small place.
            place = _ROUND[number % len(_ROUND)] if attempt < 20 else "anywhere"
            flown, focus = _choose(place, rng)
            if flown not in seen:
                break
        seen.add(flown)
        late = int(rng.choice([0, 0, 0, 0, 1, 3, -5, -40]))
        file: dict[str, Any] = {"number": number, "focus": focus}
        if number == 8:
            file["missing"] = ("gt2r",)
        if number == 5:
            file["empty"] = ("gt3l",)
        migrated = number < granules
        older = Product(flown=flown, release="006", revision=1 + (number % 6 == 0), late=late)
        if migrated:
            newer = Product(flown=flown, release="007", revision=1 + (number == 1), late=late)
            yield _Entry(product=newer, provider=CLOUD, **file)
        if migrated and number % 4 != 3:
            yield _Entry(product=older, provider=CLOUD, **file)
        if not migrated or number % 5 != 4:
            yield _Entry(product=older, provider=ON_PREMISES, **file)


def _choose(place: _Place | str, rng: np.random.Generator) -> tuple[Pass, float]:
    """A pass, with data, over the place, and the argument of latitude where it lies."""
    while True:
        cycle = int(rng.integers(1, 28))
        if isinstance(place, _Place):
            east = place.east + 360.0 * (place.east < place.west)
            rgt, focus = closest_pass(
                float(rng.uniform(place.west, east)), place.latitude, ascending=place.ascending
            )
            flown = Pass(rgt=rgt, cycle=cycle, region=region_at(focus))
        elif place == "pole":
            # In the first months, where the catalog of 88° S looks.
            rgt = int(rng.integers(1, TRACKS + 1))
            flown, focus = Pass(rgt=rgt, cycle=1 + (rgt < 220), region=11), 270.0
        else:
            rgt, region = int(rng.integers(1, TRACKS + 1)), int(rng.integers(1, 15))
            flown = Pass(rgt=rgt, cycle=cycle, region=region)
            focus = float(np.mean(flown.u_range))
        if flown.start >= FIRST_DATA:
            return flown, focus


def _size_form(entry: _Entry, *, known: bool) -> SizeForm:
    """How the record gives the file's size: as its archive does, and sometimes otherwise."""
    if not known:
        return "none" if entry.number % 4 == 1 else "NA"
    if entry.number % 2:
        return "bytes"
    return "whole MB" if entry.product.release == "007" else "float MB"


def _simulated_objects(
    plan: Iterable[_Entry], folder: Path, *, seed: int, photons: int
) -> Objects:
    stored: dict[str, Path] = {}
    makers = {}
    for entry in plan:
        if entry.provider == CLOUD:
            product = entry.product
            for address in (product.key, product.metadata_key):
                stored[address] = folder / address
            makers[product.key] = partial(_make_file, entry, seed, photons)
            makers[product.metadata_key] = partial(_make_metadata, product)
    return Objects(stored, makers)


def _make_file(entry: _Entry, seed: int, photons: int, path: Path) -> None:
    from catalog_builder.local_cloud.granule_files import write_granule

    write_granule(
        path,
        entry.product,
        photons=photons,
        seed=seed,
        focus=entry.focus,
        missing=entry.missing,
        empty=entry.empty,
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


def _facts(path: Path | None) -> FileFacts | None:
    if path is None:
        return None
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(2**20):
            digest.update(block)
    return FileFacts(size=path.stat().st_size, sha256=digest.hexdigest())


def _temporary_folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="local-cloud-")
    _TEMPORARY.append(folder)
    return folder.name


_TEMPORARY: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""Kept until the process ends, which removes them."""


def _read(path: str | Path) -> list[Record]:
    text = Path(path).read_text(encoding="utf-8")
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(read, list):
        return read
    items: list[Record] = read.get("items", [read])
    return items


def _relinked(records: Sequence[Record], data_url: str) -> list[Record]:
    relinked: list[Record] = json.loads(json.dumps(list(records)).replace(DATA_URL, data_url))
    return relinked


def _files_of(records: Iterable[Record], folder: Path) -> dict[str, Path]:
    """The folder's files by the addresses that the records give them."""
    files = {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}
    found = {}
    for record in records:
        for link in record["umm"].get("RelatedUrls", []):
            # An HTTPS link leads to the same bucket and key below its host.
            _, _, address = link["URL"].partition("://")
            if not link["URL"].startswith("s3://"):
                address = address.partition("/")[2]
            path = files.get(address.rpartition("/")[2])
            if path is not None:
                found[address] = path
    return found


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
