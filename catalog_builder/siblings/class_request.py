"""Which siblings are to give classes to photons, as users name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog_builder.errors import PairError
from catalog_builder.products.facts import CLASSES
from catalog_builder.products.product import PhotonClasses


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRequest:
    """The classes of one product. Made by :func:`parse_classes`."""

    key: str
    """Its short name in lower case: ``atl08``."""
    optional: bool = False
    """Whether photons of a granule without such a sibling are unclassified."""
    granules: Any = field(default=None, repr=False)
    """What the user says of where the siblings are; None for those that the catalog pairs."""

    @property
    def product(self) -> str:
        """Its short name."""
        return self.key.upper()

    @property
    def facts(self) -> PhotonClasses:
        """How its rows name photons."""
        return CLASSES[self.key]


def parse_classes(classes: Mapping[str, Any] | str | Sequence[str] | None) -> list[ClassRequest]:
    """Read ``"atl08"``, ``"atl08?"`` (optional), a list of such, or a mapping of them to granules.

    ``"atl08=ADDRESS"`` is a mapping as text, for a command line and for YAML.

    Raises :class:`~catalog_builder.errors.PairError` for a product that gives no classes.
    """
    if classes is None:
        return []
    if isinstance(classes, Mapping):
        named = dict(classes)
    else:
        named = dict.fromkeys([classes] if isinstance(classes, str) else classes)
    found: dict[str, ClassRequest] = {}
    for name, granules in named.items():
        text, _, address = name.partition("=") if isinstance(name, str) else ("", "", "")
        text = text.strip().lower()
        granules = address.strip() or granules
        key = text.removesuffix("?")
        if key not in CLASSES:
            raise PairError(f"{name!r} gives photons no classes: {' and '.join(CLASSES)} do.")
        if key in found:
            raise PairError(f"{key} is named twice.")
        found[key] = ClassRequest(key=key, optional=text.endswith("?"), granules=granules)
    return list(found.values())
