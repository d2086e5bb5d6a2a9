"""The architecture holds: foundation, two wings that do not know each other, the roof."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "catalog_builder"
STAND_IN: Final = ROOT / "earthdata_standin"

LAYERS: Final = {
    "foundation": (
        {"interrupt", "plain_text", "progress", "_version"},
        {"errors"},
        {"extras", "forks"},
        {"system_files"},
        {"open_folders"},
        {"safe_folder", "byte_cache", "products"},
        {"transport"},
        {"auth", "geo"},
    ),
    "catalog": (
        {"catalog.definition", "catalog.html_summary"},
        {"catalog.footprint"},
        {"catalog.cmr"},
        {"catalog.stac"},
        {"catalog.index"},
        {"catalog.build"},
        {"catalog.verify", "catalog.compare", "catalog.granule_list", "catalog.serve"},
        {"catalog.granule_search"},
    ),
    "beams": (
        {"beams.references"},
        {"beams.storage"},
        {"beams.read"},
        {"beams.scanning"},
        {"beams.loading"},
        {"beams.columns"},
        {"beams.lazy", "beams.requested_variables"},
        {"beams.variable_names"},
        {"beams.dataset", "beams.description"},
        {"beams.granule_tree"},
    ),
    "roof": (
        {"siblings"},
        {"opening", "plot"},
        {"indexing", "saving", "photons.planning", "publish"},
        {"photons.reading"},
        {"photons.tables"},
        {"photons.photon_tasks", "photons.writing"},
        {"photons.lazy_photons"},
        {"photons.open_photons"},
        {"intake_drivers", "intake_driver", "doctor"},
        {"nasa_photons", "nasa_report"},
        {"nasa_harmony", "nasa_page"},
        {"demo", "nasa_check"},
        {"commands"},
        {"cli"},
        {"local_cloud"},
    ),
}
"""Rooms, lowest first; those of one set do not import each other. A wing imports the foundation,
the roof imports all."""

ROOMS: Final = {
    room: (part, height)
    for part, layers in LAYERS.items()
    for height, layer in enumerate(layers)
    for room in layer
}
START_THE_STAND_IN: Final = {"catalog_builder.demo", "catalog_builder.local_cloud"}
DIVIDED: Final = ("catalog", "beams", "photons")
"""Folders that are several rooms."""
MOST_ENTRIES: Final = 12
MOST_LINES: Final = 300


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES: Final = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
STAND_IN_MODULES: Final = {name_of(path): path for path in sorted(STAND_IN.rglob("*.py"))}


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in MODULES else node.module


def room_of(module: str) -> str | None:
    """The room a module is in; None for the package itself and the divided folders' own."""
    parts = module.split(".")[1:]
    if not parts or parts in ([name] for name in DIVIDED):
        return None
    room = ".".join(parts[:2]) if parts[0] in DIVIDED else parts[0]
    assert room in ROOMS, f"{module} is in no room that this test knows"
    return room


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name)])
def test_imports_run_one_way(module: str) -> None:
    here = room_of(module)
    assert here is not None
    part, height = ROOMS[here]
    for name in imports(MODULES[module]):
        if name.split(".")[0] == "earthdata_standin":
            assert module in START_THE_STAND_IN, f"{module} imports the stand-in"
        if name.split(".")[0] != "catalog_builder":
            continue
        there = room_of(name)
        if there is None:
            assert part == "roof", f"{module} imports {name}, which stands over all rooms"
            continue
        if there == here:
            continue
        its_part, its_height = ROOMS[there]
        if its_part == part:
            assert its_height < height, f"{module} climbs to {name}"
        else:
            assert part == "roof" or its_part == "foundation", f"{module} imports {name}"


def test_no_module_imports_itself_in_a_circle() -> None:
    below = {name: set(imports(path)) & set(MODULES) for name, path in MODULES.items()}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"circle: {' -> '.join((*above, name))}"
        if name not in done:
            for other in below[name]:
                walk(other, (*above, name))
            done.add(name)

    for name in below:
        if name != "catalog_builder":
            walk(name, ())


def test_the_stand_in_imports_nothing_of_the_package() -> None:
    for path in STAND_IN_MODULES.values():
        assert not [name for name in imports(path) if name.split(".")[0] == "catalog_builder"]


