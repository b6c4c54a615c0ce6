"""How large an operator is by law: by its people and its data (94-V 25-1). No Django.

The article came with Law 326-VIII and is known to this office from a secondary source.
"""

from __future__ import annotations

from enum import StrEnum

SMALL_UP_TO = 10_000
LARGE_FROM = 500_000


class SizeClass(StrEnum):
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


def size_class(people: int, restricted: bool) -> SizeClass:
    """The class of an operator with so many people; ``restricted``: it processes data of
    restricted access too, which moves it one class up, and no further than the highest.
    """
    if people >= LARGE_FROM:
        return SizeClass.LARGE
    if people > SMALL_UP_TO:
        return SizeClass.LARGE if restricted else SizeClass.MEDIUM
    return SizeClass.MEDIUM if restricted else SizeClass.SMALL


def must_notify(size: SizeClass) -> bool:
    """Whether the authority is told before processing starts and when it stops (94-V 10-1)."""
    return size is SizeClass.LARGE
