"""One row of every model, for either operator, each with a mark that no other row bears.

A page that shows ``ZZIPM-17`` has shown a row of IPM: the crawl looks for nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Model

from registry import models as r
from registry.choices import NoticeKind, NoticeState
from registry.services import audit
from registry.services.consents import consent_text_draft
from registry.services.policies import policy_draft, policy_import
from registry.services.staff import membership_start
from requests.models import RegulatorInquiry
from requests.services.inquiries import clock_of, inquiry_register
from tests.conftest import Office, Team, make_user
from tests.crawl import destruction, people, subject_requests, submissions  # noqa: F401
from tests.crawl import incidents as incidents_of_rows  # noqa: F401
from tests.crawl import inspections as inspections_of_rows  # noqa: F401
from tests.crawl import letters as letters_of_requests  # noqa: F401
from tests.crawl import papers as papers_of_register  # noqa: F401
from tests.crawl import transfers as transfers_of_rows  # noqa: F401
from tests.crawl.makers import MAKERS, Made, law_mark, make, maker, mark_of, named, saved

RECEIVED_AT = datetime(2025, 12, 22, 9, tzinfo=UTC)
NOW = datetime(2025, 12, 22, 12, tzinfo=UTC)


def make_everything(office: Office) -> dict[type[Model], list[Made]]:
    """A row of every model for both operators; the law's rows once."""
    made: dict[type[Model], list[Made]] = {}
    for team in (office.pandev, office.ipm):
        operator = team.operator
        # The loaded name is short and common; this one can be looked for.
        operator.refresh_from_db()
        operator.name = f"{operator.name} {mark_of(team)}"
        audit.save(operator, by=team.dpo, reason=mark_of(team), fields=["name"])
    for model in MAKERS:
        scope = getattr(getattr(model, "access", None), "scope", None)
        if model is r.Operator:
            made[model] = [
                Made(team.operator, frozenset({team.operator.pk}))
                for team in (office.pandev, office.ipm)
            ]
        elif scope is None:
            law = replace(office.pandev, dpo=office.admin)
            made[model] = [Made(MAKERS[model](law, law_mark()), frozenset())]
        else:
            made[model] = [
                Made(make(model, team), frozenset({team.operator.pk}))
                for team in (office.pandev, office.ipm)
            ]
    return made


# --- the register ------------------------------------------------------------------------------
def _coded(model: type[Model], **fields: Any) -> None:
    @maker(model)
    def made(team: Team, mark: str) -> Model:
        names = {"operator": team.operator, "code": mark.lower(), "clause": mark}
        return saved(model(**names, **named(mark), **fields), team, mark)


_coded(r.SubjectCategory)
_coded(r.DataCategory)
_coded(r.InformationSystem)
_coded(r.Recipient, kind="third_party")
_coded(r.SecurityMeasure, kind="legal")


@maker(r.Purpose)
def purpose(team: Team, mark: str) -> Model:
    row = saved(r.Purpose(operator=team.operator, code=mark.lower(), **named(mark)), team, mark)
    friend = r.Purpose(operator=team.operator, code=f"{mark}-b".lower(), **named(mark))
    row.incompatible.add(saved(friend, team, mark))
    return row


@maker(r.ProcessingActivity)
def activity(team: Team, mark: str) -> Model:
    row = saved(
        r.ProcessingActivity(
            operator=team.operator,
            code=mark.lower(),
            purpose=make(r.Purpose, team),
            started_on=date(2025, 1, 1),
            **named(mark),
        ),
        team,
        mark,
    )
    row.subject_categories.add(make(r.SubjectCategory, team))
    row.data_categories.add(make(r.DataCategory, team))
    row.systems.add(make(r.InformationSystem, team))
    row.recipients.add(make(r.Recipient, team))
    law = r.LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction, closed_on=None)
    row.legal_bases.add(law.first())
    return row


@maker(r.Carrier)
def carrier(team: Team, mark: str) -> Model:
    row = r.Carrier(
        operator=team.operator, code=mark.lower(), clause=mark, room=mark,
        responsible=team.clerk, sheets=12, **named(mark),
    )  # fmt: skip
    return saved(row, team, mark)


@maker(r.ConsentText)
def consent_text(team: Team, mark: str) -> Model:
    """A draft: what is published no form changes."""
    row = consent_text_draft(
        operator=team.operator,
        code=mark.lower(),
        activities=[make(r.ProcessingActivity, team)],
        in_force_on=date(2025, 9, 1),
        end_event="purpose_achieved",
        by=team.dpo,
        now=NOW,
        **named(mark),
    )
    return saved(row, team, mark)


