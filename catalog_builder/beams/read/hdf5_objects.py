"""Finds groups and datasets of an HDF5 file, and refuses what leads out of the file.

HDF5 can keep values in other files (external storage, virtual datasets) and link to objects of
other files (external links). A hostile granule could have files of this machine read as photons:
whatever lies outside the file is refused before it is opened. Everything that is read of a granule
is looked up here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.errors import AccessError, CatalogBuilderError, ForeignDataError

if TYPE_CHECKING:
    import h5py

MOST_LINKS: Final = 16
"""Soft links followed one after another, as many as HDF5 itself follows."""


def find(start: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """The group or dataset at a path below a group or file; None where there is none.

    Raises :class:`~catalog_builder.errors.ForeignDataError` where the path, or what lies there,
    leads out of the file, and :class:`~catalog_builder.errors.AccessError` where the file is
    damaged.
    """
    import h5py

    with damage_as_access_error(start, path):
        target = _follow(start, path)
        if isinstance(target, h5py.Dataset):
            require_inside(target)
            _ = target.shape, target.dtype  # h5py caches them; impossible ones raise here
        return target if isinstance(target, (h5py.Group, h5py.Dataset)) else None


def find_group(start: h5py.Group, path: str) -> h5py.Group | None:
    """The group at a path; None where there is none. Raises as :func:`find` does."""
    import h5py

    target = find(start, path)
    return target if isinstance(target, h5py.Group) else None


def find_dataset(start: h5py.Group, path: str) -> h5py.Dataset | None:
    """The dataset at a path, one that has a dimension; None where there is none.

    Raises as :func:`find` does.
    """
    import h5py

    target = find(start, path)
    return target if isinstance(target, h5py.Dataset) and target.ndim else None


def dataset_paths(start: h5py.Group, leave_out: str | None = None) -> Iterator[str]:
    """Paths of all datasets below a group that have a dimension, but for one group or dataset.

    Each group is visited once, by its first name: links may lead in circles.
    Raises as :func:`find` does.
    """
    import h5py

    seen = {_identity(start)}
    waiting = [(start, "", iter(names_in(start)))]
    while waiting:
        group, prefix, names = waiting[-1]
        name = next(names, None)
        if name is None:
            waiting.pop()
            continue
        path = prefix + name
        if path == leave_out:
            continue
        target = find(group, name)
        if isinstance(target, h5py.Dataset) and target.ndim:
            yield path
        elif isinstance(target, h5py.Group) and _identity(target) not in seen:
            seen.add(_identity(target))
            waiting.append((target, f"{path}/", iter(names_in(target))))


def names_in(group: h5py.Group) -> list[str]:
    """Names of all that a group holds; raises :class:`~catalog_builder.errors.AccessError`.

    Those that are no UTF-8, which h5py gives as bytes, are left out: nobody can ask for them.
    """
    with damage_as_access_error(group, ""):
        return [name for name in group if isinstance(name, str)]


def require_inside(dataset: h5py.Dataset) -> None:
    """Raise :class:`~catalog_builder.errors.ForeignDataError` unless the file holds the values."""
    from h5py import h5d

    with damage_as_access_error(dataset, ""):
        stored = dataset.id.get_create_plist()
        if stored.get_layout() == h5d.VIRTUAL:
            raise _foreign(dataset, "", "a virtual dataset", _virtual_sources(stored))
        if count := stored.get_external_count():
            files = [stored.get_external(number)[0] for number in range(min(count, 3))]
            raise _foreign(dataset, "", "kept in external storage", files)


@contextmanager
def damage_as_access_error(at: Any, path: str) -> Iterator[None]:
    """Raise h5py's errors for a damaged file as an AccessError that names file and object."""
    try:
        yield
    except CatalogBuilderError:
        raise
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise AccessError(
            f"{_whole_path(at, path)} of {file_name(at)} cannot be read: {_first_line(error)}. "
            "The file is damaged."
        ) from error


def file_name(at: Any) -> str:
    """The address of the file that a group or dataset belongs to."""
    return str(at.file.filename)


def _follow(start: h5py.Group, path: str) -> Any:
    """The object at a path; each link is checked before it is followed."""
    import h5py
    from h5py import h5l

    at: Any = start
    left, followed = path.split("/")[::-1], 0
    while left:
        name = left.pop()
        if name in ("", "."):
            continue
        if not isinstance(at, h5py.Group):
            return None
        links, key = at.id.links, name.encode("utf-8", "surrogateescape")
        if not links.exists(key):
            return None
        kind = links.get_info(key).type
        if kind == h5l.TYPE_HARD:
            at = at[name]
        elif kind == h5l.TYPE_SOFT:
            followed += 1
            if followed > MOST_LINKS:
                raise AccessError(
                    f"{_whole_path(at, name)} of {file_name(at)} is a soft link that leads in a "
                    f"circle, or over more than {MOST_LINKS} others: the file is damaged."
                )
            target = links.get_val(key).decode("utf-8", "surrogateescape")
            if target.startswith("/"):
                at = at.file
            left.extend(target.split("/")[::-1])
        elif kind == h5l.TYPE_EXTERNAL:
            raise _foreign(at, name, "an external link", links.get_val(key)[:1])
        else:
            raise _foreign(at, name, f"a link of an unknown kind ({kind})", [])
    return at


def _foreign(at: Any, name: str, kind: str, files: Any) -> ForeignDataError:
    to = ", ".join(repr(one.decode("utf-8", "replace")[:200]) for one in files)
    return ForeignDataError(
        f"{_whole_path(at, name)} of {file_name(at)} is {kind}{f' (of {to})' if to else ''}: it "
        "leads out of the granule, and is not read. No granule of NASA's is made that way: "
        "download it anew from its data centre."
    )


def _virtual_sources(stored: Any) -> list[bytes]:
    count = min(stored.get_virtual_count(), 3)
    return [stored.get_virtual_filename(number).encode() for number in range(count)]


def _whole_path(at: Any, path: str) -> str:
    return f"{at.name or ''}/{path}".replace("//", "/").rstrip("/") or "/"


def _first_line(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else str(error)
    return (text.splitlines() or [type(error).__name__])[0][:300].rstrip(".")


def _identity(group: h5py.Group) -> Any:
    """The address of a group in its file, the same for all its names."""
    from h5py import h5o

    with damage_as_access_error(group, ""):
        return h5o.get_info(group.id).addr
