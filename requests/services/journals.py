"""The journals that an inspector asks for: requests, inquiries of the authority, destructions.

One line for each, the oldest first, with the number and the day on which it came, what became of
it, the number and the day on which the answer went, and room for a signature. As PDF to sign and
to file, and as CSV. Those of disclosures and incidents stand with their own rows.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, TextChoices
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from registry.cells import safe
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import Operator, User
from registry.papers import Paper
from registry.services.clocks import span_of
from requests import states
from requests.models import Letter, RegulatorInquiry, RequestItem, SubjectRequest
from requests.models.letters import LetterKind, Way
from requests.refusals import refusals
from subjects.choices import Looked
from subjects.models import ActItem, DestructionAct
from subjects.services.disclosure_register import Media, PeriodUpsideDown
from subjects.services.looking import look
from subjects.services.reading import Shown, State, shown_texts

# Letters that answer; a receipt answers nothing.
ANSWERS = (LetterKind.DECISION, LetterKind.EXTENSION, LetterKind.CLOSING, LetterKind.REPLY)


class JournalOf(TextChoices):
    """Of what a journal is kept."""

    REQUESTS = "requests", _("requests of people")
    INQUIRIES = "inquiries", _("inquiries of the authority")
    DESTRUCTIONS = "destructions", _("destructions")


class PeriodTooLong(OperatorError):
    template = gettext_noop("A journal covers %(years)s years at most.")


YEARS = 5


@dataclass(frozen=True, slots=True)
class Journal:
    """A table: as wide as the page, a line for each row."""

    title: str
    columns: Sequence[str]
    widths: Sequence[float]
    lines: Sequence[Sequence[str]]


@transaction.atomic
def journal_export(
    *,
    operator: Operator,
    of: str,
    since: date,
    until: date,
    media: str,
    language: str,
    opened: bool,
    by: User,
    now: datetime,
) -> bytes:
    """The journal of what came (of destructions: was drafted) on these days, both counted.

    ``opened``: with the names of applicants that are still there; otherwise, and once they are
    destroyed, without. Leaves an access event. Refuses a period that ends before it begins, that is
    longer than five years, or lies outside of what a calendar can say.
    """
    if until < since:
        raise PeriodUpsideDown()
    if until - since > timedelta(days=366 * YEARS):
        raise PeriodTooLong(years=YEARS)
    span = span_of(since, until, operator)
    media = Media(media)
    with override(language):
        gather = {
            JournalOf.REQUESTS: lambda: _requests(operator, span, opened),
            JournalOf.INQUIRIES: lambda: _inquiries(operator, span),
            JournalOf.DESTRUCTIONS: lambda: _destructions(operator, span),
        }[JournalOf(of)]
        found = gather()
        period = f"{long_day(since)} – {long_day(until)}"
        content = (
            _csv(found) if media == Media.CSV else _pdf(found, operator, period, language, now)
        )
    look(
        operator=operator, what=Looked.EXPORT, user=by, now=now,
        reason=f"{since.isoformat()} – {until.isoformat()}", journal=str(of),
        lines=len(found.lines), opened=opened and of == JournalOf.REQUESTS, form=str(media),
    )  # fmt: skip
    return content


def _on(moment: datetime | None, operator: Operator) -> str:
    return moment.astimezone(operator.zone).date().isoformat() if moment else ""


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


# --- requests ------------------------------------------------------------------------------------
def _requests(operator: Operator, span: tuple[datetime, datetime], opened: bool) -> Journal:
    rows = list(
        SubjectRequest.objects.filter(
            operator=operator, received_at__gte=span[0], received_at__lt=span[1]
        ).order_by("received_at", "pk")
    )
    items: Mapping[int, list[RequestItem]] = defaultdict(list)
    for item in RequestItem.objects.filter(request__in=rows).order_by("pk"):
        items[item.request_id].append(item)
    letters: Mapping[int, list[Letter]] = defaultdict(list)
    sent = Letter.objects.filter(
        request__in=rows, way=Way.OUT, kind__in=ANSWERS, sent_at__isnull=False
    )
    for letter in sent.order_by("sent_at", "pk"):
        letters[letter.request_id].append(letter)
    wanted = {row.pk: (row, "name") for row in rows} if opened else {}
    names = shown_texts(wanted, opened=True, masked=lambda number, text: "")
    lines = []
    for row in rows:
        lines.append(
            [
                _lines(row.number, _on(row.received_at, operator)),
                _name(names.get(row.pk)),
                "; ".join(item.what for item in items[row.pk]),
                _outcome(row, items[row.pk], operator),
                _sent(row, letters[row.pk], operator),
            ]
        )
    return Journal(
        gettext("Journal of requests of people"),
        [
            gettext("Incoming number and date"), gettext("Applicant"), gettext("What is asked for"),
            gettext("Given or refused"), gettext("Outgoing number and date"),
        ],
        [20, 17, 21, 22, 20],
        lines,
    )  # fmt: skip


def _name(shown: Shown | None) -> str:
    if shown is None or shown.state in {State.EMPTY, State.LOST}:
        return "–"
    return gettext("destroyed") if shown.state == State.DESTROYED else shown.text


def _outcome(row: SubjectRequest, items: Sequence[RequestItem], operator: Operator) -> str:
    if row.state == states.WITHDRAWN:
        return _lines(str(row.get_state_display()), _on(row.ended_at, operator))
    found = []
    for item in items:
        ground = refusals().get(item.refusal)
        said = str(item.get_decision_display())
        if ground is not None:
            said = f"{said} ({ground.article})"
        said = " ".join(filter(None, [said, _on(item.decided_at, operator)]))
        found.append(said if len(items) == 1 else f"{item.what}: {said}")
    return "\n".join(found)


def _sent(row: SubjectRequest, letters: Sequence[Letter], operator: Operator) -> str:
    """Each letter by the request's number and its place among the answers, with the receipt."""
    return "\n".join(
        " ".join(filter(None, [f"{row.number}/{place}", _on(one.sent_at, operator), one.proof]))
        for place, one in enumerate(letters, start=1)
    )


