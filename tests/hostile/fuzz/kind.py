"""What a kind of input gives to a run: cases that are drawn, and what has to come of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from hypothesis import strategies as st

from catalog_builder.errors import CatalogBuilderError

T = TypeVar("T")


class Refused:
    """The answer that was an error of the package's tree."""


REFUSED: Final = Refused()


class WrongAnswerError(AssertionError):
    """An answer that is another than the right one, without a word."""


class Kind(Protocol):
    """A kind of input that comes from outside."""

    @property
    def cases(self) -> st.SearchStrategy[Any]:
        """What is drawn for a case: all of it, so that a case can be left out or run again."""

    def run(self, case: Any) -> bool:
        """Give it to the package; returns whether it was refused.

        Raises WrongAnswerError, or whatever the package raises outside its tree.
        """

    def close(self) -> None:
        """Release what it holds."""


def answered(ask: Callable[[], T]) -> T | Refused:
    """What a call gives, or that it was refused in words."""
    try:
        return ask()
    except CatalogBuilderError as error:
        require(len(str(error)) > 0, "an error without a word")
        return REFUSED


def require(right: bool, what: str) -> None:
    """Raise WrongAnswerError unless something is right."""
    if not right:
        raise WrongAnswerError(what)
