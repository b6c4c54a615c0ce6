"""Telling the authority of an incident: the notice as a paper, and that it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, override

from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.paper_contents import Contents, contents_of
from registry.papers import Paper
from registry.services.clocks import deadline_correct, deadline_meet
from requests.models import Incident, IncidentNotice, IncidentSending
from requests.models.incidents import EntryKind, NoticeStep
from requests.services.incident_contents import (
    LACKS,
    incident_notice_contents,
    notice_lacks,
    zoned,
)
from requests.services.incident_rows import (
    MEETS,
    BeforeDetection,
    check_fields,
    clocks_of,
    digest_of,
    entry_write,
    incident_locked,
    open_clocks,
    reason_of,
    require_past,
)
from requests.services.moving import known

SENT = {
    NoticeStep.FIRST: gettext_noop("The first notice was sent to the authority: %(reference)s"),
    NoticeStep.FINDINGS: gettext_noop(
        "The results of the investigation were sent to the authority: %(reference)s"
    ),
}


class IncidentNoticeLacks(OperatorError):
    """``missing``: the codes of ``LACKS``."""

    template = gettext_noop("%(number)s: the notice is not complete. %(why)s")

    def __init__(self, *, missing: list[str], **params: Any) -> None:
        self.missing = missing
        super().__init__(**params)


class SendingUnnumbered(OperatorError):
    template = gettext_noop("%(number)s: write under which number the notice was sent.")


class FindingsBeforeFirst(OperatorError):
    template = gettext_noop(
        "%(number)s: the first notice comes first; the results of the investigation add to it."
    )


class WrittenAfterSending(OperatorError):
    template = gettext_noop(
        "%(number)s: this paper was written after that moment: it cannot be what was sent then."
    )


class NotThisIncident(OperatorError):
    template = gettext_noop("%(number)s: this notice is of another incident.")


class SendingCorrected(Conflict):
    template = gettext_noop("%(number)s: this entry has been corrected already; correct the last.")


class NothingToCorrect(OperatorError):
    template = gettext_noop("%(number)s: say what was wrong: the moment or the number.")


class NoticeSentAlready(Conflict):
    template = gettext_noop(
        "%(number)s: this notice was sent already (%(reference)s). Say that yours adds to it, and "
        "give its own number."
    )


# --- as a paper ----------------------------------------------------------------------------------
def notice_preview(*, incident: Incident, step: str, language: str, now: datetime) -> bytes:
    """The notice as PDF before it is sent; what it lacks stands on top, and it says it is a draft.

    Refuses a notice that the law does not know.
    """
    contents = incident_notice_contents(incident=incident, step=step, language=language)
    return _paper(incident, contents, language, now)


@transaction.atomic
def notice_write(
    *, incident: Incident, step: str, language: str, by: User, now: datetime
) -> IncidentNotice:
    """Keep the notice as it is to be sent: what is printed of it stays what it is, whatever
    becomes known later. The same once more leads to the first. Refuses contents that are missing.
    """
    row = incident_locked(incident, "notify")
    return _written(row, step, language, by=by, now=now)


def _written(
    row: Incident, step: str, language: str, *, by: User, now: datetime,
    until: datetime | None = None,
) -> IncidentNotice:  # fmt: skip
    contents = incident_notice_contents(incident=row, step=step, language=language, until=until)
    if contents.missing:
        lacking = notice_lacks(row, step, until=until)
        why = " ".join(gettext(LACKS[name]) for name in lacking)
        raise IncidentNoticeLacks(missing=lacking, number=row.number, why=why)
    facts = {**contents.facts(), "particulars": dict(contents.particulars)}
    notice = IncidentNotice(
        incident=row, step=step, language=language, facts=facts, digest=digest_of(facts),
        retold=until is not None, made_at=now, made_by=by,
    )  # fmt: skip
    check_fields(notice, name=row.number, only=["language"])
    same = row.notices.filter(digest=notice.digest, language=language, retold=notice.retold)
    found = same.order_by("pk").last()
    if found is None:
        notice.save()
    return found or notice


def notice_paper(notice: IncidentNotice) -> bytes:
    """The notice as it was written, as PDF, with its sendings; the same bytes each time."""
    facts = dict(notice.facts)
    contents = contents_of(facts, facts.pop("particulars"))
    sendings = IncidentSending.objects.standing().filter(notice=notice).order_by("sent_at", "pk")
    return _paper(
        notice.incident, contents, notice.language, notice.made_at, sendings=list(sendings),
        notice=notice,
    )  # fmt: skip


def _paper(
    incident: Incident,
    contents: Contents,
    language: str,
    made_at: datetime,
    *,
    notice: IncidentNotice | None = None,
    sendings: Sequence[IncidentSending] = (),
) -> bytes:
    particulars, zone = contents.particulars, incident.operator.zone
    with override(language):
        number = ", ".join(one.reference for one in sendings)
        if notice is None:
            number = gettext("Draft")
        elif number:
            number = gettext("No. %(number)s") % {"number": number}
        paper = Paper(
            contents.title,
            language=language,
            number=number or gettext("not sent yet"),
            subtitle=contents.article,
            made_at=made_at,
            footer=f"{particulars['operator']} · {particulars['number']}",
        )
        if sendings:
            paper.facts([(gettext("Sent at"), zoned(one.sent_at, zone)) for one in sendings])
        if notice is not None and notice.retold:
            paper.facts([(gettext("Written down after the sending"), zoned(made_at, zone))])
        if contents.missing:
            paper.heading(gettext("What is still missing"))
            for sentence in contents.missing:
                paper.text(sentence)
        for place, section in enumerate(contents.sections, 1):
            paper.heading(f"{place}. {section.heading}")
            for text in section.text:
                paper.text(text)
            if section.pairs:
                paper.facts(section.pairs)
            if section.columns:
                paper.table(section.columns, section.rows, widths=[3, 7])
        paper.signatures([(gettext("Responsible person"), str(particulars["signer"]))])
        return paper.render()


# --- that it was sent ----------------------------------------------------------------------------
@transaction.atomic
def incident_notify(
    *,
    incident: Incident,
    sent_at: datetime,
    reference: str,
    by: User,
    now: datetime,
    notice: IncidentNotice | None = None,
    step: str = "",
    language: str = "",
    adds: bool = False,
) -> IncidentSending:
    """A notice was sent: its clock is met at that moment, late or not.

    ``notice``: the one that was written here before; without it (it went by the authority's
    portal, say) ``step`` and ``language`` say which, and what is known now is kept, without what
    was done after the sending, marked as written down afterwards. ``adds``: to one of the same
    step that was sent before. Refuses a moment before the detection or in the future, a paper that
    was written after that moment, contents that are missing (all named), the results before the
    first notice, and the same notice twice.
    """
    row = incident_locked(incident, "notify")
    reference = _numbered(row, reference)
    require_past(row, sent_at, now=now)
    if sent_at < row.detected_at:
        raise BeforeDetection(number=row.number)
    if notice is not None:
        if notice.incident_id != row.pk:
            raise NotThisIncident(number=row.number)
        if sent_at < notice.made_at.replace(second=0, microsecond=0):
            raise WrittenAfterSending(number=row.number)
        step = notice.step
    known(step, NoticeStep)
    if notice is None:
        # What the law does not know is refused before its turn is asked.
        notice_lacks(row, step)
    _require_turn(row, step, sent_at, reference, adds)
    if notice is None:
        notice = _written(row, step, language, by=by, now=now, until=sent_at)
    sending = IncidentSending(
        notice=notice, sent_at=sent_at, reference=reference, recorded_at=now, recorded_by=by
    )
    check_fields(sending, name=row.number, only=["reference"])
    sending.save()
    entry_write(
        row, EntryKind.NOTICE, SENT[NoticeStep(step)], at=sent_at, by=by, now=now,
        reference=reference,
    )  # fmt: skip
    for clock in open_clocks(row):
        if clock.effect == MEETS[NoticeStep(step)]:
            deadline_meet(deadline=clock, met_at=sent_at, by=by, reason="notice sent")
    return sending


def _numbered(row: Incident, reference: str) -> str:
    reference = reference.strip()
    if not reference:
        raise SendingUnnumbered(number=row.number)
    return reference


def sendings_of(row: Incident) -> QuerySet[IncidentSending]:
    """The sendings that count, the oldest first."""
    found = IncidentSending.objects.standing().filter(notice__incident=row)
    return found.select_related("notice", "recorded_by").order_by("sent_at", "pk")


def _require_turn(row: Incident, step: str, sent_at: datetime, reference: str, adds: bool) -> None:
    sent = list(sendings_of(row))
    same = [one for one in sent if one.notice.step == step]
    taken = [one for one in same if one.reference == reference or not adds]
    if taken:
        raise NoticeSentAlready(number=row.number, reference=taken[0].reference)
    first = next((one for one in sent if one.notice.step == NoticeStep.FIRST), None)
    if step == NoticeStep.FINDINGS and (first is None or sent_at < first.sent_at):
        raise FindingsBeforeFirst(number=row.number)


@transaction.atomic
def sending_correct(
    *,
    sending: IncidentSending,
    sent_at: datetime,
    reference: str,
    reason: str,
    by: User,
    now: datetime,
) -> IncidentSending:
    """The moment or the number of a sending was written down wrongly: a new entry takes its place,
    the old one stays to be seen, and the clock that it met is met at the right moment.

    Refuses what ``incident_notify`` refuses of them, an empty reason, an entry that was corrected
    already, and one that changes nothing.
    """
    incident = Incident.objects.get(pk=sending.notice.incident_id)
    row = incident_locked(incident, "correct")
    reason, reference = reason_of(row, reason), _numbered(row, reference)
    old = IncidentSending.objects.select_related("notice").get(pk=sending.pk)
    if IncidentSending.objects.filter(replaces=old).exists():
        raise SendingCorrected(number=row.number)
    if (old.sent_at, old.reference) == (sent_at, reference):
        raise NothingToCorrect(number=row.number)
    require_past(row, sent_at, now=now)
    if sent_at < row.detected_at:
        raise BeforeDetection(number=row.number)
    notice, step = old.notice, old.notice.step
    if not notice.retold and sent_at < notice.made_at.replace(second=0, microsecond=0):
        raise WrittenAfterSending(number=row.number)
    others = [one for one in sendings_of(row) if one.pk != old.pk]
    if any(one.notice.step == step and one.reference == reference for one in others):
        raise NoticeSentAlready(number=row.number, reference=reference)
    firsts = [one.sent_at for one in others if one.notice.step == NoticeStep.FIRST]
    results = [one.sent_at for one in others if one.notice.step == NoticeStep.FINDINGS]
    if step == NoticeStep.FIRST:
        firsts.append(sent_at)
    else:
        results.append(sent_at)
    if results and (not firsts or min(results) < min(firsts)):
        raise FindingsBeforeFirst(number=row.number)
    new = IncidentSending(
        notice=notice, sent_at=sent_at, reference=reference, replaces=old, reason=reason,
        recorded_at=now, recorded_by=by,
    )  # fmt: skip
    check_fields(new, name=row.number, only=["reference", "reason"])
    new.save()
    entry_write(
        row, EntryKind.NOTICE,
        gettext_noop("Corrected: %(before)s was sent under %(reference)s: %(reason)s"),
        at=sent_at, by=by, now=now, before=old.reference, reference=reference, reason=reason,
    )  # fmt: skip
    earliest = min(firsts if step == NoticeStep.FIRST else results)
    for clock in clocks_of(row):
        if clock.effect == MEETS[NoticeStep(step)] and clock.met_at not in (None, earliest):
            deadline_correct(deadline=clock, met_at=earliest, by=by, reason=reason)
    return new