# --- inquiries -----------------------------------------------------------------------------------
def _inquiries(operator: Operator, span: tuple[datetime, datetime]) -> Journal:
    rows = RegulatorInquiry.objects.filter(
        operator=operator, received_at__gte=span[0], received_at__lt=span[1]
    ).select_related("authority", "sent_by")
    lines = []
    for row in rows.order_by("received_at", "pk"):
        answer = str(row.get_state_display())
        if row.withdrawn_reason:
            answer = f"{answer}: {row.withdrawn_reason}"
        way = str(row.get_sent_channel_display()) if row.sent_channel else ""
        lines.append(
            [
                _lines(row.number, _on(row.received_at, operator)),
                _lines(str(row.authority), row.reference),
                row.questions,
                answer,
                _lines(" ".join(filter(None, [_on(row.sent_at, operator), way])), row.proof),
            ]
        )
    return Journal(
        gettext("Journal of inquiries of the authority"),
        [
            gettext("Incoming number and date"), gettext("Authority, its number and date"),
            gettext("What is asked for"), gettext("Outcome"), gettext("Answer sent"),
        ],
        [20, 21, 27, 13, 19],
        lines,
    )  # fmt: skip


# --- destructions --------------------------------------------------------------------------------
def _destructions(operator: Operator, span: tuple[datetime, datetime]) -> Journal:
    rows = list(
        DestructionAct.objects.filter(
            operator=operator, drafted_at__gte=span[0], drafted_at__lt=span[1]
        )
        .select_related("drafted_by", "approved_by")
        .order_by("drafted_at", "pk")
    )
    counted = (
        ActItem.objects.filter(act__in=rows)
        .order_by()
        .values("act")
        .annotate(people=Count("subject", distinct=True), things=Count("pk"))
    )
    counts: dict[int, Mapping[str, Any]] = {one["act"]: one for one in counted}
    articles: Mapping[int, set[str]] = defaultdict(set)
    named = ActItem.objects.filter(act__in=rows).order_by().values_list("act", "article").distinct()
    for act, article in named:
        articles[act].add(article)
    lines = []
    for row in rows:
        count = counts.get(row.pk, {"people": 0, "things": 0})
        why = ", ".join(sorted(filter(None, articles[row.pk])))
        who = row.approved_by or row.drafted_by
        lines.append(
            [
                _lines(row.number, _on(row.drafted_at, operator)),
                _lines(row.label, why),
                gettext("%(people)s people, %(things)s data")
                % {"people": count["people"], "things": count["things"]},
                _lines(str(row.get_state_display()), row.cancelled_reason),
                _lines(_on(row.finished_at, operator), str(who) if who else gettext("by a rule")),
            ]
        )
    return Journal(
        gettext("Journal of destructions of personal data"),
        [
            gettext("Number and date of the act"), gettext("Reason"), gettext("How much"),
            gettext("Outcome"), gettext("Destroyed on, approved by"),
        ],
        [20, 28, 17, 15, 20],
        lines,
    )  # fmt: skip


# --- as files ------------------------------------------------------------------------------------
def _csv(found: Journal) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([gettext("No."), *found.columns])
    for number, line in enumerate(found.lines, start=1):
        writer.writerow([str(number), *(safe(cell) for cell in line)])
    return stream.getvalue().encode()


def _pdf(found: Journal, operator: Operator, period: str, language: str, now: datetime) -> bytes:
    paper = Paper(
        found.title, language=language, subtitle=period, made_at=now, footer=operator.name
    )
    paper.facts(
        [
            (gettext("Operator"), operator.name),
            (gettext("Law"), str(operator.jurisdiction.law)),
            (gettext("Records"), str(len(found.lines))),
        ]
    )
    if found.lines:
        paper.table(
            [gettext("No."), *found.columns, gettext("Signature")],
            [
                [str(number), *(cell or "–" for cell in line), "________"]
                for number, line in enumerate(found.lines, start=1)
            ],
            widths=[6, *found.widths, 14],
        )
    else:
        paper.text(gettext("Nothing came on these days."))
    responsible = operator.responsible
    name = responsible.get_full_name() if responsible else ""
    paper.signatures([(gettext("Responsible person"), name)])
    return paper.render()
