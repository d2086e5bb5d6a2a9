"""What every driver does as an entry of an intake catalog: checked addresses, no secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog_builder.intake_drivers.arguments import (
    read_document,
    read_location,
    require_own_options,
)
from catalog_builder.intake_drivers.representation import pickled, without_secrets

if TYPE_CHECKING:
    # What comes behind it in a driver's bases; intake has no types.
    _Source = Any
else:
    _Source = object


class CatalogEntry(_Source):  # type: ignore[misc]
    """First base of a driver whose ``catalog`` is the folder of a published catalog."""

    catalog: Any
    storage_options: Any
    _captured_init_kwargs: Mapping[str, Any]
    _catalog_object: Any = None

    @property
    def catalog_object(self) -> Any:
        """The intake catalog whose entry this is; None of a source that was made otherwise."""
        return self._catalog_object

    @catalog_object.setter
    def catalog_object(self, catalog: Any) -> None:
        """Set by intake: from here on, addresses and options come from that catalog's YAML.

        Raises :class:`~catalog_builder.errors.AddressError` where they lead from the network to
        this machine, or take a user's ``storage_options`` to another host.
        """
        self._catalog_object = catalog
        checked = self._checked_addresses(read_document(catalog))
        require_own_options(self.storage_options, checked["catalog"], catalog)
        for name, value in checked.items():
            setattr(self, name, value)
        # What is pickled is what was checked.
        known = self._captured_init_kwargs
        self._captured_init_kwargs = {
            **known,
            **{name: value for name, value in checked.items() if name in known},
        }

    def _checked_addresses(self, document: str | None) -> dict[str, Any]:
        """The arguments that are addresses, as the document that names them may name them."""
        return {"catalog": read_location(self.catalog, document)}

    def __getstate__(self) -> dict[str, Any]:
        return pickled(type(self), super().__getstate__(), self.storage_options)

    def _yaml(self) -> dict[str, Any]:
        return without_secrets(super()._yaml())
