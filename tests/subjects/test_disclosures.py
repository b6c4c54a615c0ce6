"""What was given to whom: recorded once, refused by name, and never bent (94-V 22(1)(5))."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from registry.models import LegalBasis
from registry.services import audit
from subjects.choices import Looked
from subjects.models import (
    AccessEvent,
    Consent,
    DisclosedPerson,
    Disclosure,
    DisclosureReversal,
    PersonalDatum,
)
from subjects.services.cards import cards_merge
from subjects.services.destruction import keys_destroy
from subjects.services.disclosable import (
    CategoryNotHeld,
    PersonDestroyed,
)
from subjects.services.disclosures import (
    BasisMissing,
    BasisNotForState,
    BasisNotOfTransfer,
    BasisOfOtherLaw,
    BasisOver,
    BodyMissing,
    DisclosureUndocumented,
    NobodyGiven,
    OneOrTheOther,
    ReversalReasonMissing,
    ReversedAlready,
    TooManyPeople,
    TransferMissing,
    disclosure_reverse,
)
from subjects.services.evidence import was_destroyed
from subjects.services.grounds import consent_withdraw
from subjects.services.guard import DataBlocked
from subjects.services.people import CardMerged, ForeignRow, NotYet, datum_record
from subjects.services.stops import block_place
from subjects.services.tables import database_rows
from subjects.traces import Needles, Search
from tests.conftest import Office, Team
from tests.subjects.acting import ON_DUE, draft
from tests.subjects.disclosing import (
    MAIL,
    by_transfer,
    categories_of,
    given,
    state_basis,
    to_state,
    transfer,
)
from tests.subjects.people import NOW, TODAY, card, category_of
from tests.subjects.vault_office import side_by_side

JOURNALS = ("subjects_disclosure", "subjects_disclosedperson", "subjects_accessevent")
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(params=["pandev", "ipm"])
def team(request: Any, office: Office) -> Team:
    found: Team = getattr(office, request.param)
    return found


def events(what: str = Looked.DISCLOSURE) -> list[AccessEvent]:
    return list(AccessEvent.objects.filter(what=what).order_by("pk"))


def nothing_recorded() -> bool:
    return not Disclosure.objects.exists() and not DisclosedPerson.objects.exists()


# --- to a state body -----------------------------------------------------------------------------
def test_a_state_body_is_given_what_it_demands_and_every_card_says_so(team: Team) -> None:
    first, second = given(team), given(team, email="second@example.org")
    row = to_state(
        team, people={
            first: categories_of(team, "email", "full_name"),
            second: categories_of(team, "email"),
        },
    )  # fmt: skip
    assert row.number == "DIS-2026-0001" and str(row) == row.number
    assert (row.body_kind, row.body, row.document) == (
        "court", "Bostandyk district court", "Ruling 7 of 27.02.2026",
    )  # fmt: skip
    assert (row.third_party, row.cross_border, row.country, row.transfer) == (
        False, False, None, None,
    )  # fmt: skip
    assert (row.recorded_by, row.recorded_at, row.given_on) == (team.dpo, NOW, TODAY)
    assert {(one.subject.code, one.category.code) for one in row.people.all()} == {
        (first.code, "email"), (first.code, "full_name"), (second.code, "email"),
    }  # fmt: skip
    assert [(one.subject_id, one.user, one.reason, one.details) for one in events()] == [
        (first.pk, team.dpo, row.number, {"data": 2}),
        (second.pk, team.dpo, row.number, {"data": 1}),
    ]
    assert to_state(team, first).number == "DIS-2026-0002"


def test_numbers_run_by_operator_and_year(office: Office) -> None:
    here, there = office.pandev, office.ipm
    assert to_state(here, given(here)).number == "DIS-2026-0001"
    assert to_state(there, given(there)).number == "DIS-2026-0001"
    old = given(here, email="old@example.org")
    # New Year in Almaty has come, though not in Greenwich.
    late = NOW.replace(month=12, day=31, hour=20)
    assert to_state(here, old, now=late).number == "DIS-2027-0001"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"legal_basis": None}, BasisMissing),
        ({"document": "  "}, DisclosureUndocumented),
        ({"body": " "}, BodyMissing),
        ({"body_kind": ""}, BodyMissing),
        ({"people": {}}, NobodyGiven),
        ({"given_on": TODAY + timedelta(days=1)}, NotYet),
    ],
)
def test_without_ground_document_body_or_people_nothing_is_saved(
    office: Office, changed: dict[str, Any], error: type[Exception]
) -> None:
    subject = given(office.pandev)
    with pytest.raises(error):
        to_state(office.pandev, subject, **changed)
    with pytest.raises(NobodyGiven):
        to_state(office.pandev, people={subject: []})
    assert nothing_recorded() and not events()


def test_a_state_body_needs_an_article_that_bears_it(office: Office) -> None:
    ru, kz = office.ipm, office.pandev
    russian, kazakh = given(ru), given(kz)
    for code in ("RU.6.1.1", "RU.6.1.5", "RU.6.1.7", "RU.10.1"):
        with pytest.raises(BasisNotForState):
            to_state(ru, russian, legal_basis=LegalBasis.objects.get(code=code))
    for code in ("KZ.7.1", "KZ.7.5"):
        with pytest.raises(BasisNotForState):
            to_state(kz, kazakh, legal_basis=LegalBasis.objects.get(code=code))
    with pytest.raises(BasisOfOtherLaw):
        to_state(kz, kazakh, legal_basis=state_basis(ru))
    closed = LegalBasis.objects.get(code="RU.6.1.3.1")
    closed.closed_on = TODAY
    audit.save(closed, by=None, reason="repealed")
    with pytest.raises(BasisOver):
        to_state(ru, russian, legal_basis=closed)
    assert nothing_recorded()
    # On the day before it was closed it still held.
    datum = PersonalDatum.objects.get(subject=russian, category__code="email")
    datum.collected_on = YESTERDAY
    datum.save()
    to_state(ru, russian, legal_basis=closed, given_on=YESTERDAY)
    for code in ("RU.6.1.2", "RU.6.1.3"):
        to_state(ru, russian, legal_basis=LegalBasis.objects.get(code=code))
    for code in ("KZ.9.9-1", "KZ.9.10", "KZ.9.2"):
        to_state(kz, kazakh, legal_basis=LegalBasis.objects.get(code=code))


def test_one_record_is_to_a_state_body_or_by_a_transfer(office: Office) -> None:
    team = office.pandev
    subject, row = given(team, third_parties=True), transfer(team)
    with pytest.raises(OneOrTheOther):
        to_state(team, subject, transfer=row)
    with pytest.raises(OneOrTheOther):
        by_transfer(team, row, subject, body="Court")
    with pytest.raises(TransferMissing):
        by_transfer(team, row, subject, transfer=None)
    with pytest.raises(BasisNotOfTransfer):
        by_transfer(team, row, subject, legal_basis=state_basis(team))
    assert nothing_recorded()


# --- whose data, and which -----------------------------------------------------------------------
def test_people_and_categories_of_another_operator_are_refused(office: Office) -> None:
    here, there = office.pandev, office.ipm
    mine, theirs = given(here), given(there)
    with pytest.raises(ForeignRow, match=theirs.code):
        to_state(here, mine, theirs)
    with pytest.raises(ForeignRow):
        to_state(here, people={mine: categories_of(there, "email")})
    with pytest.raises(ForeignRow):
        by_transfer(here, transfer(there), mine)
    assert nothing_recorded() and not events()


def test_only_what_is_held_that_day_can_have_been_given(office: Office) -> None:
    team = office.pandev
    subject = given(team)
    with pytest.raises(CategoryNotHeld, match=subject.code):
        to_state(team, people={subject: categories_of(team, "phone")})
    # It was collected today: yesterday nobody can have given it.
    with pytest.raises(CategoryNotHeld):
        to_state(team, subject, given_on=YESTERDAY)
    keys_destroy([key_of(subject, "email")], reason="withdrawn", by=team.dpo, now=NOW)
    with pytest.raises(CategoryNotHeld):
        to_state(team, subject)
    to_state(team, people={subject: categories_of(team, "full_name")})
    keys_destroy([key_of(subject, "full_name")], reason="withdrawn", by=team.dpo, now=NOW)
    with pytest.raises(PersonDestroyed, match=subject.code):
        to_state(team, people={subject: categories_of(team, "full_name")})
    assert Disclosure.objects.count() == len(events()) == 1


def key_of(subject: Any, code: str) -> int:
    found = PersonalDatum.objects.get(subject=subject, category__code=code).value_key
    assert found is not None
    return found


def test_what_lies_on_paper_can_be_given_until_it_is_confirmed_as_gone(office: Office) -> None:
    team = office.pandev
    subject = given(team)
    datum = datum_record(
        subject=subject, category=category_of(team, "account"), held_in="system",
        system=team.operator.informationsystem_set.first(), collected_on=TODAY, by=team.clerk,
        today=TODAY,
    )  # fmt: skip
    people = {subject: categories_of(team, "account")}
    to_state(team, people=people)
    consent_withdraw(
        consent=Consent.objects.get(ground__subject=subject), channel="email", received_at=NOW,
        by=team.clerk, now=NOW,
    )  # fmt: skip
    act = draft(team)
    item = act.items.get(datum=datum)
    to_state(team, people=people)
    item.outcome, item.confirmed_at, item.confirmed_by = "destroyed", ON_DUE, team.clerk
    item.save()
    with pytest.raises(CategoryNotHeld):
        to_state(team, people=people)


def test_a_merged_card_sends_to_the_one_that_stays(office: Office) -> None:
    team = office.pandev
    old, new = card(team), given(team)
    cards_merge(into=new, other=old, by=team.dpo, now=NOW, reason="same passport")
    with pytest.raises(CardMerged, match=new.code):
        to_state(team, old)
    assert nothing_recorded()


def test_a_thousand_people_and_no_more(office: Office, monkeypatch: Any) -> None:
    team = office.pandev
    people = [given(team, email=f"p{number}@example.org") for number in range(3)]
    monkeypatch.setattr("subjects.services.disclosures.PEOPLE_LIMIT", 2)
    with pytest.raises(TooManyPeople):
        to_state(team, *people)
    assert nothing_recorded()
    to_state(team, *people[:2])


def test_more_people_cost_no_more_queries(office: Office) -> None:
    team = office.pandev
    row = transfer(team)
    people = [
        given(team, email=f"p{number}@example.org", third_parties=True) for number in range(12)
    ]
    costs = []
    email = categories_of(team, "email")
    for some in (people[:2], people):
        with CaptureQueriesContext(connection) as captured:
            by_transfer(team, row, people=dict.fromkeys(some, email))
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 24, [q["sql"][:200] for q in captured.captured_queries]


# --- blocked -------------------------------------------------------------------------------------
def block(team: Team, subject: Any, why: str, label: str = "REQ-2026-0007", code: str = "") -> None:
    block_place(
        subject=subject, category=category_of(team, code) if code else None, why=why, label=label,
        reason="a complaint", by=team.dpo, now=NOW,
    )  # fmt: skip


def test_what_is_blocked_is_not_passed_on(office: Office) -> None:
    team = office.pandev
    subject, row = given(team, third_parties=True), transfer(team)
    block(team, subject, "check", code="full_name")
    by_transfer(team, row, subject)  # only the name is blocked
    block(team, subject, "check", label="REQ-2026-0008")
    for give in (lambda: by_transfer(team, row, subject, label="REQ-2026-0008"),
                 lambda: by_transfer(team, row, subject),
                 lambda: to_state(team, subject)):  # fmt: skip
        with pytest.raises(DataBlocked, match=f"{subject.code}: REQ-2026-0008"):
            give()
    assert Disclosure.objects.count() == 1
    # Whoever answers the court has seen the block and names it.
    to_state(team, subject, label="REQ-2026-0008")
    assert Disclosure.objects.count() == 2


def test_a_storage_term_keeps_data_for_state_bodies_and_for_nobody_else(office: Office) -> None:
    team = office.pandev
    subject, row = given(team, third_parties=True), transfer(team)
    block(team, subject, "storage")
    with pytest.raises(DataBlocked):
        by_transfer(team, row, subject)
    to_state(team, subject)


# --- a mistake is reversed -----------------------------------------------------------------------
def test_a_mistake_is_reversed_once_and_with_its_reason(office: Office) -> None:
    team = office.pandev
    row = to_state(team, given(team))
    assert not row.is_reversed
    with pytest.raises(ReversalReasonMissing):
        disclosure_reverse(disclosure=row, reason="  ", by=team.dpo, now=NOW)
    made = disclosure_reverse(disclosure=row, reason="wrong card", by=team.dpo, now=NOW)
    assert (made.reason, made.reversed_by, made.reversed_at) == ("wrong card", team.dpo, NOW)
    assert Disclosure.objects.get(pk=row.pk).is_reversed
    with pytest.raises(ReversedAlready, match=row.number):
        disclosure_reverse(disclosure=row, reason="again", by=team.dpo, now=NOW)
    assert DisclosureReversal.objects.count() == 1


@pytest.mark.parametrize("model", [Disclosure, DisclosedPerson, DisclosureReversal])
def test_no_row_of_the_journal_can_be_changed_or_deleted(office: Office, model: Any) -> None:
    team = office.pandev
    disclosure_reverse(disclosure=to_state(team, given(team)), reason="x", by=team.dpo, now=NOW)
    row = model.objects.get()
    table = model._meta.db_table
    for act in (
        row.save,
        lambda: model.objects.filter(pk=row.pk)._raw_delete("default"),
        lambda: model.objects.update(id=row.pk),
        lambda: _run(f"UPDATE {table} SET id = id"),
        lambda: _run(f"DELETE FROM {table}"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert model.objects.count() == 1


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("disclosure_to_a_named_body", {"body": ""}),
        ("disclosure_to_a_named_body", {"body_kind": ""}),
        ("disclosure_by_a_transfer", {"kind": "transfer", "body": "", "body_kind": ""}),
        ("disclosure_has_a_document", {"document": ""}),
        ("disclosure_abroad_names_the_country", {"cross_border": True}),
        ("disclosure_number_once", {"number": "DIS-2026-0001"}),
    ],
)
def test_the_database_refuses_what_the_service_would(
    office: Office, name: str, changed: dict[str, Any]
) -> None:
    row = to_state(office.pandev, given(office.pandev))
    row.pk, row.number, row._state.adding = None, "DIS-2026-0099", True
    for field, value in changed.items():
        setattr(row, field, value)
    wanted = "number" if connection.vendor == "sqlite" and name.endswith("once") else name
    with pytest.raises(IntegrityError, match=wanted), transaction.atomic():
        row.save(force_insert=True)


# --- after a destruction -------------------------------------------------------------------------
def test_the_journal_outlives_the_data_and_holds_none_of_them(office: Office) -> None:
    team = office.pandev
    subject = given(team)
    row = to_state(team, people={subject: categories_of(team, "email", "full_name")})
    keys = PersonalDatum.objects.filter(subject=subject).values_list("value_key", flat=True)
    keys_destroy([key for key in keys if key], reason="withdrawn", by=team.dpo, now=NOW)
    found = was_destroyed(operator=team.operator, text=MAIL, by=team.dpo, now=NOW)
    assert [one.code for one in found] == [subject.code]
    assert {one.category.code for one in row.people.all()} == {"email", "full_name"}
    search = Search(Needles([MAIL, "Каверина Проба"]))
    rows = [one for one in database_rows() if getattr(one, "table", "") in JOURNALS]
    assert {one.table for one in rows} == set(JOURNALS)
    assert list(search.rows(rows)) == []
    # It can fail: a value where the document is named.
    to_state(team, given(team, email="other@example.org"), document=f"letter to {MAIL}")
    assert list(search.rows(one for one in database_rows() if one.table in JOURNALS))


def test_two_at_once_get_two_numbers(live_office: Office) -> None:
    team = live_office.pandev
    people = [given(team, email=f"p{number}@example.org") for number in range(2)]
    outcomes = side_by_side(*[lambda one=one: to_state(team, one).number for one in people])
    assert sorted(outcomes) == ["DIS-2026-0001", "DIS-2026-0002"]
