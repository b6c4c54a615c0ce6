"""Telling the authority of an incident: the notice as a paper, and that it was sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext, override

from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.paper_contents import Contents, contents_of
from registry.papers import Paper
from registry.services.clocks import deadline_meet
from requests.models import Incident, IncidentNotice
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
    digest_of,
    entry_write,
    incident_locked,
    open_clocks,
    require_past,
)

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
    return _paper(incident, contents, language, now, number=gettext_noop("Draft"))


def notice_paper(notice: IncidentNotice) -> bytes:
    """The notice as it was sent, as PDF; the same bytes each time."""
    facts = dict(notice.facts)
    contents = contents_of(facts, facts.pop("particulars"))
    return _paper(
        notice.incident, contents, notice.language, notice.recorded_at,
        number=notice.reference, sent_at=notice.sent_at,
    )  # fmt: skip


def _paper(
    incident: Incident,
    contents: Contents,
    language: str,
    made_at: datetime,
    *,
    number: str,
    sent_at: datetime | None = None,
) -> bytes:
    particulars = contents.particulars
    with override(language):
        drafted = sent_at is None
        paper = Paper(
            contents.title,
            language=language,
            number=gettext(number) if drafted else gettext("No. %(number)s") % {"number": number},
            subtitle=contents.article,
            made_at=made_at,
            footer=f"{particulars['operator']} · {particulars['number']}",
        )
        if sent_at is not None:
            paper.facts([(gettext("Sent at"), zoned(sent_at, incident.operator.zone))])
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
    step: str,
    language: str,
    sent_at: datetime,
    reference: str,
    by: User,
    now: datetime,
    adds: bool = False,
) -> IncidentNotice:
    """The notice was sent: what it said is kept, and its clock is met at that moment, late or not.

    ``adds``: to one of the same step that was sent before. Refuses a moment before the detection
    or in the future, contents that are missing (all named), the results before the first notice,
    and the same notice twice.
    """
    row = incident_locked(incident, "notify")
    reference = reference.strip()
    if not reference:
        raise SendingUnnumbered(number=row.number)
    if sent_at < row.detected_at:
        raise BeforeDetection(number=row.number)
    require_past(row, sent_at, now=now)
    contents = incident_notice_contents(incident=row, step=step, language=language)
    _require_turn(row, step, sent_at, reference, adds)
    if contents.missing:
        lacking = notice_lacks(row, step)
        why = " ".join(gettext(LACKS[name]) for name in lacking)
        raise IncidentNoticeLacks(missing=lacking, number=row.number, why=why)
    facts = {**contents.facts(), "particulars": dict(contents.particulars)}
    notice = IncidentNotice(
        incident=row, step=step, language=language, facts=facts, digest=digest_of(facts),
        sent_at=sent_at, reference=reference, recorded_at=now, recorded_by=by,
    )  # fmt: skip
    check_fields(notice, name=row.number, only=["language", "reference"])
    notice.save()
    entry_write(
        row, EntryKind.NOTICE, SENT[NoticeStep(step)], at=sent_at, by=by, now=now,
        reference=reference,
    )  # fmt: skip
    for clock in open_clocks(row):
        if clock.effect == MEETS[NoticeStep(step)]:
            deadline_meet(deadline=clock, met_at=sent_at, by=by, reason="notice sent")
    return notice


def _require_turn(row: Incident, step: str, sent_at: datetime, reference: str, adds: bool) -> None:
    sent = list(row.notices.order_by("sent_at", "pk"))
    same = [one for one in sent if one.step == step]
    taken = [one for one in same if one.reference == reference or not adds]
    if taken:
        raise NoticeSentAlready(number=row.number, reference=taken[0].reference)
    first = next((one for one in sent if one.step == NoticeStep.FIRST), None)
    if step == NoticeStep.FINDINGS and (first is None or sent_at < first.sent_at):
        raise FindingsBeforeFirst(number=row.number)
