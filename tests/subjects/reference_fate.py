"""A second, slow answer to the fate of a datum, to compare the module with.

It lives through the days one by one and imports nothing of the office. Every ended ground sets
alarms: on the first day it holds nothing it winds one for each of its limits, or one that rings
at once where it has none. An alarm rings on one day only. While a ground holds the data nobody
hears it; on a day that none holds, the first ring is the day by which the data must go, unless
a ground begins anew while they are still there.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any


@dataclass
class Lived:
    """``rings``: the (ground, limit) that ring on the due day; ``concerned``: the grounds met."""

    held_by: set[int]
    due_on: date | None
    rings: set[tuple[int, Any]]
    concerned: set[int]


def covers_day(cover: Any, day: date) -> bool:
    if day < cover.started_on:
        return False
    if cover.ended_on is None or day < cover.ended_on:
        return True
    return cover.keep is not None and day <= cover.keep.until


def horizon(covers: list[Any], today: date) -> date:
    """A day after which nothing new happens."""
    days = [today]
    for cover in covers:
        days += [cover.started_on, *(limit.day for limit in cover.limits)]
        days += [cover.ended_on] if cover.ended_on else []
        days += [cover.keep.until] if cover.keep else []
    return max(days) + timedelta(days=3)


def live_through(category: int, all_covers: list[Any], today: date) -> Lived:
    covers = [cover for cover in all_covers if category in cover.categories]
    if not any(cover.started_on <= today for cover in covers):
        return Lived(set(), today, set(), set())
    day, last = min(cover.started_on for cover in covers), horizon(covers, today)
    due_on: date | None = None
    rings: set[tuple[int, Any]] = set()
    concerned: set[int] = set()
    held_today: set[int] = set()
    wound: set[int] = set()
    alarms: list[tuple[int, Any]] = []
    while day <= last and not (day > today and due_on):
        beginning = {cover.ground for cover in covers if cover.started_on == day}
        held = {cover.ground for cover in covers if covers_day(cover, day)}
        concerned |= beginning
        if beginning:
            due_on, rings = None, set()
        for cover in covers:
            over = cover.ended_on is not None and day >= cover.ended_on
            if over and cover.ground not in held | wound and cover.started_on <= day:
                wound.add(cover.ground)
                alarms += [(cover.ground, limit) for limit in cover.limits or [None]]
        ringing = [alarm for alarm in alarms if alarm[1] is None or alarm[1].day <= day]
        alarms = [alarm for alarm in alarms if alarm not in ringing]
        if ringing and not held and due_on is None:
            due_on, rings = day, set(ringing)
        if day == today:
            held_today = held
        day += timedelta(days=1)
    return Lived(held_today, due_on, rings, concerned)
