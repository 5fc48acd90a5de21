"""Preconditions: the first that does not hold is the error, and later ones are not evaluated."""

from dataclasses import dataclass

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.preconditions import Precondition, first_violation, require


@dataclass(frozen=True)
class Box:
    """A subject."""

    name: str
    side: int


def _never(box: Box) -> bool:
    raise AssertionError(box)


BELOW = Precondition[Box]("below ten", lambda box: box.side < 10, "{0.name} is {0.side} wide")
EVEN = Precondition[Box]("even", lambda box: box.side % 2 == 0, "{0.name} is odd")
LAST = Precondition[Box]("never evaluated", _never, "")


def test_all_hold():
    require([BELOW, EVEN], Box("a", 4))
    assert first_violation([BELOW, EVEN], Box("a", 4)) is None


def test_the_first_violation_is_the_error():
    assert first_violation([BELOW, EVEN, LAST], Box("a", 3)) is EVEN
    with pytest.raises(UserError, match=r"^b is 11 wide$"):
        require([BELOW, LAST], Box("b", 11))
