"""Granules that lead out of themselves, or in circles: nothing of another file is ever read."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.description import describe
from catalog_builder.beams.granule_tree import open_granule
from catalog_builder.beams.lazy import FileReadTasks
from catalog_builder.beams.read.hdf5_objects import (
    dataset_paths,
    find,
    find_dataset,
    find_group,
    names_in,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import (
    AccessError,
    CatalogBuilderError,
    ForeignDataError,
    ReferencesWarning,
    VariableNotFoundError,
)

Spoil = Callable[[h5py.Group, str, Path], None]
"""Puts, in place of a dataset, one that leads to a file; which holds h_ph and more."""


def stored_elsewhere(group: h5py.Group, name: str, secret: Path) -> None:
    shape, dtype = group[name].shape, group[name].dtype
    del group[name]
    group.create_dataset(name, shape, dtype, external=[(secret, 0, h5py.h5f.UNLIMITED)])


def linked(group: h5py.Group, name: str, secret: Path) -> None:
    del group[name]
    group[name] = h5py.ExternalLink(secret, name)


def linked_over_soft_links(group: h5py.Group, name: str, secret: Path) -> None:
    del group[name]
    group.file["one"] = h5py.SoftLink("/two")
    group.file["two"] = h5py.ExternalLink(secret, name)
    group[name] = h5py.SoftLink("/one")


def linked_over_a_group(group: h5py.Group, name: str, secret: Path) -> None:
    del group[name]
    group["away"] = h5py.ExternalLink(secret, "/")
    group[name] = h5py.SoftLink(f"away/./{name}")


def virtual(group: h5py.Group, name: str, secret: Path) -> None:
    layout = h5py.VirtualLayout(group[name].shape, group[name].dtype)
    layout[:] = h5py.VirtualSource(secret, name, group[name].shape)
    del group[name]
    group.create_virtual_dataset(name, layout)


def virtual_of_its_own(group: h5py.Group, name: str, secret: Path) -> None:
    group.file["other"] = group[name][:]
    layout = h5py.VirtualLayout(group[name].shape, group[name].dtype)
    layout[:] = h5py.VirtualSource(".", "/other", group[name].shape)
    del group[name]
    group.create_virtual_dataset(name, layout)


KINDS: dict[Spoil, str] = {
    stored_elsewhere: "external storage",
    linked: "an external link",
    linked_over_soft_links: "an external link",
    linked_over_a_group: "an external link",
    virtual: "a virtual dataset",
    virtual_of_its_own: "a virtual dataset",
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Another file of this machine, which HDF5 would read."""
    path = tmp_path / "secret"
    with h5py.File(path, "w") as file:
        for name in ("h_ph", "lat_ph", "segment_ph_cnt", "sc_orient", "fileName"):
            file[name] = np.zeros(95)
        SmallBeam().write(file.create_group("gt1l"))
    return path


def granule(folder: Path) -> Path:
    return write_granule(folder / NAME, gt1l=SmallBeam(), gt2l=SmallBeam())


@pytest.mark.parametrize("spoil", KINDS, ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    "at",
    ["heights/h_ph", "heights/lat_ph", "geolocation/segment_ph_cnt", "bckgrd_atlas/delta_time"],
)
def test_what_lies_outside_the_file_is_refused_by_name(
    tmp_path: Path, secret: Path, spoil: Spoil, at: str
) -> None:
    path = granule(tmp_path)
    known = scan(GranuleLinks(local=str(path))).beams["gt1l"]
    known = replace(known, size=known.size + 1)
    group, _, name = at.rpartition("/")
    with h5py.File(path, "r+") as file:
        spoil(file[f"gt1l/{group}"], name, secret)
    links = GranuleLinks(local=str(path))
    names = [at if group != "heights" else name]
    tasks = FileReadTasks(links=links, access="auto", beam="gt1l")
    doors: dict[str, Callable[[], object]] = {
        "beam": lambda: open_beam(links, "gt1l", names),
        "lazy": lambda: open_beam(links, "gt1l", names, chunks=10).compute(),
        "task": tasks.rows(at, RowSlices.whole(3)),
        "tree": lambda: open_granule(links, variables=names),
        "scan": lambda: scan(links),
        "stale": lambda: open_beam(links, "gt1l", names, references=known),
    }
    for door, through in doors.items():
        with (
            warnings.catch_warnings(action="ignore", category=ReferencesWarning),
            pytest.raises(ForeignDataError) as told,
        ):
            through()
        assert KINDS[spoil] in str(told.value), door
        assert str(path) in str(told.value), door
    # The other beam is whole.
    assert open_beam(links, "gt2l").sizes["photon"] == 95


@pytest.mark.parametrize(
    "at", ["gt1l", "gt1l/heights", "gt1l/geolocation", "orbit_info/sc_orient"]
)
def test_groups_and_descriptions_of_all_beams(tmp_path: Path, secret: Path, at: str) -> None:
    path = granule(tmp_path)
    with h5py.File(path, "r+") as file:
        del file[at]
        file[at] = h5py.ExternalLink(secret, at if at != "orbit_info/sc_orient" else "sc_orient")
    links = GranuleLinks(local=str(path))
    for through in (open_granule, scan, describe):
        with pytest.raises(ForeignDataError, match="an external link"):
            through(links)


