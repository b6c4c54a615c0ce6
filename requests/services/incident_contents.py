"""What a notice of an incident says to the authority, and what it lacks.

152-FZ 21(3.1)(1) and Order 187: in 24 hours the incident, the *presumed* causes and harm, the
measures, and who speaks with the authority. A presumption may still be missing: the notice then
says so in as many words, and so it does of the number of people. What the operator knows from the
first hour may not: what happened, to which data, a measure, a contact. 21(3.1)(2): in 72 hours the
results of the investigation, where nothing is presumed any more; persons whose actions caused it
only "if there are any". 94-V 25(2)(8) para 5: the breach and the contacts of who is responsible.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext, override

from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import Operator, User
from registry.paper_contents import Contents, Section
from registry.services.clocks import roles_on
from requests.models import Incident, IncidentEntry, IncidentSending
from requests.models.incidents import EntryKind, NoticeStep
from requests.services.incident_people import people_counted
from requests.services.moving import known

# Which notice each law wants, and by which article.
ARTICLES = {
    ("RU", NoticeStep.FIRST): "152-FZ 21(3.1)(1), Order 187",
    ("RU", NoticeStep.FINDINGS): "152-FZ 21(3.1)(2), Order 187",
    ("KZ", NoticeStep.FIRST): "94-V 25(2)(8)",
}
# What a notice lacks, in the words of its refusal.
LACKS = {
    "name": gettext_noop("The full name of the operator is missing."),
    "inn": gettext_noop("The operator's INN is missing."),
    "bin": gettext_noop("The operator's BIN is missing."),
    "address": gettext_noop("The operator's address is missing."),
    "happened": gettext_noop("What happened is missing: the kind, or a description."),
    "data": gettext_noop("The data categories that it concerns are missing."),
    "measures": gettext_noop("The measures taken are missing: note one in the journal."),
    "contact": gettext_noop(
        "The full name of the person who speaks with the authority is missing."
    ),
    "reached": gettext_noop("A phone or an e-mail address of that person is missing."),
    "people": gettext_noop("The number of people affected is missing."),
    "causes": gettext_noop("The causes are missing."),
    "harm": gettext_noop("The harm is missing."),
    "findings": gettext_noop("The results of the investigation are missing."),
}
OPERATOR = ("name", "inn", "address")
NEEDS = {
    ("RU", NoticeStep.FIRST): (*OPERATOR, "happened", "data", "measures", "contact", "reached"),
    ("RU", NoticeStep.FINDINGS): (
        *OPERATOR, "happened", "data", "measures", "contact", "reached", "people", "causes", "harm",
        "findings",
    ),
    ("KZ", NoticeStep.FIRST): ("name", "bin", "happened", "contact", "reached"),
}  # fmt: skip


class NoticeNotWanted(OperatorError):
    template = gettext_noop("%(number)s: the law of this operator knows no such notice.")


def steps_of(operator: Operator) -> list[NoticeStep]:
    """The notices that the operator's law wants, in their order."""
    return [step for law, step in ARTICLES if law == operator.jurisdiction.code]


def contact_of(incident: Incident) -> User | None:
    """Who speaks with the authority: the person named, while on the staff, else the responsible
    one.
    """
    person = incident.contact
    if (
        person is not None
        and person.is_active
        and roles_on(person, incident.operator, timezone.localdate(timezone=incident.operator.zone))
    ):
        return person
    return incident.operator.responsible


def _entries(incident: Incident, kind: str, until: datetime | None) -> list[IncidentEntry]:
    """What was done by then; all, without a moment."""
    rows = IncidentEntry.objects.filter(incident=incident, kind=kind)
    if until is not None:
        rows = rows.filter(happened_at__lte=until)
    return list(rows.order_by("happened_at", "pk"))


