"""Conditions on photons, as users write them, tested on values as stored."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import SURFACE_TYPE, Variable, dataset_path
from catalog_builder.errors import ConditionError
from catalog_builder.products.atl03 import SURFACE_TYPES

Bools = NDArray[np.bool_]

OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

_NAMES: Final = ", ".join(OPERATORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition on one variable. Made by :func:`parse_where`."""

    name: str
    """As the user wrote it, with the surface type: ``signal_conf_ph.land_ice``."""
    path: str
    """Within the beam: ``heights/signal_conf_ph``."""
    surface_type: str | None
    """Which column, of a variable with one for each surface type."""
    comparison: str | None
    """One of ``OPERATORS``; None for membership."""
    values: tuple[Any, ...]
    """What is compared with, one number or label; or the members."""

    def __str__(self) -> str:
        if self.comparison is None:
            return f"{self.name} in {list(self.values)}"
        return f"{self.name} {self.comparison} {self.values[0]}"

    def holds(self, variable: Variable, stored: NDArray[Any]) -> Bools:
        """For which of these rows of the variable it is true.

        A fill value meets no condition but one that names it. Raises
        :class:`~catalog_builder.errors.ConditionError` where the variable is of another kind.
        """
        values = self._column(variable, stored)
        numbers = [self._number(variable, value) for value in self.values]
        # A number takes the type stored: 0.1 is the nearest float32 of a float32.
        kind = values.dtype.type if values.dtype.kind == "f" else np.float64
        if self.comparison is None:
            return np.isin(values, np.array(numbers, dtype=kind))
        found: Bools = np.asarray(OPERATORS[self.comparison](values, kind(numbers[0])))
        fill = variable.attrs.get("_FillValue")
        if fill is not None and self.comparison != "==":
            found &= values != np.ravel(fill)[0]
        if self.comparison == "!=" and values.dtype.kind == "f":
            found &= ~np.isnan(values)
        return found

    def _column(self, variable: Variable, stored: NDArray[Any]) -> NDArray[Any]:
        by_surface = variable.dims[1:] == (SURFACE_TYPE,)
        if by_surface and self.surface_type is None:
            raise ConditionError(
                f"{self.name} has a value for each surface type: name one, as in "
                f'where={{"{self.name}": {{"land_ice": (">=", 3)}}}}; there are '
                f"{', '.join(SURFACE_TYPES)}."
            )
        if self.surface_type is not None and not by_surface:
            raise ConditionError(f"{variable.path} has no surface types: {self} cannot be tested.")
        if variable.dtype.kind not in "biuf" or stored.ndim != (2 if by_surface else 1):
            raise ConditionError(
                f"{variable.path} ({variable.dtype}, {len(variable.dims)}-dimensional) has not "
                f"one number a photon: {self} cannot be tested."
            )
        if self.surface_type is None:
            return stored
        return stored[:, SURFACE_TYPES.index(self.surface_type)]

    def _number(self, variable: Variable, value: Any) -> float:
        """A value as a number; a text is a label of the variable's flags."""
        if not isinstance(value, str):
            return float(value)
        labels = str(variable.attrs.get("flag_meanings", "")).split()
        flags = np.ravel(variable.attrs.get("flag_values", ()))
        if value not in labels or len(flags) != len(labels):
            known = f"has {', '.join(labels)}" if labels else "has no labels"
            raise ConditionError(f"{variable.path} has no label {value!r}: it {known}.")
        return float(flags[labels.index(value)])


def parse_where(where: Mapping[str, Any] | None) -> tuple[Condition, ...]:
    """Read conditions, which must all hold.

    By name of a variable: a tuple is a comparison, ``(">=", 3)``; a list is membership; a number
    or a text is what it equals; a mapping of surface types has one of these for each. A text is a
    label of the variable's ``flag_meanings``. Raises
    :class:`~catalog_builder.errors.ConditionError` for what is none of these.
    """
    if where is None:
        return ()
    if not isinstance(where, Mapping):
        raise ConditionError(
            f'where is a mapping, as in where={{"quality_ph": [0]}}; not {where!r}.'
        )
    found = []
    for name, value in where.items():
        if not isinstance(name, str) or not name:
            raise ConditionError(f"where names variables, not {name!r}.")
        if not isinstance(value, Mapping):
            found.append(_condition(name, name, None, value))
            continue
        if not value:
            raise ConditionError(f"where[{name!r}] names no surface type.")
        for surface, test in value.items():
            if surface not in SURFACE_TYPES:
                raise ConditionError(
                    f"There is no surface type {surface!r} of {name}: there are "
                    f"{', '.join(SURFACE_TYPES)}."
                )
            found.append(_condition(f"{name}.{surface}", name, surface, test))
    return tuple(found)


def of_columns(conditions: Iterable[Condition], names: Collection[str]) -> tuple[Condition, ...]:
    """The conditions, with derived columns of these names known by their names."""
    prefix = dataset_path("")
    return tuple(
        replace(one, path=one.path.removeprefix(prefix))
        if one.path.removeprefix(prefix) in names
        else one
        for one in conditions
    )


def _condition(name: str, variable: str, surface: str | None, test: Any) -> Condition:
    comparison: str | None = "=="
    if isinstance(test, tuple):
        if len(test) != 2 or test[0] not in OPERATORS:
            raise ConditionError(
                f"where[{name!r}] is {test!r}: a comparison is an operator ({_NAMES}) and a "
                "value; members stand in a list."
            )
        comparison, values = test[0], (test[1],)
    elif isinstance(test, (list, set, frozenset, range, np.ndarray)):
        comparison, values = None, tuple(test)
        if not values:
            raise ConditionError(f"where[{name!r}] is an empty list, which no photon is in.")
    else:
        values = (test,)
    for value in values:
        if not isinstance(value, (str, Number, np.generic)) or isinstance(value, complex):
            raise ConditionError(
                f"where[{name!r}] compares with {value!r}: expected a number, or a label of the "
                "variable's flags."
            )
    return Condition(
        name=name,
        path=dataset_path(variable),
        surface_type=surface,
        comparison=comparison,
        values=values,
    )
