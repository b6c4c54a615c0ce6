"""Findings about sources that still carry destroyed people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from registry.findings import find
from registry.findings.facts import Register, Returned
from tests.registry.findings.registers import Case, clean, fires_and_clears, plus

ROW = Returned("crm/ACT-2026-0001", "CRM", "ACT-2026-0001", 3, date(2026, 3, 30))


def came_back(row: Returned = ROW) -> Callable[[Register], Register]:
    return lambda register: plus(register, "returned", row)


CASES = [
    *(Case("DST-001", law, came_back(), f"returned:{ROW.code}") for law in ("RU", "KZ")),
    Case("DST-001", "KZ", came_back(replace(ROW, code="file/-", name="", act="")),
         "returned:file/-"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_fires_and_clears(case: Case) -> None:
    fires_and_clears(case)


def test_each_source_is_a_finding_of_its_own_and_more_rows_are_another() -> None:
    other = replace(ROW, code="file/ACT-2026-0001", name="")
    (first, second) = find(plus(clean("RU"), "returned", ROW, other))
    assert first.hit.object != second.hit.object
    (more,) = find(plus(clean("RU"), "returned", replace(ROW, rows=4)))
    (same,) = find(plus(clean("RU"), "returned", replace(ROW, name="КРМ")))
    assert second.digest != more.digest
    assert next(one for one in (first, second) if one.hit.object == same.hit.object).digest == (
        same.digest
    )