def notice_lacks(incident: Incident, step: str, *, until: datetime | None = None) -> list[str]:
    """What the law wants in the notice and nobody has written down yet: codes of ``LACKS``.

    ``until``: of a notice that went at that moment.
    """
    operator, person = incident.operator, contact_of(incident)
    there: dict[str, Any] = {
        "name": operator.name,
        "inn": operator.inn,
        "bin": operator.bin,
        "address": operator.address,
        "happened": incident.kind or incident.description,
        "data": incident.data_categories.exists(),
        "measures": bool(_entries(incident, EntryKind.MEASURE, until)),
        "contact": person is not None and person.get_full_name(),
        "reached": operator.phone or operator.email or (person is not None and person.email),
        "people": incident.people_estimate is not None or people_counted([incident], at=until),
        "causes": incident.causes,
        "harm": incident.harm,
        "findings": incident.findings,
    }
    wanted = NEEDS.get((operator.jurisdiction.code, NoticeStep(step)))
    if wanted is None:
        raise NoticeNotWanted(number=incident.number)
    return [name for name in wanted if not there[name]]


def incident_notice_contents(
    *, incident: Incident, step: str, language: str, until: datetime | None = None
) -> Contents:
    """The notice in one language, of what is known now; ``until``: without what was done, and who
    was found, after that moment. Refuses a notice that the law does not know.

    ``missing``: what keeps it from being sent, a sentence each.
    """
    known(step, NoticeStep)
    lacking = notice_lacks(incident, step, until=until)
    article = ARTICLES[incident.operator.jurisdiction.code, NoticeStep(step)]
    with override(language):
        first = step == NoticeStep.FIRST
        title = (
            gettext("Notice of an incident with personal data")
            if first
            else gettext("Results of the investigation of an incident with personal data")
        )
        return Contents(
            title=title,
            article=article,
            sections=tuple(_sections(incident, step, until)),
            missing=tuple(gettext(LACKS[name]) for name in lacking),
            particulars=_particulars(incident, step, until),
        )


def _sections(incident: Incident, step: str, until: datetime | None) -> Iterator[Section]:
    findings = step == NoticeStep.FINDINGS
    measures = _entries(incident, EntryKind.MEASURE, until)
    investigated = _entries(incident, EntryKind.INVESTIGATION, until)
    # What is presumed may be unknown in the first hours; an investigation has an end.
    unknown = (
        gettext("The investigation could not establish it.")
        if findings
        else gettext("Not known yet; it is being established.")
    )
    zone = incident.operator.zone
    yield Section(gettext("The operator"), pairs=tuple(_operator(incident.operator)))
    if findings:
        yield Section(gettext("The first notice"), pairs=tuple(_first(incident)))
    yield Section(gettext("What happened"), pairs=tuple(_happened(incident, unknown)))
    yield Section(gettext("The data and the people"), pairs=tuple(_data(incident, unknown, until)))
    if findings:
        yield Section(gettext("Results of the investigation"), text=(incident.findings,))
        yield Section(
            gettext("Investigation"),
            columns=(gettext("when"), gettext("what was done")),
            rows=tuple(_rows(investigated, zone)),
        )
    causes, harm = (
        (gettext("Causes"), gettext("Harm"))
        if findings
        else (gettext("Presumed causes"), gettext("Presumed harm"))
    )
    yield Section(causes, text=(incident.causes or unknown,))
    yield Section(harm, text=(incident.harm or unknown,))
    yield Section(
        gettext("Measures taken"),
        columns=(gettext("when"), gettext("what was done")),
        rows=tuple(_rows(measures, zone)),
    )
    if findings:
        yield Section(
            gettext("Persons whose actions caused it"),
            text=(incident.culprits or gettext("The investigation established none."),),
        )
    yield Section(
        gettext("The person who speaks with the authority"), pairs=tuple(_contact(incident))
    )


def _operator(operator: Operator) -> Iterator[tuple[str, str]]:
    yield gettext("Legal name"), operator.name
    if operator.inn:
        yield gettext("INN"), operator.inn
    if operator.bin:
        yield gettext("BIN"), operator.bin
    yield gettext("Address"), operator.address
    yield gettext("E-mail"), operator.email
    yield gettext("Phone"), operator.phone