@maker(r.PolicyVersion)
def policy_version(team: Team, mark: str) -> Model:
    """The draft of the operator: a newer one would take its place."""
    row = policy_draft(
        operator=team.operator, texts={"ru": f"1. {mark}"}, label=mark, by=team.dpo, now=NOW
    )
    return saved(row, team, mark)


@maker(r.PolicyText)
def policy_text(team: Team, mark: str) -> Model:
    """Of a version of its own, on a day that no other has."""
    day = date(2020, 1, 1) + timedelta(days=r.PolicyVersion.objects.count())
    version, _ = policy_import(
        operator=team.operator, language="ru", dated=day, text=mark.encode(), label=mark,
        by=team.dpo, now=NOW,
    )  # fmt: skip
    return version.texts.get()


@maker(r.ClaimedGround)
def claimed_ground(team: Team, mark: str) -> Model:
    row = r.ClaimedGround(
        operator=team.operator, code=mark.lower(), words_en=mark, clause="1",
        purpose=make(r.Purpose, team),
    )  # fmt: skip
    return saved(row, team, mark)


@maker(r.PolicyClaim)
def policy_claim(team: Team, mark: str) -> Model:
    row = r.PolicyClaim(
        operator=team.operator, topic="scope", code=mark.lower(), clause=mark, words_en=mark
    )
    return saved(row, team, mark)


@maker(r.IntakeChannel)
def intake_channel(team: Team, mark: str) -> Model:
    row = r.IntakeChannel(
        operator=team.operator, channel="email", intake="any", address=mark, clause=mark
    )
    return saved(row, team, mark)


@maker(r.SubjectLine)
def subject_line(team: Team, mark: str) -> Model:
    row = r.SubjectLine(
        operator=team.operator, text=mark, language="en", intake="any", mailbox=mark, clause="1"
    )
    return saved(row, team, mark)


@maker(r.RetentionRule)
def retention_rule(team: Team, mark: str) -> Model:
    row = r.RetentionRule(
        operator=team.operator, code=mark.lower(), event="purpose_achieved", clause=mark,
        activity=make(r.ProcessingActivity, team),
    )  # fmt: skip
    return saved(row, team, mark)


@maker(r.Operator)
def operator(team: Team, mark: str) -> Model:
    """A third operator; the crawl itself uses the two that are loaded."""
    row = r.Operator(code=mark.lower(), name=mark, jurisdiction=team.operator.jurisdiction)
    saved(row, team, mark)
    row._change_reason = mark
    row.also_under.set([team.operator.jurisdiction])
    return row


@maker(r.Acknowledgement)
def acknowledgement(team: Team, mark: str) -> Model:
    row = r.Acknowledgement(
        operator=team.operator, finding="GRD-001", object=f"activity:{mark.lower()}", reason=mark,
        until=date(2026, 3, 1), made_at=NOW, made_by=team.dpo,
    )  # fmt: skip
    return saved(row, team, mark)


# --- staff -------------------------------------------------------------------------------------
def _member(team: Team, mark: str) -> r.Membership:
    return membership_start(
        user=make_user(mark.lower()),
        operator=team.operator,
        role="clerk",
        started_on=date(2025, 1, 1),
        by=team.dpo,
        reason=mark,
        position=mark,
    )


@maker(r.Membership)
def membership(team: Team, mark: str) -> Model:
    return _member(team, mark)


@maker(r.User)
def user(team: Team, mark: str) -> Model:
    return _member(team, mark).user


@maker(r.Absence)
def absence(team: Team, mark: str) -> Model:
    """Long over, so that it gives nobody a right."""
    row = r.Absence(
        operator=team.operator,
        user=_member(team, mark).user,
        substitute=team.deputy,
        first_on=date(2025, 3, 3),
        last_on=date(2025, 3, 9),
        order_number=mark,
    )
    return saved(row, team, mark)


# --- clocks ------------------------------------------------------------------------------------
@maker(RegulatorInquiry)
def inquiry(team: Team, mark: str) -> Model:
    row = inquiry_register(
        operator=team.operator,
        authority=r.Authority.objects.filter(jurisdiction=team.operator.jurisdiction).first(),
        reference=mark,
        received_at=RECEIVED_AT,
        questions=f"{mark}: which measures?",
        channel="post",
        owner=team.clerk,
        by=team.dpo,
        now=NOW,
    )
    clock = clock_of(row)
    clock.label = mark
    audit.save(clock, by=team.dpo, reason=mark, fields=["label"])
    return row


@maker(r.Deadline)
def deadline(team: Team, mark: str) -> Model:
    return clock_of(inquiry(team, mark))


