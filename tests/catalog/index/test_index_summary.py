"""What a notebook shows of an index."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from catalog_builder.catalog.index.item_index import ItemIndex


def test_count_times_tracks_and_a_map(index: ItemIndex) -> None:
    found = index.search(region=[4, 11])
    html = found._repr_html_()
    root = ET.fromstring(html)
    cells = [cell.text for cell in root.iter("td")]
    assert f"{len(found):,}" in cells
    assert any("icesat2:region=4,11" in str(cell) for cell in cells)
    starts = sorted(str(item.properties["start_datetime"])[:10] for item in found)
    assert any(starts[0] in str(cell) and starts[-1] in str(cell) for cell in cells)
    assert root.find(".//{http://www.w3.org/2000/svg}svg") is not None


def test_nothing_found_and_no_catalog(index: ItemIndex, tmp_path: Path) -> None:
    assert "<svg" not in index.search(datetime="2001")._repr_html_()
    assert "There is no" in ItemIndex.open(tmp_path / "<none>")._repr_html_()
    assert "<none>" not in ItemIndex.open(tmp_path / "<none>")._repr_html_()
