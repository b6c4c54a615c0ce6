"""The register as findings read it, from the database."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from registry.findings import facts
from registry.models import (
    Adequacy,
    DeadlineRule,
    Filing,
    Membership,
    Operator,
    ProcessingActivity,
    ProcessorInstruction,
    Purpose,
    RegisterPaper,
    SubjectCategory,
    Transfer,
)
from registry.services import audit
from registry.services.policies import policy_import
from registry.services.register_facts import reading_of, register_of
from tests.conftest import Office, Team
from tests.registry.findings.clean_office import clean_office, of_the_dpo
from tests.registry.findings.registers import TODAY, clean

pytestmark = pytest.mark.django_db
# Of the law as it is loaded: not entered by anybody.
OF_THE_LAW = {"bases", "terms", "protecting", "authorities"}


def loaded(code: str) -> Operator:
    return Operator.objects.select_related("jurisdiction").get(code=code)


def queries(operator: Operator) -> int:
    register_of(operator=operator, today=TODAY)  # what the process learns once, it knows now
    with CaptureQueriesContext(connection) as captured:
        register_of(operator=operator, today=TODAY)
    return len(captured)


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_what_is_entered_is_read_as_it_was_meant(law: str) -> None:
    team = clean_office(law)
    read = register_of(operator=team.operator, today=TODAY)
    meant = of_the_dpo(clean(law), team.dpo)
    for field in dataclasses.fields(facts.Register):
        if field.name in OF_THE_LAW:
            continue
        got, wanted = getattr(read, field.name), getattr(meant, field.name)
        if isinstance(wanted, tuple):
            got, wanted = set(got), set(wanted)
        assert got == wanted, field.name


@pytest.mark.parametrize("law", ["RU", "KZ"])
def test_the_law_is_read_too(law: str) -> None:
    read = register_of(operator=clean_office(law).operator, today=TODAY)
    meant = clean(law)
    for code, basis in meant.bases.items():
        assert read.bases[code].kind == basis.kind, code
        assert read.bases[code].jurisdiction == basis.jurisdiction
    assert read.authorities == meant.authorities
    wanted = {term.code: (term.length, term.unit) for term in meant.terms}
    got = {term.code: (term.length, term.unit) for term in read.terms}
    assert wanted.items() <= got.items()
    assert {code.partition(".")[0] for code in got} <= {law, "OFFICE", "HOUSE", "PROMISE"}
    adequate = Adequacy.objects.filter(jurisdiction__code=law, adequate=True)
    assert read.protecting == set(adequate.values_list("country__code", flat=True)) - {law}


def test_two_queries_however_long_the_register_is() -> None:
    operator = loaded("pandev")
    few = queries(operator)
    purpose = Purpose.objects.filter(operator=operator).first()
    rows = [
        ProcessingActivity(
            operator=operator, code=f"more-{n}", name_en=f"More {n}", purpose=purpose
        )
        for n in range(500)
    ]
    for row in ProcessingActivity.objects.bulk_create(rows):
        row.data_categories.add(*operator.datacategory_set.all()[:3])
    assert queries(operator) == few == 2
    assert len(register_of(operator=operator, today=TODAY).activities) >= 500


def test_another_operator_is_not_read() -> None:
    clean_office("RU")
    ipm = register_of(operator=loaded("ipm"), today=TODAY)
    assert {row.code for row in ipm.purposes} == {"email_information"}
    assert ipm.policy is None and not ipm.consents and not ipm.transfers
    assert not ipm.instructions and not ipm.measures or all(row.name for row in ipm.measures)


def test_names_are_in_the_reader_s_language() -> None:
    operator = loaded("ipm")
    read = {}
    for language in ("ru", "kk", "en"):
        with override(language):
            read[language] = register_of(operator=operator, today=TODAY).people[0].name
    row = SubjectCategory.objects.get(operator=operator)
    assert read == {"ru": row.name_ru, "kk": row.name_kk, "en": row.name_en}
    assert len(set(read.values())) == 3


def test_the_rows_of_findings_are_found_again() -> None:
    operator = loaded("ipm")
    reading = reading_of(operator=operator, today=TODAY)
    activity = ProcessingActivity.objects.get(operator=operator)
    for object in (f"activity:{activity.code}", f"activity:{activity.code}/RU.6.1.1/more"):
        place = reading.place(object)
        assert place is not None
        assert (place.model, place.pk, place.label) == (
            ProcessingActivity, activity.pk, activity.name,
        )  # fmt: skip
    claim = operator.claims.first()
    assert claim is not None
    place = reading.place(f"claim:{claim.topic}/{claim.code}/{claim.clause}")
    assert place is not None and place.pk == claim.pk
    assert reading.place("law:RU") is None
    assert reading.place("activity:nothing-of-the-kind") is None


# --- days --------------------------------------------------------------------------------------
def test_a_transfer_is_open_on_its_days_only() -> None:
    team = clean_office("RU")
    row = Transfer.objects.get(operator=team.operator, code="to_partner")
    row.opened_on, row.ended_on = TODAY, TODAY + timedelta(days=1)
    audit.save(row, by=None, reason="test")

    def read(day: date) -> facts.Moved:
        found = register_of(operator=team.operator, today=day).transfers
        return next(one for one in found if one.code == "to_partner")

    days = [TODAY + timedelta(days=n) for n in (-1, 0, 1, 2)]
    assert [read(day).open for day in days] == [False, True, True, False]
    row.banned_on, row.ban_document = TODAY + timedelta(days=1), "Order 5"
    audit.save(row, by=None, reason="test")
    assert [read(day).open for day in days] == [False, True, False, False]
    assert [read(day).banned for day in days] == [False, False, True, True]


def test_an_instruction_says_what_it_lacks_and_when_it_is_over() -> None:
    team = clean_office("RU")
    row = ProcessorInstruction.objects.get(operator=team.operator)

    def read(day: date = TODAY) -> facts.Instruction:
        return register_of(operator=team.operator, today=day).instructions[0]

    assert (read().missing, read().in_force) == ((), True)
    row.confidentiality, row.operations, row.ended_on = False, [], TODAY
    audit.save(row, by=None, reason="test")
    row.data_categories.clear()
    assert set(read().missing) == {"data_categories", "operations", "confidentiality"}
    assert read().in_force and not read(TODAY + timedelta(days=1)).in_force


def test_of_two_promises_the_operator_s_own_stands() -> None:
    operator = loaded("pandev")
    values: dict[str, Any] = {
        "event": "request_received", "effect": "answer", "unit": "calendar_day",
        "source": "promise", "article": "policy",
    }  # fmt: skip
    everybody = DeadlineRule(code="EVERY", length=20, **values)
    audit.save(everybody, by=None, reason="test")

    def promised() -> set[str]:
        read = register_of(operator=operator, today=TODAY)
        return {
            term.code
            for term in read.terms
            if (term.source, term.event, term.effect) == ("promise", "request_received", "answer")
        }

    before = promised()
    assert "EVERY" in before
    own = DeadlineRule(code="OWN", length=5, operator=operator,
                       jurisdiction=operator.jurisdiction, **values)  # fmt: skip
    audit.save(own, by=None, reason="test")
    assert promised() == before - {"EVERY"} | {"OWN"}
    own.effective_from = TODAY + timedelta(days=1)
    audit.save(own, by=None, reason="test")
    assert promised() == before
    assert not any(
        term.code == "OWN" for term in register_of(operator=loaded("ipm"), today=TODAY).terms
    )


def test_the_policy_of_the_day_with_its_gaps() -> None:
    team = clean_office("KZ")
    text = b"1. Terms\n1.1. First.\n1.3. Third.\n"
    later = TODAY + timedelta(days=10)
    for language in ("ru", "kk"):
        policy_import(
            operator=team.operator, language=language, dated=later, text=text, by=team.dpo,
            now=datetime(2026, 11, 1, 9, tzinfo=UTC),
        )  # fmt: skip
    today = register_of(operator=team.operator, today=TODAY).policy
    then = register_of(operator=team.operator, today=later).policy
    assert today is not None and then is not None
    assert (today.number, today.gaps) == (1, ())
    assert (then.number, then.gaps, then.in_force_on) == (2, ("1.2",), later)
    assert then.languages == {"ru", "kk"}


def test_whoever_has_left_is_neither_staff_nor_responsible() -> None:
    team = clean_office("RU")
    read = register_of(operator=team.operator, today=TODAY).operator
    assert (read.staff, read.responsible) == (2, True)
    clerk = Membership.objects.get(user=team.clerk)
    clerk.ended_on = TODAY
    audit.save(clerk, by=None, reason="test")
    after = TODAY + timedelta(days=1)
    assert register_of(operator=team.operator, today=TODAY).operator.staff == 2
    assert register_of(operator=team.operator, today=after).operator.staff == 1
    team.dpo.is_active = False
    audit.save(team.dpo, by=None, reason="test")
    assert not register_of(operator=team.operator, today=TODAY).operator.responsible


def test_only_who_works_here_today_is_responsible(office: Office) -> None:
    """152-FZ 22.1, 94-V 25(3): appointed by this operator, so one of its own."""
    team = clean_office("RU")

    def responsible(day: date = TODAY) -> bool:
        return register_of(operator=team.operator, today=day).operator.responsible

    role = Membership.objects.get(user=team.dpo, operator=team.operator)
    role.ended_on = TODAY
    audit.save(role, by=None, reason="test")
    assert responsible() and not responsible(TODAY + timedelta(days=1))
    assert not responsible(role.started_on - timedelta(days=1))
    team.operator.responsible = office.pandev.dpo
    audit.save(team.operator, by=None, reason="test")
    assert not responsible()


def test_a_transfer_says_whether_it_is_over_and_was_filed() -> None:
    team = clean_office("RU")
    row = Transfer.objects.get(operator=team.operator, code="to_partner")

    def read(day: date) -> facts.Moved:
        found = register_of(operator=team.operator, today=day).transfers
        return next(one for one in found if one.code == "to_partner")

    assert (read(TODAY).ended, read(TODAY).filed) == (False, True)
    row.ended_on = TODAY
    audit.save(row, by=None, reason="test")
    # On its last day it is still open.
    assert (read(TODAY).open, read(TODAY).ended) == (True, False)
    tomorrow = read(TODAY + timedelta(days=1))
    assert (tomorrow.open, tomorrow.ended) == (False, True)
    row.opened_on = None
    audit.save(row, by=None, reason="test")
    assert (read(TODAY).open, read(TODAY).ended) == (False, True), "it was given up"


# --- papers ------------------------------------------------------------------------------------
def signed(team: Team, kind: str, **fields: Any) -> RegisterPaper:
    """A paper of that day, recorded as signed so many hours later."""
    at = datetime(2026, 11, 2, 6, tzinfo=UTC)
    told: dict[str, Any] = {
        "operator": team.operator, "kind": kind, "number": f"RP-X-{RegisterPaper.objects.count()}",
        "language": "ru", "facts": {}, "particulars": {}, "digest": "0" * 64, "made_at": at,
        "made_by": team.dpo, "signer": team.dpo, "signed_on": at.date(), "signed_at": at,
    } | fields  # fmt: skip
    return audit.save(RegisterPaper(**told), by=None, reason="test")


def last(team: Team, *kinds: str, filed: bool = False) -> facts.Signed:
    found = register_of(operator=team.operator, today=TODAY).paper(*kinds, filed=filed)
    assert found is not None
    return found


def test_of_two_papers_of_one_day_the_one_recorded_later_was_signed_last() -> None:
    team = clean_office("KZ")
    at = datetime(2026, 11, 2, 6, tzinfo=UTC)
    told = {"first": at, "second": at + timedelta(milliseconds=1), "third": at + timedelta(hours=1)}
    for size in ("third", "first", "second"):
        signed(team, "size_class", particulars={"class": size}, signed_at=told[size])
    assert last(team, "size_class").size == "third"


def test_of_two_filings_of_one_day_the_one_entered_later_counts() -> None:
    team = clean_office("RU")
    end, start = (signed(team, f"notice_{kind}") for kind in ("end", "start"))
    for paper in (start, end):
        Filing.objects.create(
            paper=paper, filed_on=date(2026, 11, 3), reference="2", recorded_at=paper.signed_at
        )
    assert last(team, "notice_start", "notice_end", filed=True).kind == "notice_end"


def test_what_a_paper_binds_to_is_read() -> None:
    team = clean_office("KZ")
    for said in (True, False):
        signed(team, "size_class", particulars={"class": "small", "restricted": said})
        assert last(team, "size_class").restricted is said
    signed(team, "size_class", particulars={"class": "small"})
    assert last(team, "size_class").restricted is None
    signed(team, "notice_end", particulars={"ceased_on": "2026-12-31"})
    assert last(team, "notice_end").ceased_on == date(2026, 12, 31)
    told = {
        "code": "logs",
        "every_months": 6,
        "responsible": team.clerk.pk,
        "next_on": "2026-12-01",
    }
    signed(team, "control_plan", particulars={"steps": [told]})
    assert last(team, "control_plan").steps == (("logs", 6, team.clerk.pk),)


def test_an_empty_register_is_read(office: Office) -> None:
    bare = Operator(code="bare", name="Bare", jurisdiction=office.ipm.operator.jurisdiction)
    audit.save(bare, by=None, reason="test")
    read = register_of(operator=bare, today=TODAY)
    assert not read.activities and read.policy is None and not read.operator.responsible
    assert read.operator.languages == frozenset() and read.operator.mailbox_country == ""
    assert read.bases and read.terms
