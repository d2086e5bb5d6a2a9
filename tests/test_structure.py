"""The house keeps its shape: ground, two wings that do not know each other, roof."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "catalog_builder"

GROUND = {
    *("_version", "location", "errors", "atl03", "orbit", "progress", "window", "area", "trust"),
    *("forks", "redaction", "login", "admission", "earthdata", "credentials"),
}
WINGS = {"catalog", "beams"}
BESIDE = {"local_cloud"}


def place(module: str) -> str:
    """Which part of the house a module of the package belongs to, by its second name."""
    first = module.split(".")[1] if "." in module else ""
    if first in WINGS or first in BESIDE:
        return first
    return "ground" if first in GROUND else "roof"


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] == "catalog_builder"}


MODULES = sorted(PACKAGE.rglob("*.py"))
ALLOWED = {
    "ground": {"ground"},
    "catalog": {"ground", "catalog"},
    "beams": {"ground", "beams"},
    "local_cloud": {"local_cloud"},
    "roof": {"ground", "catalog", "beams", "roof"},
}
MAY_START_THE_STAND_IN = {"demo"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    relative = path.relative_to(PACKAGE.parent).with_suffix("")
    module = ".".join(relative.parts).removesuffix(".__init__")
    if module == "catalog_builder":
        return
    here = place(module)
    known = {".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts) for p in MODULES}
    packages = {name.removesuffix(".__init__") for name in known if name.endswith(".__init__")}
    for name in imports(path) & (known | packages) - {"catalog_builder"}:
        there = place(name)
        if there == "local_cloud" and module.split(".")[-1] in MAY_START_THE_STAND_IN:
            continue
        assert there in ALLOWED[here], f"{module} ({here}) imports {name} ({there})"


def test_the_ground_is_all_there() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} >= GROUND


def test_every_lock_is_free_in_a_forked_child() -> None:
    own = [path for path in MODULES if path.stem != "forks" and "local_cloud" not in path.parts]
    found = [
        path for path in own if re.search(r"threading\.(R?Lock|Condition)\(", path.read_text())
    ]
    assert not found, "take catalog_builder.forks.Lock"
