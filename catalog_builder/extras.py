"""The extras of the package: what is installed only by those who use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

from catalog_builder.errors import MissingExtraError

Extra: TypeAlias = Literal["build", "dask", "geo", "harmony", "las", "plot", "zarr"]
"""Names of the extras, as pip takes them; ``all`` is all of them."""


@contextmanager
def needing(extra: Extra, what: str) -> Iterator[None]:
    """Around imports: ``what`` (``"A plot"``) cannot be done where one is missing.

    Raises :class:`~catalog_builder.errors.MissingExtraError` that names the extra.
    """
    try:
        yield
    except ImportError as error:
        if isinstance(error, MissingExtraError):
            raise
        missing = f" ({error.name} is missing)" if error.name else ""
        raise MissingExtraError(
            f"{what} needs the extra {extra!r}{missing}: "
            f"pip install 'icesat2-catalog-builder[{extra}]'."
        ) from error
