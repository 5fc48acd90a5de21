"""Named preconditions: conditions that all hold before some work may begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tag2mask.pipeline.errors import UserError

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Precondition(Generic[Subject]):
    """A condition with a name and an error message.

    Attributes:
        name: The condition in a few words.
        holds: Whether a subject meets the condition.
        message: The problem and its fix, with ``{0}`` for the subject, as in ``"{0.model} needs
            masks"``.
    """

    name: str
    holds: Callable[[Subject], bool]
    message: str


def first_violation(
    preconditions: Iterable[Precondition[Subject]], subject: Subject
) -> Precondition[Subject] | None:
    """The first precondition that does not hold, if any; later ones are not evaluated."""
    return next((each for each in preconditions if not each.holds(subject)), None)


def require(preconditions: Iterable[Precondition[Subject]], subject: Subject) -> None:
    """Check preconditions in their order.

    Raises:
        UserError: With the message of the first one that does not hold.
    """
    violated = first_violation(preconditions, subject)
    if violated is not None:
        raise UserError(violated.message.format(subject))