def test_names_of_modules_and_classes_stand_once() -> None:
    """``commands``, whose modules are named for their verbs, aside."""
    modules, classes = Counter[str](), Counter[str]()
    for name, path in MODULES.items():
        if ".commands" in name:
            continue
        modules.update([path.stem] if path.stem != "__init__" else [])
        body = ast.parse(path.read_text()).body
        classes.update(node.name for node in body if isinstance(node, ast.ClassDef))
    assert not [name for name, count in (modules + classes).items() if count > 1]


@pytest.mark.parametrize("folder", ["catalog", "beams"])
def test_a_wing_has_few_entries(folder: str) -> None:
    entries = {path.name for path in (PACKAGE / folder).iterdir()} - {"__init__.py", "__pycache__"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


@pytest.mark.parametrize("module", [*MODULES, *STAND_IN_MODULES])
def test_a_module_is_short_or_says_why_not(module: str) -> None:
    path = MODULES.get(module) or STAND_IN_MODULES[module]
    text = path.read_text()
    lines = text.count("\n")
    head = "\n".join(text.splitlines()[:10])
    assert lines <= MOST_LINES or re.search(r"one module", head), f"{module} has {lines} lines"


def test_every_room_says_what_it_owns() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert len(docstring) > 40, f"{path}: say what the room owns and what it may import"


TESTED_BY_NAME: Final = set(ROOMS) - {
    "_version",
}
"""Rooms in which each module has its own test module: all, but for these."""


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name) in TESTED_BY_NAME])
def test_a_module_has_tests_under_its_name(module: str) -> None:
    *room, name = MODULES[module].relative_to(PACKAGE).with_suffix("").parts
    test = ROOT.joinpath("tests", *room, f"test_{name}.py")
    assert name == "__init__" or "\ndef test_" in test.read_text(), f"{test}: no tests"


def test_every_lock_is_free_in_a_forked_child() -> None:
    own = [path for name, path in MODULES.items() if name != "catalog_builder.forks"]
    found = [
        path for path in own if re.search(r"threading\.(R?Lock|Condition)\(", path.read_text())
    ]
    assert not found, "take catalog_builder.forks.Lock"


CUTS_AN_ID: Final = re.compile(
    r"\[(6:14|25:27|6:10|10:12|12:14|21:25|27:29|30:33)\]"
    r"|\bslice\((6, 14|25, 27|21, 25|27, 29|30, 33|0, 33)\)|, 0, -3\)"
    r"|ATL03_(\\d|\[0-9\]|\(\?)"
)
"""Characters of a granule's id taken by position, or its form in a regular expression."""


@pytest.mark.parametrize(
    "line",
    [
        'f"{granule[6:10]}-{granule[10:12]}"',
        "int(granule[25:27])",
        "_DATE = slice(6, 14)",
        'pc.utf8_slice_codeunits(table["id"], 0, -3)',
        r'r"(?P<granule>ATL03_\d{14}_\d{8}_\d{3}_\d{2})"',
    ],
)
def test_an_id_that_is_cut_is_seen(line: str) -> None:
    assert CUTS_AN_ID.search(line)


def test_one_module_knows_where_an_id_has_its_fields() -> None:
    own = PACKAGE / "products" / "granule_name.py"
    found = [
        f"{name}: {line.strip()}"
        for name, path in MODULES.items()
        if path != own
        for line in path.read_text().splitlines()
        if CUTS_AN_ID.search(line)
    ]
    assert not found, "use GranuleName.parse, or the slices and functions of its module"


NAMES_A_DEFAULT: Final = {
    "catalog_builder.nasa_check",
    "catalog_builder.nasa_page",
    "catalog_builder.catalog.granule_search",
    "catalog_builder.demo",
    "catalog_builder.doctor",
}
"""Modules that take a product where the user names none, as the commands do."""


def products_named(path: Path) -> list[int]:
    """Lines of a file with the bare name of a product, outside of longer texts."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"ATL\d\d([_-].{0,2})?", node.value)
    ]


def test_a_product_that_is_asked_for_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text('"""ATL08."""\nif name == "ATL08" or name.startswith("ATL24_"):\n    pass\n')
    assert products_named(path) == [2, 2]


@pytest.mark.parametrize(
    "module",
    [
        name
        for name in MODULES
        if room_of(name) not in ("products", "commands") and name not in NAMES_A_DEFAULT
    ],
)
def test_only_products_knows_which_product_it_is(module: str) -> None:
    assert not products_named(MODULES[module]), "ask for a fact of products.product.Product"
