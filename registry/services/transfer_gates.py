"""What the gate of a transfer wants and how far it has come: read, never written.

``gated`` fetches all of it for a whole list in a few queries; every function here also takes a
plain row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import OuterRef, QuerySet, Subquery

from registry.calendars import work_calendar
from registry.choices import BasisKind, Effect, Event, Gate
from registry.consent_contents import Missing
from registry.errors import gettext_noop
from registry.models import Adequacy, ConsentText, Deadline, Operator, Transfer, User
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads, check_owner
from registry.services.instructions import instruction_gaps
from registry.services.rules import outcome, rules_for
from registry.third_parties import is_third_party
from registry.transfer_refusals import RecipientCountryUnknown
from registry.transfer_steps import (
    GROUND_KINDS,
    KZ,
    RU,
    Step,
    TransferFacts,
    gate_of,
    state_of,
    steps_of,
    strictest,
)

OBSTACLES = {
    "no_categories": gettext_noop("No data category is named (%(article)s)."),
    "beyond": gettext_noop(
        "The activity %(activity)s does not process the data category %(category)s (%(article)s)."
    ),
    "activity_future": gettext_noop("The activity %(activity)s starts on %(day)s (%(article)s)."),
    "activity_ended": gettext_noop("The activity %(activity)s ended on %(day)s (%(article)s)."),
    "purpose_ended": gettext_noop("The purpose %(purpose)s was achieved on %(day)s (%(article)s)."),
    "basis_law": gettext_noop("%(basis)s is not an article of this operator's law."),
    "basis_closed": gettext_noop("%(basis)s is not in force on %(day)s."),
    "basis_activity": gettext_noop(
        "The activity %(activity)s does not stand on %(basis)s (%(article)s)."
    ),
    "basis_kind": gettext_noop(
        "%(basis)s bears no transfer to a state that does not protect data: only consent, a "
        "ratified treaty, a law or constitutional rights do (%(article)s)."
    ),
    "consent_cross_border": gettext_noop(
        "No consent text in force lets these data of the activity %(activity)s go abroad "
        "(%(article)s)."
    ),
    "consent_third_parties": gettext_noop(
        "No consent text in force lets these data of the activity %(activity)s go to third "
        "parties (%(article)s)."
    ),
}
PARTICULARS = {
    "operator_name": gettext_noop("The name of the operator is missing (%(article)s)."),
    "operator_address": gettext_noop("The address of the operator is missing (%(article)s)."),
    "responsible": gettext_noop("The responsible person is not named (%(article)s)."),
    "responsible_left": gettext_noop("The responsible person has left (%(article)s)."),
    "responsible_name": gettext_noop(
        "The full name of the responsible person is missing (%(article)s)."
    ),
    "phone": gettext_noop("The phone of the responsible person is missing (%(article)s)."),
    "email": gettext_noop("The e-mail of the responsible person is missing (%(article)s)."),
    "data_categories": gettext_noop("The categories of data are missing (%(article)s)."),
    "subject_categories": gettext_noop("The categories of people are missing (%(article)s)."),
    "assessed_on": gettext_noop("The day of the assessment is missing (%(article)s)."),
}


# --- the gate ----------------------------------------------------------------------------------
def gated(queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
    """The rows with all that ``gate_state`` asks for: two queries for a list of any length."""
    about = ContentType.objects.get_for_model(Transfer)
    clocks = Deadline.objects.filter(
        about_type=about, about_id=OuterRef("pk"), voided_at=None
    ).order_by()
    asked = clocks.filter(event=Event.AUTHORITY_ASKED_RECIPIENT_INFO, met_at=None)
    waits = clocks.filter(event=Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE)
    adequate = Adequacy.objects.filter(
        jurisdiction=OuterRef("operator__jurisdiction"), country=OuterRef("recipient__country")
    )
    return (
        queryset.select_related(
            "operator__jurisdiction",
            "recipient__country",
            "activity__purpose",
            "legal_basis__jurisdiction",
        )
        .prefetch_related("information")
        .annotate(
            gate_protects=Subquery(adequate.values("adequate")[:1]),
            gate_asked_at=Subquery(asked.values("trigger_at")[:1]),
            gate_waits_until=Subquery(waits.values("due_on")[:1]),
        )
    )


def looked_at(transfer: Transfer) -> Any:
    """The row as ``gated`` fetches it; as it is, when it comes from there."""
    if hasattr(transfer, "gate_protects"):
        return transfer
    return gated(Transfer.objects.filter(pk=transfer.pk)).get()


def unlooked(transfer: Transfer) -> Transfer:
    """The row after a verb: what ``gated`` fetched before it is no longer so."""
    for name in ("gate_protects", "gate_asked_at", "gate_waits_until"):
        transfer.__dict__.pop(name, None)
    transfer.__dict__.pop("_prefetched_objects_cache", None)
    return transfer


def _wanted(row: Any) -> str | None:
    country = row.recipient.country
    return gate_of(
        law=row.operator.jurisdiction.code,
        home=row.operator.jurisdiction.country,
        country=country.code if country else None,
        protects=row.gate_protects,
        kind=row.legal_basis.kind,
    )


def transfer_gate(transfer: Transfer) -> Gate:
    """What the law wants today before data go to the recipient (152-FZ 12, 94-V 16).

    Refuses while the country of the recipient is not known.
    """
    row = looked_at(transfer)
    gate = _wanted(row)
    if gate is None:
        raise RecipientCountryUnknown(transfer=row.code, recipient=row.recipient.code)
    return Gate(gate)


def gate_to_write(transfer: Transfer) -> Gate:
    """For a row that is saved before all is known: the strictest while the country is not."""
    country = transfer.recipient.country
    jurisdiction = transfer.operator.jurisdiction
    known = Adequacy.objects.filter(jurisdiction=jurisdiction, country=country).first()
    found = gate_of(
        law=jurisdiction.code,
        home=jurisdiction.country,
        country=country.code if country else None,
        protects=known.adequate if known else None,
        kind=transfer.legal_basis.kind,
    )
    return Gate(found or strictest(jurisdiction.code))


def gate_state(transfer: Transfer, today: date) -> str:
    """One of planned, collecting, assessed, filed, waiting, ready, open, banned, ended."""
    return state_of(_cheap_facts(looked_at(transfer), today)).value


def steps_of_transfer(transfer: Transfer, today: date) -> tuple[Step, ...]:
    """Every step of the gate, with what is missing today."""
    return steps_of(facts_of(transfer, today))


def facts_of(transfer: Transfer, today: date) -> TransferFacts:
    """All that the steps are judged by."""
    row = looked_at(transfer)
    gaps = instruction_gaps(row, today)
    return _cheap_facts(
        row,
        today,
        particulars=tuple(particulars_missing(row, today)),
        instruction=None if gaps is None else tuple(gaps),
        obstacles=tuple(one for one in obstacles(row, today) if one.code != "basis_kind"),
    )


def _cheap_facts(row: Any, today: date, **more: Any) -> TransferFacts:
    country = row.recipient.country
    asked_at = row.gate_asked_at
    return TransferFacts(
        law=row.operator.jurisdiction.code,
        gate=_wanted(row),
        today=today,
        country=str(country or ""),
        abroad=country is not None and country.code != row.operator.jurisdiction.country,
        protects=row.gate_protects,
        bears=row.legal_basis.kind in GROUND_KINDS,
        received={one.fact: one.received_on for one in row.information.all()},
        assessed_on=row.assessed_on,
        filed_on=row.filed_on,
        notice_number=row.notice_number,
        asked_on=asked_at.astimezone(row.operator.zone).date() if asked_at else None,
        opens_on=shown_opening(row),
        opened_on=row.opened_on,
        banned_on=row.banned_on,
        ban_document=row.ban_document,
        ended_on=row.ended_on,
        **more,
    )


# --- the waiting period ------------------------------------------------------------------------
def clock_about(transfer: Transfer, event: str) -> Deadline | None:
    """The clock of that event about the transfer: open or met, never a void one."""
    return Deadline.objects.filter(
        about_type=ContentType.objects.get_for_model(Transfer),
        about_id=transfer.pk,
        event=event,
        voided_at=None,
    ).first()


def shown_opening(transfer: Transfer) -> date | None:
    """The first day on which it may open, as the list shows it: a corrected calendar counts."""
    until = getattr(transfer, "gate_waits_until", None)
    days = [transfer.opens_on, until + timedelta(days=1) if until else None]
    return max(filter(None, days), default=None)


def opens_on(transfer: Transfer) -> date | None:
    """The day after the waiting period: its last day is still one of review (152-FZ 12(9)-(11)).

    Counted anew from the notice and the calendar of today. The days from the authority's question
    to its answer are left out (152-FZ 12(10)). None: no notice yet, or no answer yet.
    """
    if transfer.filed_on is None:
        return None
    operator, effect = transfer.operator, Effect.TRANSFER_ALLOWED
    event = Event.AUTHORITY_RECEIVED_TRANSFER_NOTICE
    statute, promise = rules_for(
        operator=operator, event=event, effect=effect, day=transfer.filed_on
    )
    calendar = work_calendar(operator.jurisdiction)
    last = outcome(
        operator=operator,
        statute=statute,
        promise=promise,
        trigger=transfer.filed_on,
        calendar=calendar,
    ).due_on
    assert last is not None
    question = clock_about(transfer, Event.AUTHORITY_ASKED_RECIPIENT_INFO)
    if question is not None:
        asked_on = question.trigger_at.astimezone(operator.zone).date()
        if asked_on <= last:
            if question.met_at is None:
                return None
            answered_on = question.met_at.astimezone(operator.zone).date()
            # The day of the question is the first that is left out, that of the answer the last;
            # that of the notice is no day of the term.
            first = max(asked_on, transfer.filed_on + timedelta(days=1))
            left = sum(
                calendar.is_working_day(first + timedelta(days=number))
                for number in range((last - first).days + 1)
            )
            last = calendar.add_working_days(answered_on, left) if left else max(last, answered_on)
    return last + timedelta(days=1)


# --- what stands in the way --------------------------------------------------------------------
def obstacles(transfer: Transfer, day: date) -> list[Missing]:
    """Why data, purpose and ground do not bear the transfer on that day; empty: they do."""
    row = looked_at(transfer)
    return [*_data_obstacles(row, day), *_basis_obstacles(row, day), *_consent_obstacles(row, day)]


def _obstacle(code: str, article: str = "", **params: Any) -> Missing:
    return Missing(code, article, OBSTACLES[code], {"article": article, **params})


def _data_obstacles(row: Transfer, day: date) -> Iterator[Missing]:
    russia = row.operator.jurisdiction.code == RU
    needed, over = ("152-FZ 5(5)", "152-FZ 5(7)") if russia else ("94-V 7(9)", "94-V 18")
    activity, purpose = row.activity, row.activity.purpose
    given = list(row.data_categories.all())
    if not given:
        yield _obstacle("no_categories", needed)
    allowed = set(activity.data_categories.values_list("pk", flat=True)) if given else set()
    for one in given:
        if one.pk not in allowed:
            yield _obstacle("beyond", needed, activity=activity.code, category=one.code)
    if activity.started_on is not None and day < activity.started_on:
        yield _obstacle("activity_future", needed, activity=activity.code, day=activity.started_on)
    if activity.ended_on is not None and activity.ended_on <= day:
        yield _obstacle("activity_ended", over, activity=activity.code, day=activity.ended_on)
    if purpose.ended_on is not None and purpose.ended_on <= day:
        yield _obstacle("purpose_ended", over, purpose=purpose.code, day=purpose.ended_on)


def _basis_obstacles(row: Any, day: date) -> Iterator[Missing]:
    basis, law = row.legal_basis, row.operator.jurisdiction
    if basis.jurisdiction_id != law.pk:
        yield _obstacle("basis_law", basis=basis.code)
        return
    if not basis.open_on(day):
        yield _obstacle("basis_closed", basis=basis.code, day=day)
    if not row.activity.legal_bases.filter(pk=basis.pk).exists():
        article = "152-FZ 12(4)(3)" if law.code == RU else "94-V 7(8)"
        yield _obstacle("basis_activity", article, activity=row.activity.code, basis=basis.code)
    if _wanted(row) == Gate.GROUND and basis.kind not in GROUND_KINDS:
        yield _obstacle("basis_kind", "94-V 16(3)", basis=basis.code)


def _consent_obstacles(row: Any, day: date) -> Iterator[Missing]:
    """On consent, Kazakhstan wants people asked apart whether data may go on, and abroad."""
    basis = row.legal_basis
    if basis.jurisdiction.code != KZ or basis.kind != BasisKind.CONSENT:
        return
    flags = {}
    if _wanted(row) == Gate.GROUND:
        flags["cross_border"] = "94-V 16(3)(1), 8(4)(5)"
    if is_third_party(basis.jurisdiction.code, row.recipient.kind):
        flags["third_parties"] = "94-V 7(6), 8(4)(4)"
    if not flags:
        return
    given = {one.pk for one in row.data_categories.all()}
    texts = [
        text
        for text in ConsentText.objects.in_force(day)
        .filter(operator=row.operator_id, activities=row.activity_id)
        .prefetch_related("data_categories")
        if given <= {one.pk for one in text.data_categories.all()}
    ]
    for flag, article in flags.items():
        if not any(getattr(text, flag) for text in texts):
            yield _obstacle(f"consent_{flag}", article, activity=row.activity.code)


# --- the notice --------------------------------------------------------------------------------
def responsible_on(operator: Operator, today: date) -> User | None:
    """The responsible person, unless that one has left or only reads."""
    person = operator.responsible
    try:
        if person is not None:
            check_owner(user=person, operator=operator, today=today)
    except (NotOnTheStaff, OwnerOnlyReads):
        return None
    return person


def particulars_missing(transfer: Transfer, today: date) -> list[Missing]:
    """Which particulars of the notice the register does not hold today (152-FZ 12(4)).

    The number and date of the notice of processing is not among them: not everybody files one.
    """
    operator, activity = transfer.operator, transfer.activity
    person = operator.responsible
    held = {
        "operator_name": ("152-FZ 12(4)(1)", operator.name.strip()),
        "operator_address": ("152-FZ 12(4)(1)", operator.address.strip()),
        "responsible": ("152-FZ 12(4)(2)", person),
        "responsible_left": ("152-FZ 12(4)(2)", person is None or responsible_on(operator, today)),
        "responsible_name": ("152-FZ 12(4)(2)", person is None or person.get_full_name()),
        "phone": ("152-FZ 12(4)(2)", operator.phone.strip()),
        "email": ("152-FZ 12(4)(2)", (person and person.email) or operator.email.strip()),
        "data_categories": ("152-FZ 12(4)(4)", transfer.data_categories.exists()),
        "subject_categories": ("152-FZ 12(4)(5)", activity.subject_categories.exists()),
        "assessed_on": ("152-FZ 12(4)(7)", transfer.assessed_on),
    }
    return [
        Missing(name, article, PARTICULARS[name], {"article": article})
        for name, (article, value) in held.items()
        if not value
    ]
