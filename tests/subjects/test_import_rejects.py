"""Rows that an import refuses, by the same rules as a single service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from registry.errors import OperatorError
from registry.models import ConsentText, DataCategory, LegalBasis, ProcessingActivity
from registry.services import audit
from registry.services.consents import consent_text_draft
from subjects.models import DataSubject, Ground
from subjects.services import grounds, people
from subjects.services.importing import errors
from tests.conftest import Office
from tests.subjects.test_import_common import (
    NOW,
    ROW,
    card_of,
    counts,
    imported,
    none,
    published,
    rejects,
    table,
)

TODAY = NOW.date()


@pytest.fixture
def ready(office: Office) -> Office:
    published(office.pandev.operator, office.pandev.dpo)
    return office


# --- rows that are refused -----------------------------------------------------------------------
WRONG: list[tuple[str, dict[str, str], str]] = [
    ("no account", {"account": ""}, "account"),
    ("unknown activity", {"activity": "nothing"}, "activity"),
    ("no basis", {"basis": ""}, "basis"),
    ("unknown basis", {"basis": "KZ.0"}, "basis"),
    ("unknown text", {"consent_text": "registration-9"}, "consent_text"),
    ("no text", {"consent_text": ""}, "consent_text"),
    ("no moment", {"accepted_at": ""}, "accepted_at"),
    ("not a moment", {"accepted_at": "yesterday"}, "accepted_at"),
    ("no channel", {"channel": ""}, "channel"),
    ("unknown channel", {"channel": "pigeon"}, "channel"),
    ("unknown scope", {"scopes": "everything"}, "scopes"),
    ("scope twice", {"scopes": "cross_border|cross_border"}, "scopes"),
    ("facts without an activity", {"activity": "", "basis": ""}, "consent_text"),
    ("not a day", {"started_on": "1.2.2025"}, "started_on"),
    ("wrong e-mail", {"email": "canary@"}, "email"),
    ("formula", {"full_name": "=cmd()"}, "full_name"),
    ("long name", {"full_name": "ы" * 10_000}, "full_name"),
    ("zero width", {"full_name": "Ив\u200bанов"}, "full_name"),
    ("right to left", {"full_name": "\u202eвонавИ"}, "full_name"),
    ("formula in the evidence", {"evidence": "=1+1"}, "evidence"),
]


@pytest.mark.parametrize(("why", "change", "column"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_row_is_refused_and_the_others_are_taken(
    ready: Office, why: str, change: dict[str, str], column: str
) -> None:
    good = ROW | {"account": "u-2", "email": "two@example.org"}
    run = imported(ready.pandev, table(ROW | {"started_on": ""} | change, good))
    assert counts(run) == none(new=1, rejected=1), rejects(run)
    assert (2, column) in [(line, name) for line, name, _ in rejects(run)]
    for _, _, reason in rejects(run):
        for cell in change.values():
            assert not cell or cell not in reason


@pytest.mark.parametrize(("column", "cell"), [("iin", "850101300008"), ("phone", "12")])
def test_wrong_numbers_are_refused(ready: Office, column: str, cell: str) -> None:
    run = imported(ready.pandev, table(ROW | {column: cell}))
    assert [(line, name) for line, name, _ in rejects(run)] == [(2, column)]


def test_cells_and_quotes_that_do_not_fit_are_refused_by_line(ready: Office) -> None:
    header, row = table(ROW).decode().splitlines()
    broken = row.replace("u-1", '"u"-1"a"')
    content = "\n".join([header, row + ",", row.rpartition(",")[0], broken, "", row]).encode()
    run = imported(ready.pandev, content)
    assert [line for line, _, _ in rejects(run)] == [2, 3, 4]
    assert counts(run) == none(new=1, rejected=3)


@pytest.mark.parametrize("rows", [1, 100])
def test_a_line_that_contradicts_an_earlier_one_names_it(ready: Office, rows: int) -> None:
    other = ROW | {"account": "u-2", "email": "two@example.org"}
    contrary = ROW | {"activity": "services", "email": "other@example.org"}
    run = imported(ready.pandev, table(other, ROW, other, contrary), rows=rows)
    assert counts(run) == none(new=2, rejected=1)
    assert rejects(run) == [
        (5, "email", "Line 3 of the file says something else about this account.")
    ]
    assert Ground.objects.filter(activity__code="services").count() == 0


def test_a_value_that_the_text_does_not_cover_is_refused(ready: Office) -> None:
    team = ready.pandev
    narrow = DataCategory.objects.filter(operator=team.operator, code__in=["email", "account"])
    published(team.operator, team.dpo, code="narrow", data_categories=narrow)
    run = imported(team, table(ROW | {"consent_text": "narrow-1"}))
    assert [(line, column) for line, column, _ in rejects(run)] == [(2, "full_name")]
    assert DataSubject.objects.filter(operator=team.operator).count() == 0


def test_a_reject_and_an_error_hold_no_value(ready: Office) -> None:
    canary = "zqcanary"
    rows = [
        ROW | {"account": f"{canary}-{number}", name: f"{canary}\u200b{canary}"}
        for number, name in enumerate(ROW)
    ]
    run = imported(ready.pandev, table(*rows))
    assert run.rows_rejected >= len(ROW) - 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM subjects_importreject")
        assert canary not in repr(cursor.fetchall())
    assert canary not in repr([vars(reject) for reject in run.rejects.all()])


# --- the same rules as the single services -------------------------------------------------------
def _other_text(office: Office, **said: Any) -> ConsentText:
    return published(office.pandev.operator, office.pandev.dpo, code="other", **said)


def _draft(office: Office) -> dict[str, Any]:
    activity = ProcessingActivity.objects.filter(operator=office.pandev.operator)
    text = consent_text_draft(
        operator=office.pandev.operator, code="other", activities=activity, name_en="x",
        in_force_on=date(2024, 1, 1), by=None, now=NOW,
    )  # fmt: skip
    return {"text": text}


def _one_activity(office: Office) -> dict[str, Any]:
    only = ProcessingActivity.objects.get(operator=office.pandev.operator, code="services")
    return {"text": _other_text(office, activities=[only])}


def _ended(office: Office, **ends: date) -> dict[str, Any]:
    activity = ProcessingActivity.objects.get(operator=office.pandev.operator, code="accounts")
    for name, day in ends.items():
        row = activity.purpose if name == "purpose" else activity
        row.ended_on = day
        audit.save(row, by=None, reason="test", fields=["ended_on"])
    return {}


def _closed(office: Office) -> dict[str, Any]:
    basis = LegalBasis.objects.get(code="KZ.7.1")
    basis.closed_on = date(2025, 1, 1)
    audit.save(basis, by=None, reason="test", fields=["closed_on"])
    return {}


BAD_FACTS: list[tuple[type[OperatorError], Callable[[Office], dict[str, Any]]]] = [
    (people.NotYet, lambda office: {"given_at": NOW + timedelta(seconds=1)}),
    (grounds.TextNotPublished, _draft),
    (grounds.TextNotInForce, lambda office: {"text": _other_text(office, in_force_on=TODAY)}),
    (grounds.TextOfOtherActivity, _one_activity),
    (grounds.ScopeNotInText, lambda office: {"dissemination": True}),
    (grounds.BasisNotOfActivity, lambda office: {"basis": "RU.6.1.1"}),
    (grounds.BasisClosed, _closed),
    (grounds.ActivityEnded, lambda office: _ended(office, activity=date(2025, 1, 1))),
    (grounds.PurposeEnded, lambda office: _ended(office, purpose=date(2025, 1, 1))),
]


@pytest.mark.parametrize(
    ("refusal", "bad"), BAD_FACTS, ids=[case[0].__name__ for case in BAD_FACTS]
)
def test_the_same_bad_facts_are_refused_by_hand_and_by_import(
    ready: Office, refusal: type[OperatorError], bad: Callable[[Office], dict[str, Any]]
) -> None:
    team = ready.pandev
    facts: dict[str, Any] = {
        "text": ConsentText.objects.get(code="registration"),
        "given_at": datetime.fromisoformat(ROW["accepted_at"]),
        "basis": "KZ.7.1",
    } | bad(ready)
    text, given_at, basis = facts.pop("text"), facts.pop("given_at"), facts.pop("basis")
    card = people.subject_register(operator=team.operator, by=team.clerk, now=NOW)
    with pytest.raises(refusal) as by_hand:
        grounds.consent_give(
            subject=card,
            activity=ProcessingActivity.objects.get(operator=team.operator, code="accounts"),
            legal_basis=LegalBasis.objects.get(code=basis),
            text=text,
            given_at=given_at,
            channel="web_form",
            by=team.clerk,
            now=NOW,
            **facts,
        )
    row = ROW | {
        "basis": basis,
        "accepted_at": given_at.isoformat(),
        "consent_text": f"{text.code}-{text.version}",
        "scopes": "|".join(facts),
    }
    run = imported(team, table(row))
    assert counts(run) == none(rejected=1)
    found = run.rejects.get(reason=refusal.template)
    told = {name: str(value) for name, value in by_hand.value.params.items()}
    assert {name: str(value) for name, value in found.params.items()} == told


def test_a_second_ground_of_the_same_kind_is_refused_by_hand_and_by_import(ready: Office) -> None:
    team = ready.pandev
    imported(team, table(ROW))
    later = ROW | {"accepted_at": "2025-07-01T10:00:00+05:00"}
    run = imported(team, table(later))
    assert [reject.reason for reject in run.rejects.all()] == [grounds.GroundTwice.template]
    with pytest.raises(grounds.GroundTwice):
        grounds.consent_give(
            subject=card_of(team.operator, "u-1"),
            activity=ProcessingActivity.objects.get(operator=team.operator, code="accounts"),
            legal_basis=LegalBasis.objects.get(code="KZ.7.1"),
            text=ConsentText.objects.get(code="registration"),
            given_at=datetime.fromisoformat(later["accepted_at"]),
            channel="web_form",
            by=team.clerk,
            now=NOW,
        )


@pytest.mark.parametrize(
    ("code", "refusal"),
    [("bin", errors.ColumnNotPersonal), ("messages", errors.ColumnOpenEnded)],
)
def test_columns_that_no_card_may_hold_refuse_the_file(
    ready: Office, code: str, refusal: type[OperatorError]
) -> None:
    category = DataCategory.objects.filter(operator=ready.pandev.operator)
    if refusal is errors.ColumnOpenEnded:
        found = category.filter(open_ended=True).exclude(kind="not_personal").first()
        if found is None:
            found = category.get(code="device")
            found.open_ended = True
            audit.save(found, by=None, reason="test", fields=["open_ended"])
        code = found.code
    with pytest.raises(refusal):
        imported(ready.pandev, table(ROW | {code: "x"}))
