"""What ``index.html`` shows in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from building import DEFINITION, WORLD, build_from

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from earthdata_standin import EarthdataStandin
from tests.chromium import Chromium, Tab, find_chromium

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here"),
]

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = "<img src=x onerror=\"document.title='run'\"></title><script>alert(1)</script>"
COUNT = "document.getElementById('count').textContent"
IDS = "[...document.querySelectorAll('#rows th button')].map(each => each.textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium.start() as browser:
        yield browser


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "public"
    definition = replace(DEFINITION, title=HOSTILE, description=f"A test. {HOSTILE}")
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder, definition=definition)
    return folder


@pytest.fixture(scope="module")
def url(built: Path) -> Iterator[str]:
    with Host(built) as host:
        yield host.url


@pytest.fixture
def tab(browser: Chromium) -> Tab:
    return browser.tab()


def show(tab: Tab, url: str, asked: str = "") -> list[str]:
    """Open the page, wait until its count is final, and return the ids in its table."""
    tab.open(f"{url}/index.html{asked}")
    tab.wait(f"/^[\\d,]+ granules? .*MB read\\.$/.test({COUNT})")
    tab.wait(f"!/not read|at most/.test({COUNT})")
    tab.wait("document.getElementById('map').dataset.drawn !== undefined")
    found = tab.evaluate(IDS)
    assert isinstance(found, list)
    return found


def test_it_tells_of_the_catalog_and_asks_its_own_host_alone(tab: Tab, url: str) -> None:
    ids = show(tab, url)
    assert len(ids) == 39
    assert tab.evaluate(COUNT).startswith("39 granules (all);")
    assert tab.evaluate("document.getElementById('map').dataset.drawn") == "39"
    facts = tab.evaluate("document.getElementById('facts').innerText")
    assert "39" in facts
    assert "Neumann" in tab.evaluate("document.getElementById('citations').textContent")
    assert {each.partition("?")[0].removeprefix(url) for each in tab.requested} <= {
        *("/index.html", "/catalog.json", "/ATL03_007/collection.json", "/items.parquet"),
    }
    assert tab.complaints == []


def test_titles_stay_text(tab: Tab, url: str) -> None:
    show(tab, url)
    assert tab.evaluate("document.title") == HOSTILE
    assert tab.evaluate("document.getElementById('title').textContent") == HOSTILE
    assert tab.evaluate("document.getElementById('title').childElementCount") == 0
    assert tab.evaluate("document.getElementById('description').childElementCount") == 0
    assert tab.evaluate("document.querySelectorAll('img, iframe').length") == 0


@pytest.mark.parametrize(
    ("asked", "search"),
    [
        ("#from=2019-01-01&to=2019-12-31", {"datetime": "2019-01-01/2019-12-31"}),
        ("#cycle=3", {"cycle": 3}),
        ("#west=-140&south=50&east=-130&north=60", {"bbox": [-140, 50, -130, 60]}),
        ("#west=170&south=-60&east=-170&north=60", {"bbox": [170, -60, -170, 60]}),
        ("#west=-180&south=60&east=180&north=90&from=2019-06-01", {
            "bbox": [-180, 60, 180, 90], "datetime": "2019-06-01/..",
        }),
        ("#west=0&south=0&east=0.001&north=0.001", {"bbox": [0, 0, 0.001, 0.001]}),
    ],
)  # fmt: skip
def test_filters_find_what_a_search_of_the_index_finds(
    tab: Tab, url: str, built: Path, asked: str, search: dict[str, object]
) -> None:
    expected = sorted(ItemIndex.open(built).search(**search).ids)  # type: ignore[arg-type]
    assert sorted(show(tab, url, asked)) == expected
    assert tab.evaluate(COUNT).startswith(f"{len(expected)} granule")


def test_a_track_is_found_by_typing_it_and_cleared_again(tab: Tab, url: str, built: Path) -> None:
    show(tab, url)
    rgt = next(iter(ItemIndex.open(built))).properties["sat:relative_orbit"]
    expected = sorted(ItemIndex.open(built).search(rgt=rgt).ids)
    tab.evaluate("document.getElementById('rgt').focus()")
    tab.call("Input.insertText", text=str(rgt))
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key="Enter", text="\r" * (kind == "keyDown"))
    tab.wait(f"/^{len(expected)} granule/.test({COUNT})")
    assert sorted(tab.evaluate(IDS)) == expected
    assert f"rgt={rgt}" in tab.evaluate(
        "document.querySelector('[data-command=python]').innerText"
    )
    assert f"--rgt {rgt}" in tab.evaluate("document.querySelector('[data-command=cli]').innerText")
    assert tab.evaluate("location.hash") == f"#rgt={rgt}"
    tab.evaluate("document.querySelector('button[type=reset]').click()")
    tab.wait(f"/^39 granules/.test({COUNT})")


def test_senseless_filters_are_told_and_searched_for_by_nobody(tab: Tab, url: str) -> None:
    show(tab, url)
    for field, value, words in [
        ("rgt", "1388", "Track (RGT)"),
        ("west", "10", "An area needs"),
        ("from", "2030-01-01", "The time ends"),
    ]:
        tab.evaluate(
            "document.querySelector('button[type=reset]').click(),"
            f"document.getElementById('to').value = '2020-01-01',"
            f"document.getElementById('{field}').value = '{value}',"
            "document.querySelector('button[type=submit]').click()"
        )
        tab.wait("!document.getElementById('problem').hidden")
        assert words in tab.evaluate("document.getElementById('problem').textContent")


def test_map_and_table_choose_the_same_granule(tab: Tab, url: str) -> None:
    show(tab, url)
    tab.evaluate("document.querySelector('#rows button').click()")
    first = tab.evaluate(IDS)[0]
    assert tab.evaluate("document.getElementById('chosen').textContent") == f"Chosen: {first}"
    assert tab.evaluate("document.querySelector('#rows [aria-current]').innerText").startswith(
        first
    )
    link = tab.evaluate("document.querySelector('#rows a').href")
    assert (
        tab.evaluate(f"fetch({json.dumps(link)}).then(one => one.json()).then(one => one.id)")
        == first
    )
    for name in ("north", "south", "world"):
        tab.evaluate(f"document.querySelector('[data-view={name}]').click()")
        assert tab.evaluate(f"document.querySelector('[data-view={name}]').ariaPressed") == "true"


def test_the_map_is_moved_by_keys_and_a_click_chooses_what_is_there(tab: Tab, url: str) -> None:
    show(tab, url)
    tab.evaluate("document.getElementById('map').focus()")
    for key in ("+", "+", "ArrowUp", "ArrowRight"):
        tab.call("Input.dispatchKeyEvent", type="keyDown", key=key)
    tab.evaluate("document.getElementById('area-view').click()")
    west, south, east, north = (
        float(tab.evaluate(f"document.getElementById('{side}').value"))
        for side in ("west", "south", "east", "north")
    )
    assert 100 < east - west < 300
    assert west + east > 10
    assert north + south > 10
    tab.evaluate("document.querySelector('button[type=reset]').click()")
    tab.wait(f"/^39 granules/.test({COUNT})")
    # All is in sight again; somewhere on a grid of points a track is met.
    tab.evaluate("document.getElementById('zoom-home').click()")
    chosen = tab.evaluate(
        """(() => {
          const map = document.getElementById("map");
          const { left, top, width, height } = map.getBoundingClientRect();
          for (let i = 0; i < 4000; i++) {
            const place = { pointerId: 1, isPrimary: true, bubbles: true,
              clientX: left + width * ((i % 80) + 0.5) / 80,
              clientY: top + height * (Math.floor(i / 80) + 0.5) / 50 };
            map.setPointerCapture = () => {};  // there is no pointer that could be captured
            map.dispatchEvent(new PointerEvent("pointerdown", place));
            map.dispatchEvent(new PointerEvent("pointerup", place));
            const chosen = document.getElementById("chosen").textContent;
            if (chosen) return chosen;
          }
          return "";
        })()"""
    )
    granule = chosen.split()[1]
    assert granule in tab.evaluate(IDS)
    assert granule in tab.evaluate("document.querySelector('[aria-current]').innerText")


def test_an_area_is_taken_from_the_map_in_each_view(tab: Tab, url: str) -> None:
    show(tab, url)
    for view, sides in {
        "world": ["-180", "-90", "180", "90"],
        "north": ["-180", "", "180", "90"],
        "south": ["-180", "-90", "180", ""],
    }.items():
        tab.evaluate(f"document.querySelector('[data-view={view}]').click()")
        tab.evaluate("document.getElementById('area-view').click()")
        found = tab.evaluate(
            "['west', 'south', 'east', 'north'].map(name => document.getElementById(name).value)"
        )
        for side, expected in zip(found, sides, strict=True):
            assert side == expected or (not expected and abs(float(side)) < 60)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(tab: Tab, url: str, scheme: str) -> None:
    tab.size(400, 800)
    tab.colours(scheme)
    show(tab, url)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
    assert tab.evaluate("document.documentElement.dataset.theme") == scheme
    other = {"light": "dark", "dark": "light"}[scheme]
    back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.evaluate(
        f"document.getElementById('theme').value = '{other}',"
        "document.getElementById('theme').dispatchEvent(new Event('change'))"
    )
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != back
    tab.evaluate("localStorage.clear()")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in web/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_those_who_see_little_or_nothing_can_use_it(
    tab: Tab, url: str, scheme: str, width: int
) -> None:
    """By the rules of WCAG that axe-core checks: names, roles, contrast, order."""
    tab.size(width, 800)
    tab.colours(scheme)
    show(tab, url)
    tab.evaluate(f"{AXE.read_text()}; 0")
    tab.evaluate("axe.run().then(found => { window.found = found; }); 0")
    tab.wait("window.found !== undefined")
    assert tab.evaluate("window.found.passes.length") > 30
    broken = "window.found.violations.map(one => [one.id, ...one.nodes.map(each => each.html)])"
    assert tab.evaluate(broken) == []


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "public"))


def test_hostile_records_stay_text_and_lead_nowhere(tab: Tab, copied: Path) -> None:
    path = copied / "items.parquet"
    table = pq.read_table(path)
    ids = [HOSTILE, *table["id"].to_pylist()[1:]]
    table = table.set_column(table.schema.get_field_index("id"), "id", pa.array(ids))
    pq.write_table(table, path, compression="zstd")
    page = copied / "ATL03_007" / "collection.json"
    collection = json.loads(page.read_text())
    collection |= {"title": HOSTILE, "sci:citation": HOSTILE, "sci:doi": "javascript:alert(1)"}
    collection["links"] += [{"rel": "about", "href": "javascript:alert(1)", "title": HOSTILE}]
    page.write_text(json.dumps(collection))
    root = copied / "catalog.json"
    catalog = json.loads(root.read_text())
    catalog["links"] += [{"rel": "child", "href": "https://example.org/catalog.json"}, None]
    root.write_text(json.dumps(catalog))
    with Host(copied) as host:
        ids = show(tab, host.url)
        assert HOSTILE in ids
        assert HOSTILE in tab.evaluate("document.getElementById('citations').textContent")
        assert tab.evaluate("document.querySelectorAll('img, iframe').length") == 0
        assert tab.evaluate("document.querySelectorAll('script').length") == 1
        hrefs = tab.evaluate("[...document.querySelectorAll('a')].map(each => each.href)")
        assert not [each for each in hrefs if not each.startswith(("http://", "https://"))]
        assert all(each.startswith(host.url) for each in tab.requested)


def test_several_collections_are_told_apart(tab: Tab, copied: Path) -> None:
    """As in a folder of several collections: the root names them, and rows say which is theirs."""
    root = json.loads((copied / "catalog.json").read_text())
    (child,) = (link for link in root["links"] if link["rel"] == "child")
    root["links"].append(child | {"href": "./ATL06_007/collection.json", "title": "Land ice"})
    (copied / "catalog.json").write_text(json.dumps(root))
    page = json.loads((copied / "ATL03_007" / "collection.json").read_text())
    (copied / "ATL06_007").mkdir()
    other = page | {"id": "ATL06_007", "title": "Land ice"}
    (copied / "ATL06_007" / "collection.json").write_text(json.dumps(other))
    table = pq.read_table(copied / "items.parquet")
    place = table.schema.get_field_index("collection")
    names = pa.array(["ATL06_007"] * 9 + ["ATL03_007"] * (len(table) - 9))
    path = copied / "items.parquet"
    pq.write_table(table.set_column(place, "collection", names), path, row_group_size=2000)
    with Host(copied) as host:
        assert len(show(tab, host.url)) == 39
        assert "Land ice" in tab.evaluate("document.getElementById('facts').innerText")
        assert tab.evaluate("document.getElementById('collection-label').hidden") is False
        assert len(show(tab, host.url, "#collection=ATL06_007")) == 9
        assert tab.evaluate(COUNT).startswith("9 granules (of 39);")
    assert tab.complaints == []


def test_a_catalog_without_item_files_links_to_none(
    tab: Tab, cloud: EarthdataStandin, tmp_path: Path
) -> None:
    build_from(cloud, tmp_path / "public", items="none")
    with Host(tmp_path / "public") as host:
        assert len(show(tab, host.url)) == 39
        assert tab.evaluate("document.querySelectorAll('#rows a').length") == 0


def test_damage_is_told(tab: Tab, copied: Path) -> None:
    (copied / "items.parquet").write_bytes(b"PAR1" * 10)
    with Host(copied) as host:
        tab.open(f"{host.url}/index.html")
        tab.wait("!document.getElementById('problem').hidden")
        (copied / "items.parquet").unlink()
        tab.open(f"{host.url}/index.html")
        tab.wait("/404/.test(document.getElementById('problem').textContent)")


def test_a_mission_is_asked_for_an_area_or_a_time_and_then_read_only_there(
    tab: Tab, copied: Path
) -> None:
    rows = 400_000
    table = pq.read_table(copied / "items.parquet")
    few = table.take(pa.array(np.zeros(rows, np.int64)))
    random = np.random.default_rng(1)
    west = np.sort(random.uniform(-180, 179, rows))
    east = west + random.uniform(0.4, 0.5, rows)
    south, north = random.uniform(10, 11, rows), random.uniform(12, 13, rows)
    sides = {"xmin": west, "ymin": south, "xmax": east, "ymax": north}
    box = pa.StructArray.from_arrays([pa.array(side) for side in sides.values()], list(sides))
    ring = pa.array(list(shapely.to_wkb(shapely.box(west, south, east, north), flavor="iso")))
    for name, column in {"bbox": box, "covering": box, "geometry": ring}.items():
        few = few.set_column(few.schema.get_field_index(name), name, column)
    names = ["geometry", "bbox", "covering", "id", "start_datetime", "end_datetime"]
    names += ["sat:relative_orbit", "sat:orbit_cycle", "icesat2:region"]
    path = copied / "items.parquet"
    pq.write_table(few.select(names), path, compression="zstd", row_group_size=2000)
    whole = path.stat().st_size
    with Host(copied) as host:
        tab.open(f"{host.url}/index.html")
        tab.wait(f"/^400,000 granules are too many/.test({COUNT})")
        assert "give an area or a time" in tab.evaluate(COUNT)
        assert tab.received < whole / 10
        found = show(tab, host.url, "#west=20&south=0&east=21&north=20")
    expected = int(((east >= 20) & (west <= 21)).sum())
    assert tab.evaluate(COUNT).startswith(f"{expected:,} granules (of 400,000);")
    assert len(found) == 200  # rows of the table, which shows more on request
    assert tab.received < whole / 50  # the same page: only the fragment of its address changed