def _first(incident: Incident) -> Iterator[tuple[str, str]]:
    sendings = IncidentSending.objects.standing().filter(
        notice__incident=incident, notice__step=NoticeStep.FIRST
    )
    for sending in sendings.order_by("sent_at", "pk"):
        sent = zoned(sending.sent_at, incident.operator.zone)
        yield gettext("Sent under number"), f"{sending.reference} ({sent})"


def _happened(incident: Incident, unknown: str) -> Iterator[tuple[str, str]]:
    zone = incident.operator.zone
    yield gettext("Number with the operator"), incident.number
    yield gettext("Detected at"), zoned(incident.detected_at, zone)
    since = incident.happened_from
    yield gettext("Happened from"), zoned(since, zone) if since else unknown
    if incident.happened_until:
        yield gettext("Happened until"), zoned(incident.happened_until, zone)
    if incident.kind:
        yield gettext("Kind"), str(incident.get_kind_display())
    yield gettext("Description"), incident.description
    yield gettext("Information systems"), _names(incident.systems.all())
    yield gettext("Processing activities"), _names(incident.activities.all())


def _data(incident: Incident, unknown: str, until: datetime | None) -> Iterator[tuple[str, str]]:
    yield gettext("Data categories"), _names(incident.data_categories.all())
    about = incident.people_estimate
    named = people_counted([incident], at=until).get(incident.pk)
    if about is not None or not named:
        yield gettext("People affected, about"), unknown if about is None else str(about)
    if named:
        yield gettext("People whose records are established"), str(named)


def _rows(entries: list[IncidentEntry], zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    for entry in entries:
        yield zoned(entry.happened_at, zone), entry.text


def _contact(incident: Incident) -> Iterator[tuple[str, str]]:
    person, operator = contact_of(incident), incident.operator
    yield gettext("Full name"), person.get_full_name() if person else ""
    yield gettext("Phone"), operator.phone
    yield gettext("E-mail"), (person.email if person else "") or operator.email


def _names(rows: Any) -> str:
    return ", ".join(sorted(str(one) for one in rows))


def zoned(at: datetime, zone: ZoneInfo) -> str:
    """With the distance from UTC: the authority's clock may be another one."""
    local = at.astimezone(zone)
    offset = f"{local:%z}"
    return f"{long_day(local.date())}, {local:%H:%M} (UTC{offset[:3]}:{offset[3:]})"


def _particulars(incident: Incident, step: str, until: datetime | None) -> dict[str, Any]:
    def iso(at: datetime | None) -> str | None:
        return at.astimezone(incident.operator.zone).isoformat() if at else None

    person = contact_of(incident)
    return {
        "number": incident.number,
        "step": str(step),
        "detected_at": iso(incident.detected_at),
        "happened_from": iso(incident.happened_from),
        "happened_until": iso(incident.happened_until),
        "kind": incident.kind,
        "description": incident.description,
        "causes": incident.causes,
        "harm": incident.harm,
        "findings": incident.findings if step == NoticeStep.FINDINGS else "",
        "culprits": incident.culprits if step == NoticeStep.FINDINGS else "",
        "systems": sorted(incident.systems.values_list("code", flat=True)),
        "activities": sorted(incident.activities.values_list("code", flat=True)),
        "data_categories": sorted(incident.data_categories.values_list("code", flat=True)),
        "people_estimate": incident.people_estimate,
        "people_named": people_counted([incident], at=until).get(incident.pk, 0),
        "measures": [one.pk for one in _entries(incident, EntryKind.MEASURE, until)],
        "contact": person.username if person else None,
        # Who signs, and the foot of each page: the paper is printed again as it was.
        "operator": incident.operator.name,
        "signer": person.get_full_name() if person else "",
    }
