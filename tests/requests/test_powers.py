"""How long somebody may speak for a person."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from requests import powers
from requests.powers import last_day

TODAY = date(2026, 3, 10)
NOTHING: dict[str, Any] = {"given_on": None, "until": None, "born_on": None, "today": TODAY}


@pytest.mark.parametrize(
    ("kind", "law", "given", "last"),
    [
        # The term that it names; without one a year.
        ("power_of_attorney", "RU", {"given_on": date(2026, 1, 5), "until": date(2031, 1, 5)},
         date(2031, 1, 5)),
        ("power_of_attorney", "RU", {"given_on": date(2026, 1, 5)}, date(2027, 1, 5)),
        ("power_of_attorney", "RU", {"given_on": date(2024, 2, 29)}, date(2025, 3, 1)),
        # Kazakhstan lets none be longer than three years.
        ("power_of_attorney", "KZ", {"given_on": date(2026, 1, 5), "until": date(2031, 1, 5)},
         date(2029, 1, 5)),
        ("power_of_attorney", "KZ", {"given_on": date(2026, 1, 5), "until": date(2026, 2, 5)},
         date(2026, 2, 5)),
        # Through the day before the child is 18.
        ("parent", "KZ", {"born_on": date(2008, 3, 11)}, date(2026, 3, 10)),
        ("parent", "RU", {"born_on": date(2012, 2, 29)}, date(2030, 2, 28)),
        ("parent", "RU", {"born_on": TODAY}, date(2044, 3, 9)),
        ("guardian", "RU", {"given_on": date(2020, 1, 1)}, None),
        ("guardian", "KZ", {"given_on": date(2020, 1, 1), "until": date(2026, 12, 31)},
         date(2026, 12, 31)),
    ],
)  # fmt: skip
def test_the_last_day(kind: str, law: str, given: dict[str, Any], last: date | None) -> None:
    assert last_day(kind=kind, jurisdiction=law, **(NOTHING | given)) == last


@pytest.mark.parametrize(
    ("kind", "given", "refusal"),
    [
        ("power_of_attorney", {}, powers.PowerUndated),
        ("guardian", {}, powers.PowerUndated),
        ("parent", {}, powers.BirthMissing),
        ("parent", {"born_on": date(2008, 3, 10)}, powers.ChildOfAge),
        ("parent", {"born_on": date(2026, 3, 11)}, powers.PowerNotYet),
        ("power_of_attorney", {"given_on": date(2026, 3, 11)}, powers.PowerNotYet),
        ("power_of_attorney", {"given_on": TODAY, "until": date(2026, 3, 9)},
         powers.PowerEndsBeforeItBegins),
    ],
)  # fmt: skip
def test_what_is_no_power(kind: str, given: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        last_day(kind=kind, jurisdiction="RU", **(NOTHING | given))
