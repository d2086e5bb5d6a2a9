"""Collections, records and files of ATL03's siblings, that go with the world's ATL03 granules.

Their records are those of the ATL03 granules in the cloud, with the names, links and collection of
the sibling. What differs within a pair is as NASA has it: siblings are of revision 01 also where
their ATL03 granule is of revision 02, some passes have none, and ATL24 of release 002 is made from
ATL03 of release 006. Products of other cuts have the times and rings of theirs: ATL07 and ATL10 of
half a revolution, ATL13 of four; NASA's own may have an orbit in place of a ring. Their files hold
what the ATL03 granule does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from earthdata_standin.collection_records import CLOUD, CONCEPT_IDS, collection_record
from earthdata_standin.objects import Maker, Objects
from earthdata_standin.product import PROTECTED_BUCKET
from earthdata_standin.rings import ring
from earthdata_standin.sibling_files import (
    BY_HEMISPHERE,
    CUT_OTHERWISE,
    sibling_name,
    write_sibling,
)
from earthdata_standin.tracks import Pass
from earthdata_standin.world import World

Record = dict[str, Any]

SIBLINGS: Final = {
    ("ATL06", "007"): "C3564876127-NSIDC_CPRD",
    ("ATL07", "007"): "C3564876395-NSIDC_CPRD",
    ("ATL07QL", "007"): "C3564876999-NSIDC_CPRD",
    ("ATL08", "007"): "C3565574177-NSIDC_CPRD",
    ("ATL08", "006"): "C2613553260-NSIDC_CPRD",
    ("ATL10", "007"): "C3565574246-NSIDC_CPRD",
    ("ATL13", "007"): "C3565574351-NSIDC_CPRD",
    ("ATL24", "002"): "C3433822507-NSIDC_CPRD",
}
"""Concept ids of NASA's collections in the cloud, by product and release; that of the quick look
is made up."""

TITLES: Final = {
    "ATL06": "L3A Land Ice Height",
    "ATL07": "L3A Sea Ice Height",
    "ATL07QL": "L3A Sea Ice Height Quick Look",
    "ATL08": "L3A Land and Vegetation Height",
    "ATL10": "L3A Sea Ice Freeboard",
    "ATL13": "L3A Along Track Inland Surface Water Data",
    "ATL24": "L3A Coastal and Nearshore Bathymetry",
}
MADE_FROM: Final = {("ATL24", "002"): "006"}
"""Release of ATL03 that a sibling of another release is made from."""

NORTHERN_REGIONS: Final = 7
"""Regions 1 to 7 of a revolution lie north of the equator."""

EVERY_NTH_IS_MISSING: Final = 7
"""One pass in so many has no sibling."""


def with_siblings(
    world: World,
    products: Collection[str] = ("ATL06", "ATL08", "ATL24"),
    folder: Path | None = None,
) -> World:
    """The world with the siblings of its ATL03 granules in the cloud.

    Files are made on first access, from those of their ATL03 granules, in ``folder`` (default:
    beside these).
    """
    stored: dict[str, Path] = {}
    makers: dict[str, Maker] = {}
    records: list[Record] = []
    collections = list(world.collections)
    data_url = _data_url(world)
    for (product, release), concept_id in SIBLINGS.items():
        if product not in products:
            continue
        made = list(_records(world, product, release, concept_id, len(records)))
        for _, source, key in made:
            path = _beside(world.objects, source, folder, key)
            if path is not None:
                stored[key] = path
                makers[key] = partial(_write, world, source, key)
        records += [record for record, _, _ in made]
        collections.append(
            _collection(product, release, concept_id, granules=len(made), data_url=data_url)
        )
    return replace(
        world,
        collections=collections,
        granules=[*world.granules, *records],
        objects=world.objects.joined(Objects(stored, makers)),
    )


def _records(
    world: World, product: str, release: str, concept_id: str, first: int
) -> Iterator[tuple[Record, str, str]]:
    """Each record, the key of its ATL03 file, and its own key."""
    source_release = MADE_FROM.get((product, release), release)
    of_atl03 = CONCEPT_IDS[source_release, CLOUD]
    for number, record in enumerate(world.granules):
        if record["meta"]["collection-concept-id"] != of_atl03:
            continue
        if number % EVERY_NTH_IS_MISSING == EVERY_NTH_IS_MISSING - 1:
            continue
        key = _key(record)
        old = key.rpartition("/")[2].removesuffix(".h5")
        new = sibling_name(old, product, revision=1, southern=_is_southern(record))
        new = new.removesuffix(".h5")
        folder = key.partition("/")[2].rpartition("/")[0]
        place = folder.replace(f"ATL03/{source_release}", f"{product}/{release}")
        text = json.dumps(record).replace(folder, place).replace(old, new)
        text = text.replace(of_atl03, concept_id)
        made: Record = json.loads(text)
        made["meta"]["concept-id"] = f"G{3_700_000_000 + 1000 * first + number}-{CLOUD}"
        made["umm"]["CollectionReference"] = {"ShortName": product, "Version": release}
        _stretch(made["umm"], product, old)
        # What the record says of the file's size and checksum is that of ATL03.
        files = made["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
        files[:] = [{"Name": f"{new}.h5", "Format": "HDF5", "Size": 0.0, "SizeUnit": "NA"}]
        yield made, key, f"{PROTECTED_BUCKET}/{place}/{new}.h5"


def _stretch(umm: Record, product: str, atl03: str) -> None:
    """Place and time of a granule that is not cut by region, and holds that of ATL03."""
    orbit = atl03.split("_")[2]
    flown = Pass(rgt=int(orbit[:4]), cycle=int(orbit[4:6]), region=int(orbit[6:]))
    if product in BY_HEMISPHERE:
        start, end = (0.0, 180.0) if flown.region <= NORTHERN_REGIONS else (180.0, 360.0)
    elif product in CUT_OTHERWISE:
        start, end = 0.0, 4 * 360.0
    else:
        return
    points = ring(flown, np.random.default_rng(flown.rgt), stretch=(start, end))
    (polygon,) = umm["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"]
    polygon["Boundary"]["Points"] = [{"Longitude": x, "Latitude": y} for x, y in points]
    times = umm["TemporalExtent"]["RangeDateTime"]
    times["BeginningDateTime"] = f"{flown.time_at(start):%Y-%m-%dT%H:%M:%S.000Z}"
    times["EndingDateTime"] = f"{flown.time_at(end):%Y-%m-%dT%H:%M:%S.000Z}"


def _is_southern(record: Record) -> bool:
    domain = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]
    points = domain["Geometry"]["GPolygons"][0]["Boundary"]["Points"]
    return bool(sum(point["Latitude"] for point in points) < 0)


def _key(record: Record) -> str:
    """Bucket and key of a record's file."""
    for link in record["umm"]["RelatedUrls"]:
        found = re.search(rf"({PROTECTED_BUCKET}/\S+\.h5)$", link["URL"])
        if found:
            return found[1]
    raise ValueError(f"{record['umm']['GranuleUR']} has no link to its file")


def _beside(objects: Objects, source: str, folder: Path | None, key: str) -> Path | None:
    place = objects.place(source)
    if place is None:
        return None
    root = folder or Path(str(place).removesuffix(source))
    return root / key


def _write(world: World, source: str, key: str, path: Path) -> None:
    atl03 = world.objects.get(source)
    assert atl03 is not None
    write_sibling(path, atl03, name=key.rpartition("/")[2], scenery=world.scenery)


def _data_url(world: World) -> str:
    for record in world.collections:
        found = record["umm"].get("DirectDistributionInformation")
        if found:
            return str(found["S3CredentialsAPIEndpoint"]).removesuffix("/s3credentials")
    raise ValueError("the world has no collection in the cloud")


def _collection(
    product: str, release: str, concept_id: str, *, granules: int, data_url: str
) -> Record:
    record = collection_record(concept_id, release, CLOUD, granules=granules, data_url=data_url)
    text = json.dumps(record).replace("ATL03", product).replace("atl03", product.lower())
    text = text.replace("L2A Global Geolocated Photon Data", TITLES[product])
    made: Record = json.loads(text)
    made["umm"]["ProcessingLevel"] = {"Id": "3A"}
    return made
