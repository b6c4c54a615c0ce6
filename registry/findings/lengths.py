"""Which of two terms ends later, when one may be counted in other days than the other.

Both run from the same day, in the same calendar, and a last day off moves on to the next working
day (RU CC 193, KZ CC 175). Then n working days never end before n calendar days do, and what holds
of the days as counted holds of the days after the move. Not every pair can be ranked: 10 working
days end before or after 12 calendar days, as the holidays fall.
"""

from __future__ import annotations

from enum import StrEnum

HOUR, DAY, WORKING, MONTH, YEAR = "hour", "calendar_day", "working_day", "month", "year"
IMMEDIATE = "immediate"
COUNTED = frozenset({HOUR, DAY, WORKING, MONTH, YEAR, IMMEDIATE})

# Days of 0 to 11 months on end at the least and at the most.
LEAST = (0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334)
MOST = (0, 31, 62, 92, 123, 153, 184, 215, 245, 276, 306, 337)
# n working days end within 2n + 14 calendar days: even the longest holidays of the year, New Year
# in Russia, with their transferred days off and the weekends around are shorter than that.
LONGEST_HOLIDAYS = 14


class Rank(StrEnum):
    """How the end of the first term stands to the end of the second."""

    EARLIER = "earlier"
    SAME = "same"
    LATER = "later"
    DEPENDS = "depends"


def rank(length: int | None, unit: str, other_length: int | None, other_unit: str) -> Rank | None:
    """How the first term ends compared with the second; None where one of them is not counted.

    ``EARLIER`` and ``LATER``: never the other way round, and not always on the same day;
    ``DEPENDS``: on some days the one, on some the other.
    """
    first, second = _plain(length, unit), _plain(other_length, other_unit)
    if first is None or second is None:
        return None
    not_later, not_earlier = _never_later(first, second), _never_later(second, first)
    if not_later and not_earlier:
        return Rank.SAME
    if not_later:
        return Rank.EARLIER
    return Rank.LATER if not_earlier else Rank.DEPENDS


def _plain(length: int | None, unit: str) -> tuple[int, str] | None:
    """At once is no hours, a year twelve months; what has no length cannot be ranked."""
    if unit == IMMEDIATE:
        return 0, HOUR
    if unit not in COUNTED or length is None:
        return None
    return (length * 12, MONTH) if unit == YEAR else (length, unit)


def _never_later(first: tuple[int, str], second: tuple[int, str]) -> bool:
    (length, unit), (other, other_unit) = first, second
    if unit == other_unit:
        return length <= other
    if unit == HOUR:
        # A term in days ends at the end of its last day, and its first day is not counted.
        return length <= 24 * _least(other, other_unit)
    if other_unit == HOUR:
        return False
    return _most(length, unit) <= _least(other, other_unit)


def _least(length: int, unit: str) -> int:
    """Calendar days that the term has at the least."""
    if unit == MONTH:
        return length // 12 * 365 + LEAST[length % 12]
    return length


def _most(length: int, unit: str) -> int:
    """Calendar days that the term has at the most, before its last day moves on."""
    if unit == MONTH:
        return length // 12 * 366 + MOST[length % 12]
    if unit == WORKING:
        return 2 * length + LONGEST_HOLIDAYS
    return length
