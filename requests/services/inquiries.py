"""The verbs of an inquiry of the authority, from its receipt to the proof of the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from registry import seam
from registry.choices import Effect, Event
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Authority, Deadline, Extension, Operator, User
from registry.services import audit
from registry.services.clocks import (
    DeadlineClosed,
    deadline_extend,
    deadline_meet,
    deadline_open,
    deadline_recount,
    deadline_void,
)
from registry.services.numbering import next_number
from registry.states import move
from registry.workdays import CalendarMissing
from requests import states
from requests.models import RegulatorInquiry
from requests.models.inquiries import TEXT_LIMIT


class AnswerMissing(OperatorError):
    template = gettext_noop("%(number)s: write the answer before you mark it as sent.")


class AnswerTooLong(OperatorError):
    template = gettext_noop(
        "The text has %(length)s characters; the office takes %(limit)s. Send the rest as files."
    )


class ChannelMissing(OperatorError):
    template = gettext_noop("%(number)s: say by which way the answer was sent.")


class ProofMissing(OperatorError):
    template = gettext_noop("%(number)s: write down what proves the sending.")


class FieldsRefused(OperatorError):
    """What the row's own fields refuse: too long, empty, not among the choices."""

    template = gettext_noop("%(number)s: %(why)s")


class ChangedMeanwhile(Conflict):
    template = gettext_noop(
        "%(number)s was changed by somebody else while you were writing. Nothing was saved: "
        "look at the new text first."
    )


class NotYet(OperatorError):
    template = gettext_noop("%(number)s: this cannot have happened in the future.")


class BeforeReceipt(OperatorError):
    template = gettext_noop("%(number)s: this cannot be older than the inquiry itself.")


class ForeignAuthority(OperatorError):
    template = gettext_noop("%(authority)s does not supervise %(operator)s.")


class LetterKnown(Conflict):
    template = gettext_noop("The letter %(reference)s has been registered already: %(number)s.")


class ReasonMissing(OperatorError):
    template = gettext_noop("%(number)s: give the reason.")


class OperatorInactive(OperatorError):
    template = gettext_noop("%(operator)s takes no new cases.")


def _next_number(operator: Operator, now: datetime) -> str:
    """The next number of the operator's year; the operator's row is locked by the caller."""
    prefix = f"{RegulatorInquiry.numbered}-{now.astimezone(operator.zone):%Y}-"
    rows = RegulatorInquiry.objects.filter(operator=operator)
    return next_number(rows, operator=operator, prefix=prefix)


def _checked_text(text: str) -> str:
    # Browsers send line ends as CRLF whatever they were given; one line end is one character.
    text = text.replace("\r\n", "\n")
    if len(text) > TEXT_LIMIT:
        raise AnswerTooLong(length=len(text), limit=TEXT_LIMIT)
    return text


def _check_fields(row: RegulatorInquiry, *, name: str, only: list[str] | None = None) -> None:
    """Refuse by name what the fields refuse, before the database does it by its own words."""
    fields = row._meta.concrete_fields
    others = [field.name for field in fields if only is not None and field.name not in only]
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        raise FieldsRefused(number=name, why=_in_words(row, error)) from None


def _in_words(row: RegulatorInquiry, error: ValidationError) -> str:
    return " ".join(
        f"{getattr(row._meta.get_field(name), 'verbose_name', name)}: {' '.join(messages)}"
        for name, messages in error.message_dict.items()
    )


def _check_unchanged(row: RegulatorInquiry, *, read: str, answer: str) -> None:
    """The same text again (a second click) is no conflict."""
    if _folded(row.answer) not in {_folded(read), _folded(answer)}:
        raise ChangedMeanwhile(number=row.number)