def test_the_name_of_the_granule(tmp_path: Path, secret: Path) -> None:
    path = granule(tmp_path).rename(tmp_path / "granule.h5")
    with h5py.File(path, "r+") as file:
        del file["METADATA/DatasetIdentification"]
        file["METADATA/DatasetIdentification"] = h5py.ExternalLink(secret, "/")
    with pytest.raises(ForeignDataError, match=r"/METADATA/DatasetIdentification .*external link"):
        describe(GranuleLinks(local=str(path)))


def test_soft_links_inside_the_file(tmp_path: Path) -> None:
    path = granule(tmp_path)
    expected = open_beam(GranuleLinks(local=str(path)), "gt1l")
    with h5py.File(path, "r+") as file:
        heights = file["gt1l/heights"]
        file["elsewhere/deep/h"] = heights["h_ph"]
        del heights["h_ph"]
        heights["h_ph"] = h5py.SoftLink("../heights")  # HDF5 knows no way up
        assert find(heights, "h_ph") is None
        del heights["h_ph"]
        heights["h_ph"] = h5py.SoftLink("/first")
        file["first"] = h5py.SoftLink("elsewhere/./deep//second")
        file["elsewhere/deep/second"] = h5py.SoftLink("h")
    links = GranuleLinks(local=str(path))
    assert open_beam(links, "gt1l").h_ph.identical(expected.h_ph)
    known = scan(links).beams["gt1l"]
    assert open_beam(links, "gt1l", references=known).h_ph.identical(expected.h_ph)


def test_links_that_lead_in_circles(tmp_path: Path) -> None:
    path = granule(tmp_path)
    with h5py.File(path, "r+") as file:
        beam = file["gt1l"]
        beam["round"] = beam  # a hard link
        beam["geolocation/up"] = file["/"]
        deep = beam
        for _ in range(40):  # 2**40 paths, but 40 groups
            deeper = deep.create_group("left")
            deep["right"] = deeper
            deep = deeper
        del beam["heights/h_ph"]
        beam["heights/h_ph"] = h5py.SoftLink("/a")
        file["a"] = h5py.SoftLink("b")
        file["b"] = h5py.SoftLink("/a")
        paths = [*dataset_paths(file["gt2l"])]
        assert paths.count("heights/h_ph") == 1
        with pytest.raises(AccessError, match="leads in a circle"):
            find(beam, "heights/h_ph")
        del beam["heights/h_ph"], file["a"], file["b"]
        assert len([*dataset_paths(beam)]) < 200
    links = GranuleLinks(local=str(path))
    assert scan(links).photons["gt2l"] == 95
    with pytest.raises(VariableNotFoundError, match="lacks variable 'no'"):
        open_beam(links, "gt1l", ["no"])


def test_what_is_neither_group_nor_dataset(tmp_path: Path) -> None:
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file["type"] = np.dtype("<f8")
        file["scalar"] = 1.0
        file["values"] = [1.0]
        file["gone"] = h5py.SoftLink("/nowhere")
        for name in ("type", "gone", "no", "values/below", "type/below"):
            assert find(file, name) is None, name
        assert isinstance(find(file, "/scalar"), h5py.Dataset)
        assert find_dataset(file, "scalar") is None
        assert find_group(file, "values") is None
        assert find(file, "") == file["/"]
        assert [*dataset_paths(file)] == ["values"]


def test_deep_groups(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        group = file
        for _ in range(1500):
            group = group.create_group("a")
        group["values"] = [1]
        (path,) = dataset_paths(file)
        assert path == "a/" * 1500 + "values"


def test_bytes_before_the_file_proper(tmp_path: Path) -> None:
    """A user block: HDF5 counts from behind it, references from the first byte."""
    path = granule(tmp_path)
    moved = tmp_path / "moved" / NAME
    moved.parent.mkdir()
    with h5py.File(path) as old, h5py.File(moved, "w", userblock_size=1024) as new:
        for name in old:
            old.copy(name, new)
        new.attrs.update(old.attrs)
    links = GranuleLinks(local=str(moved))
    names = ["h_ph", "geolocation/segment_id", "bckgrd_atlas/bckgrd_rate"]
    found = open_beam(links, "gt1l", names, references=scan(links).beams["gt1l"])
    assert found.identical(open_beam(links, "gt1l", names))


@pytest.mark.parametrize("name", [b"\xff\xfe", b"gt1l\xc3", b"\xed\xa0\x80"])
def test_names_that_are_no_text(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / NAME
    with h5py.File(path, "w") as file:
        h5py.h5g.create(file.id, name)
        file.create_dataset("there", data=[1.0])
        assert all(isinstance(one, str) for one in names_in(file))
        assert list(dataset_paths(file)) == ["there"]
    for through in (open_granule, scan, describe):
        with pytest.raises(CatalogBuilderError, match="ATL03_"):
            through(GranuleLinks(local=str(path)))
