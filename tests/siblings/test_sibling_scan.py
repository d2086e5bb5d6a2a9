"""References of siblings: the same Datasets and classes as by h5py, in few requests and bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from shapely import MultiPolygon, box
from siblings.brute_force import classes_of

import catalog_builder as cb
from catalog_builder.beams.references.frames import cut
from catalog_builder.beams.references.kerchunk_reader import read_frame
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.indexing.scan_task import ScannedGranule, ScanTask, scan_granule
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.siblings.sibling_scan import scan_sibling


def item_of(path: Path, folder: Path) -> dict[str, Any]:
    """The item of a granule with references, as `index` writes it."""
    task = ScanTask(granule=path.stem, links=GranuleLinks(local=str(path)), access="local")
    scanned = scan_granule(task)
    assert isinstance(scanned, ScannedGranule)
    file = folder / f"{path.stem}.json.zst"
    file.write_bytes(scanned.references)
    return {
        "id": path.stem,
        "properties": {"datetime": None, BEAM_FACTS: scanned.beams},
        "geometry": None,
        "links": [],
        "assets": {"data": {"href": str(path)}, "references": {"href": str(file)}},
    }


@pytest.fixture(scope="module")
def items(
    granule: Path, siblings: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("references")
    return {name: item_of(path, folder) for name, path in siblings.items()} | {
        "ATL03": item_of(granule, folder)
    }


@pytest.mark.parametrize("product", ["ATL06", "ATL08", "ATL24"])
def test_references_give_the_same_beam(
    siblings: dict[str, Path], items: dict[str, dict[str, Any]], product: str
) -> None:
    path, item = siblings[product], items[product]
    whole = cb.open_beam(path, "gt1l")
    lat = whole.latitude.values
    south, north = np.quantile(lat, [0.3, 0.6])
    middle = float(np.median(whole.longitude))
    west_to_east = [
        box(a, lat.min() - 0.1, b, lat.max() + 0.1)
        for a, b in pairwise(np.linspace(-180, middle, 4))
    ]
    polygon = MultiPolygon(west_to_east)
    names = {"ATL08": ["h_canopy", "signal_photons/ph_h"]}.get(product)
    moment = whole.delta_time.values[[len(lat) // 4, len(lat) // 2]].astype("datetime64[us]")
    for asked in (
        {},
        {"bbox": (-180, float(south), 180, float(north))},
        {"bbox": polygon},
        {"datetime": tuple(moment)},
    ):
        by_file = cb.open_beam(path, "gt1l", names, **asked)
        found = cb.open_beam(item, "gt1l", names, **asked)
        xr.testing.assert_identical(found, by_file)
        assert asked == {} or 0 < found.sizes[found.latitude.dims[0]] < len(lat)


@pytest.mark.parametrize("indexed", [True, False])
def test_references_give_the_same_classes(
    granule: Path, siblings: dict[str, Path], items: dict[str, dict[str, Any]], indexed: bool
) -> None:
    atl03 = items["ATL03"] if indexed else granule
    classes = {"atl08": items["ATL08"], "atl24": items["ATL24"]}
    rng = np.random.default_rng(5)
    for beam in BEAMS:
        whole = cb.open_beam(atl03, beam, ["h_ph", "atl08/ph_h"], classes=classes)
        for product in ("ATL08", "ATL24"):
            truth = classes_of(granule, siblings[product], beam)
            np.testing.assert_array_equal(whole[f"class_{product.lower()}"], truth)
        for _ in range(4):
            south, north = np.sort(rng.choice(whole.lat_ph.values, 2))
            window = (-180.0, float(south), 180.0, float(north))
            found = cb.open_beam(atl03, beam, ["h_ph", "atl08/ph_h"], window, classes=classes)
            keep = ((whole.lat_ph >= south) & (whole.lat_ph <= north)).values
            for name in found.data_vars:
                np.testing.assert_array_equal(found[name], whole[name].values[keep])


def test_a_scan_tells_where_the_rows_lie(siblings: dict[str, Path]) -> None:
    for product, path in siblings.items():
        found = scan_sibling(GranuleLinks(local=str(path)))
        for beam, references in found.beams.items():
            assert references.short_name == product
            assert references.positions.photons == found.photons[beam] > 0
            assert not references.positions.unplaced.any()
            assert len(found.tracks[beam]) >= 2


def test_references_are_kept_and_read_again(
    siblings: dict[str, Path], items: dict[str, dict[str, Any]]
) -> None:
    facts = items["ATL08"]["properties"][BEAM_FACTS]
    assert set(facts["gt1l"]) >= {"photons", "references", "track"}
    scanned = scan_sibling(GranuleLinks(local=str(siblings["ATL08"]))).beams["gt1l"]
    from catalog_builder.beams.references.frames import Frame

    body = Path(items["ATL08"]["assets"]["references"]["href"]).read_bytes()
    frame = Frame.parse(facts["gt1l"]["references"])
    assert frame is not None
    (data,) = cut(body, {"gt1l": frame}).values()
    again = read_frame(data, "gt1l")
    assert set(again.datasets) == set(scanned.datasets)
    np.testing.assert_array_equal(again.positions.start, scanned.positions.start)