@maker(r.Extension)
def extension(team: Team, mark: str) -> Model:
    row = r.Extension(
        deadline=make(r.Deadline, team),
        reasons=mark,
        notice_number=mark,
        notice_sent_at=NOW,
        due_before=date(2026, 1, 12),
        due_after=date(2026, 1, 20),
    )
    return saved(row, team, mark)


@maker(r.DeadlineRule)
def promise(team: Team, mark: str) -> Model:
    row = r.DeadlineRule(
        code=mark,
        jurisdiction=team.operator.jurisdiction,
        operator=team.operator,
        event="request_received",
        effect="answer",
        length=10,
        unit="calendar_day",
        source="promise",
        article=mark,
        note_en=mark,
    )
    return saved(row, team, mark)


@maker(r.CorrectionItem)
def correction_item(team: Team, mark: str) -> Model:
    row = r.CorrectionItem(
        correction=correction(team, mark),
        deadline=make(r.Deadline, team),
        due_before=date(2026, 1, 12),
        due_after=date(2026, 1, 13),
    )
    return saved(row, team, mark)


@maker(r.Correction)
def correction(team: Team, mark: str) -> Model:
    """Of an operator's own promise: named after it."""
    row = r.Correction(
        operator=team.operator, what=mark, reason=mark, made_by=team.dpo, made_at=NOW
    )
    return saved(row, team, mark)


# --- the machine's own journal -----------------------------------------------------------------
@maker(r.Reminder)
def reminder(team: Team, mark: str) -> Model:
    return r.Reminder.objects.create(
        deadline=make(r.Deadline, team), mark=mark, planned_at=NOW, created_at=NOW
    )


@maker(r.Notice)
def notice(team: Team, mark: str) -> Model:
    return r.Notice.objects.create(
        operator=team.operator,
        recipient=team.clerk,
        kind=NoticeKind.URGENT,
        key=mark,
        subject=mark,
        body=f"{mark} is due",
        state=NoticeState.PENDING,
        next_attempt_at=NOW,
        created_at=NOW,
    )


@maker(r.NoticeLine)
def notice_line(team: Team, mark: str) -> Model:
    return r.NoticeLine.objects.create(
        reminder=make(r.Reminder, team), recipient=team.clerk, notice=make(r.Notice, team)
    )


@maker(r.JobRun)
def job_run(team: Team, mark: str) -> Model:
    return r.JobRun.objects.create(job="remind", started_at=NOW, state="done", did={"marks": 1})


@maker(r.LoadedRow)
def loaded_row(team: Team, mark: str) -> Model:
    return r.LoadedRow.objects.create(model="registry.purpose", key=mark, values={})


# --- the law -----------------------------------------------------------------------------------
@maker(r.Jurisdiction)
def jurisdiction(team: Team, mark: str) -> Model:
    row = r.Jurisdiction(
        code=f"Z{mark[-6:]}", law_ru=mark, law_kk=mark, law_en=mark, time_zone="UTC", country="RU",
        **named(mark),
    )  # fmt: skip
    return saved(row, team, mark)


@maker(r.Authority)
def authority(team: Team, mark: str) -> Model:
    row = r.Authority(
        code=mark, jurisdiction=team.operator.jurisdiction, supervises="other", **named(mark)
    )
    return saved(row, team, mark)


@maker(r.Country)
def country(team: Team, mark: str) -> Model:
    taken = set(r.Country.objects.values_list("code", flat=True))
    letters = "QXZ0123456789ABCDEFGHIJKLMNOPRSTUVWY"
    code = next(a + b for a in letters for b in letters if a + b not in taken)
    return saved(r.Country(code=code, **named(mark)), team, mark)


@maker(r.Adequacy)
def adequacy(team: Team, mark: str) -> Model:
    row = r.Adequacy(
        jurisdiction=team.operator.jurisdiction,
        country=country(team, mark),
        adequate=True,
        source_en=mark,
    )
    return saved(row, team, mark)


@maker(r.CalendarYear)
def calendar_year(team: Team, mark: str) -> Model:
    year = 2200 + r.CalendarYear.objects.count()
    row = r.CalendarYear(jurisdiction=team.operator.jurisdiction, year=year, decreed=False)
    return saved(row, team, mark)


@maker(r.CalendarDay)
def calendar_day(team: Team, mark: str) -> Model:
    day = date(2200, 1, 1) + timedelta(days=r.CalendarDay.objects.count())
    row = r.CalendarDay(
        jurisdiction=team.operator.jurisdiction, day=day, is_working=False, reason=mark, source=mark
    )
    return saved(row, team, mark)


@maker(r.LegalBasis)
def legal_basis(team: Team, mark: str) -> Model:
    row = r.LegalBasis(
        code=mark, jurisdiction=team.operator.jurisdiction, article="1", kind="law", **named(mark)
    )
    return saved(row, team, mark)