def _folded(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _locked(inquiry: RegulatorInquiry, verb: str) -> RegulatorInquiry:
    """The row, locked, if its state allows the verb."""
    row = (
        seam.lock(RegulatorInquiry.objects.filter(pk=inquiry.pk))
        .select_related("operator__jurisdiction")
        .get()
    )
    move(states.INQUIRY, row.state, verb, number=row.number)
    return row


def clock_of(inquiry: RegulatorInquiry) -> Deadline:
    """The clock of the answer: one from the registration on; refuses when it has become void."""
    clock = (
        Deadline.objects.select_related("operator__jurisdiction", "statute", "promise", "owner")
        .filter(voided_at=None)
        .filter(
            about_type__app_label="requests",
            about_type__model="regulatorinquiry",
            about_id=inquiry.pk,
        )
        .first()
    )
    if clock is None:
        raise DeadlineClosed(label=inquiry.number)
    return clock


@transaction.atomic
def inquiry_register(
    *,
    operator: Operator,
    authority: Authority,
    reference: str,
    received_at: datetime,
    questions: str,
    channel: str,
    by: User | None,
    now: datetime,
    stated_on: date | None = None,
    owner: User | None = None,
) -> RegulatorInquiry:
    """Register a letter and start its clock (152-FZ 20(4), 94-V 25(2)(3-1)).

    Without an owner it goes to the responsible person, or whoever stands in for them. Refuses a
    letter that is registered already, one from the future, an authority of another state.
    """
    operator = (
        seam.lock(Operator.objects.filter(pk=operator.pk))
        .select_related("jurisdiction", "responsible")
        .get()
    )
    if not operator.is_active:
        raise OperatorInactive(operator=str(operator))
    if authority.jurisdiction_id != operator.jurisdiction_id:
        raise ForeignAuthority(authority=str(authority), operator=str(operator))
    reference = reference.strip()
    known = RegulatorInquiry.objects.filter(
        operator=operator, authority=authority, reference=reference
    ).first()
    if known is not None:
        raise LetterKnown(reference=reference, number=known.number)
    if received_at > now:
        raise NotYet(number=reference)
    try:
        received_at.astimezone(UTC)
    except OverflowError:
        # The first hours of the year 1, east of Greenwich: no calendar has them either.
        raise CalendarMissing(code=operator.jurisdiction.code, year=received_at.year) from None
    inquiry = RegulatorInquiry(
        operator=operator,
        number=_next_number(operator, now),
        authority=authority,
        reference=reference,
        channel=channel,
        received_at=received_at,
        registered_at=now,
        stated_on=stated_on,
        questions=_checked_text(questions.strip()),
    )
    _check_fields(inquiry, name=reference)
    audit.save(inquiry, by=by, reason="registered")
    deadline_open(
        operator=operator,
        about=inquiry,
        label=inquiry.number,
        event=Event.INQUIRY_RECEIVED,
        effect=Effect.ANSWER_AUTHORITY,
        trigger_at=received_at,
        stated_on=stated_on,
        owner=owner or operator.responsible,
        by=by,
        now=now,
    )
    return inquiry


@transaction.atomic
def inquiry_draft(
    *, inquiry: RegulatorInquiry, answer: str, read: str, by: User | None
) -> RegulatorInquiry:
    """Save a draft of the answer. ``read``: the text the writer started from; refuses if it has
    been changed since.
    """
    row = _locked(inquiry, "draft")
    _check_unchanged(row, read=read, answer=answer)
    text = _checked_text(answer)
    if text == row.answer:
        return row
    row.answer = text
    return audit.save(row, by=by, reason="draft of the answer", fields=["answer"])


@transaction.atomic
def inquiry_restate(
    *, inquiry: RegulatorInquiry, stated_on: date | None, reason: str, by: User | None
) -> RegulatorInquiry:
    """The authority named another day, or the day was entered wrongly; the clock follows."""
    row = _locked(inquiry, "restate")
    if not reason.strip():
        raise ReasonMissing(number=row.number)
    row.stated_on = stated_on
    audit.save(row, by=by, reason=reason, fields=["stated_on"])
    deadline_recount(deadline=clock_of(row), by=by, reason=reason, stated_on=stated_on)
    return row


@transaction.atomic
def inquiry_extend(
    *,
    inquiry: RegulatorInquiry,
    reasons: str,
    notice_number: str,
    notice_sent_at: datetime,
    by: User | None,
    now: datetime,
) -> Extension:
    """Extend the answer once, by a notice with reasons sent before expiry (152-FZ 20(4))."""
    row = _locked(inquiry, "extend")
    if notice_sent_at < row.received_at:
        raise BeforeReceipt(number=row.number)
    return deadline_extend(
        deadline=clock_of(row),
        reasons=reasons,
        notice_number=notice_number,
        notice_sent_at=notice_sent_at,
        by=by,
        now=now,
    )


@transaction.atomic
def inquiry_answer(
    *,
    inquiry: RegulatorInquiry,
    answer: str,
    read: str,
    sent_at: datetime,
    sent_channel: str,
    proof: str,
    by: User,
    now: datetime,
) -> RegulatorInquiry:
    """The answer was sent: the clock is met. Two people cannot both answer."""
    row = _locked(inquiry, "answer")
    _check_unchanged(row, read=read, answer=answer)
    if not answer.strip():
        raise AnswerMissing(number=row.number)
    if not sent_channel:
        raise ChannelMissing(number=row.number)
    if sent_at > now:
        raise NotYet(number=row.number)
    if sent_at < row.received_at:
        raise BeforeReceipt(number=row.number)
    row.state = move(states.INQUIRY, row.state, "answer", number=row.number)
    row.answer = _checked_text(answer)
    row.sent_at, row.sent_by, row.sent_channel, row.proof = sent_at, by, sent_channel, proof
    fields = ["state", "answer", "sent_at", "sent_by", "sent_channel", "proof"]
    _check_fields(row, name=row.number, only=fields)
    audit.save(row, by=by, reason="answer sent", fields=fields)
    deadline_meet(deadline=clock_of(row), met_at=sent_at, by=by, reason="answer sent")
    return row


@transaction.atomic
def inquiry_prove(*, inquiry: RegulatorInquiry, proof: str, by: User | None) -> RegulatorInquiry:
    """Record the proof of sending that came after the answer."""
    row = _locked(inquiry, "prove")
    if not proof.strip():
        raise ProofMissing(number=row.number)
    row.proof = proof
    _check_fields(row, name=row.number, only=["proof"])
    return audit.save(row, by=by, reason="proof of sending", fields=["proof"])


@transaction.atomic
def inquiry_withdraw(
    *, inquiry: RegulatorInquiry, reason: str, by: User | None, now: datetime
) -> RegulatorInquiry:
    """The authority took it back, or it was registered by mistake; the clock is void."""
    row = _locked(inquiry, "withdraw")
    if not reason.strip():
        raise ReasonMissing(number=row.number)
    row.state = move(states.INQUIRY, row.state, "withdraw", number=row.number)
    row.withdrawn_reason = reason
    _check_fields(row, name=row.number, only=["state", "withdrawn_reason"])
    audit.save(row, by=by, reason=reason, fields=["state", "withdrawn_reason"])
    deadline_void(deadline=clock_of(row), by=by, reason=reason, now=now)
    return row
