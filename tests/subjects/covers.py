"""A person with three data, and grounds that cover them."""

from datetime import date, timedelta

from subjects.fate import Cover, Datum

NAME, EMAIL, PASSPORT = 1, 2, 3
PERSON = [Datum(11, NAME), Datum(12, EMAIL), Datum(13, PASSPORT)]
DAY = timedelta(days=1)
LONG_AGO = date(2021, 3, 1)


def ground(number: int, *categories: int, **facts) -> Cover:
    given = {
        "ground": number,
        "activity": f"activity-{number}",
        "basis": "consent",
        "article": "6(1)(1)",
        "categories": frozenset(categories),
        "started_on": LONG_AGO,
        "ended_on": None,
        "event": "consent_withdrawn" if facts.get("ended_on") else "",
        "limits": (),
        "keep": None,
        "then": "destroy",
    }
    return Cover(**(given | facts))
