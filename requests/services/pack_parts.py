"""What a response pack holds: each part yields its files, from the services that print them.

No part holds a value of a person: cards stand by their codes, journals without names. File names
are plain ASCII and made of codes, numbers and days.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext

from registry.cells import safe
from registry.choices import Language
from registry.errors import OperatorError, gettext_noop
from registry.models import ConsentText, ControlRecord, Operator, PolicyText, RegisterPaper, User
from registry.services.clocks import span_of
from registry.services.control_journal import control_journal
from registry.services.policies import policy_in_force
from registry.services.policy_papers import policy_pdf
from registry.services.register_export import ExportFormat, register_export
from registry.services.register_papers import paper_pdf
from requests.models import Incident, Inspection, InspectionItem, RegulatorInquiry, SubjectRequest
from requests.models.inspection_packs import PackPart
from requests.services.incident_register import incident_register_export
from requests.services.inspection_register import inspection_register_export
from requests.services.journals import JournalOf, journal_export
from requests.services.streaming import streamed
from subjects.choices import PaperKind
from subjects.models import AccessEvent, ActPaper, DestructionAct
from subjects.services.act_files import PaperOver, paper_open
from subjects.services.disclosure_register import Media

SIZE_LIMIT = 100 * 2**20
MEGABYTE = 2**20
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


class PackTooBig(OperatorError):
    template = gettext_noop(
        "The pack is larger than %(limit)s MB: take a shorter period, or make two packs."
    )


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file of the pack; ``what``: in the language of the pack; ``dated``: of its period."""

    name: str
    what: str
    content: bytes
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pack is made for."""

    inspection: Inspection
    consents: tuple[ConsentText, ...]
    since: date
    until: date
    language: str
    by: User
    now: datetime

    @property
    def operator(self) -> Operator:
        return self.inspection.operator

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The period as moments: the first counts, the last does not."""
        return span_of(self.since, self.until, self.operator)

    @property
    def days(self) -> str:
        return f"{self.since.isoformat()}-{self.until.isoformat()}"


# Closed by whoever asked, also half-way: an open cursor of the database must not outlive it.
Files = Generator[PackFile, None, None]


def plain(text: str) -> str:
    """A part of a file name that any archiver can read."""
    return _NOT_PLAIN.sub("-", text).strip("-.") or "x"


def table(columns: list[str], lines: Iterator[list[str]]) -> bytes:
    """A CSV; refuses, while it is written, what would be too large for any pack."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    for line in lines:
        writer.writerow([safe(cell) for cell in line])
        if stream.tell() > SIZE_LIMIT:
            raise PackTooBig(limit=SIZE_LIMIT // MEGABYTE)
    return stream.getvalue().encode()


# --- the operator's own papers -------------------------------------------------------------------
def _register(asked: Wanted) -> Files:
    for form in ExportFormat:
        content = register_export(
            operator=asked.operator, format=form, language=asked.language, now=asked.now
        )
        yield PackFile(f"register.{form}", str(form.label), content)


def _policies(asked: Wanted) -> Files:
    today = asked.now.astimezone(asked.operator.zone).date()
    published = PolicyText.objects.filter(
        version__operator=asked.operator, version__published_at__isnull=False
    ).select_related("version__operator")
    texts = list(published.order_by("version__number", "language"))
    if not texts:
        return
    current = policy_in_force(asked.operator, today=today)
    for text in texts:
        if current is not None and text.version_id == current.pk:
            yield PackFile(
                f"policy-{text.version.number}-{text.language}.pdf",
                gettext("Policy in force, version %(number)s") % {"number": text.version.number},
                policy_pdf(text),
            )
    lines = (
        [
            str(one.version.number), one.version.label, one.language,
            str(one.version.in_force_on or ""), one.digest,
            gettext("in force") if current and one.version_id == current.pk else "",
        ]
        for one in texts
    )  # fmt: skip
    columns = [
        gettext("Version"), gettext("Label"), gettext("Language"), gettext("In force from"),
        gettext("Digest (SHA-256)"), gettext("State"),
    ]  # fmt: skip
    yield PackFile("versions.csv", gettext("Versions of the policy"), table(columns, lines))


def _papers(asked: Wanted) -> Files:
    signed = RegisterPaper.objects.filter(operator=asked.operator, signed_at__isnull=False)
    rows = signed.select_related("operator", "signer", "activity").order_by("pk")
    with streamed(rows, at_once=50) as found:
        for row in found:
            name = f"{plain(row.number)}-{row.kind}-{row.language}.pdf"
            yield PackFile(name, str(row), paper_pdf(row))


def _control(asked: Wanted) -> Files:
    done = ControlRecord.objects.filter(
        step__operator=asked.operator, done_on__range=(asked.since, asked.until)
    )
    if done.exists():
        content = control_journal(
            operator=asked.operator, since=asked.since, until=asked.until, media=Media.PDF,
            language=asked.language, now=asked.now,
        )  # fmt: skip
        what = str(PackPart.CONTROL.label)
        yield PackFile(f"control-{asked.days}.pdf", what, content, dated=True)


def _consents(asked: Wanted) -> Files:
    for text in asked.consents:
        for language in Language.values:
            words = getattr(text, f"text_{language}")
            if not words:
                continue
            head = [
                f"{gettext('Consent text')}: {text.code} v{text.version} ({language})",
                f"{gettext('In force from')}: {text.in_force_on}",
                f"{gettext('Digest (SHA-256)')}: {text.digest}",
            ]
            content = "\n".join([*head, "", words, ""]).encode()
            yield PackFile(f"{plain(text.code)}-v{text.version}-{language}.txt", head[0], content)


# --- what was done in the period -----------------------------------------------------------------
def _acts(asked: Wanted) -> Files:
    first, last = asked.span
    papers = ActPaper.objects.filter(
        act__operator=asked.operator, act__finished_at__gte=first, act__finished_at__lt=last
    ).select_related("act__operator__jurisdiction", "file")
    rows = papers.order_by("act", "kind", "language")
    with streamed(rows, at_once=20) as found:
        for row in found:
            try:
                content = b"".join(paper_open(paper=row, now=asked.now))
            except PaperOver:
                # Its three years are over: there is nothing to give any more.
                continue
            parts = (row.act.number, row.kind, row.language)
            name = "-".join(plain(part) for part in parts if part)
            ending = "csv" if row.kind == PaperKind.LOG else "pdf"
            what = f"{row.act.number}: {row.get_kind_display()}"
            yield PackFile(f"{name}.{ending}", what, content, dated=True)


def _journal(of: JournalOf, asked: Wanted) -> Files:
    first, last = asked.span
    came = {
        JournalOf.REQUESTS: lambda: SubjectRequest.objects.filter(
            operator=asked.operator, received_at__gte=first, received_at__lt=last
        ),
        JournalOf.INQUIRIES: lambda: RegulatorInquiry.objects.filter(
            operator=asked.operator, received_at__gte=first, received_at__lt=last
        ),
        JournalOf.DESTRUCTIONS: lambda: DestructionAct.objects.filter(
            operator=asked.operator, drafted_at__gte=first, drafted_at__lt=last
        ),
    }[of]()
    if not came.exists():
        return
    content = journal_export(
        operator=asked.operator, of=of, since=asked.since, until=asked.until, media=Media.PDF,
        language=asked.language, opened=False, by=asked.by, now=asked.now,
    )  # fmt: skip
    what = str(PackPart(of.value).label)
    yield PackFile(f"journal-{of}-{asked.days}.pdf", what, content, dated=True)


def _requests(asked: Wanted) -> Files:
    return _journal(JournalOf.REQUESTS, asked)


def _inquiries(asked: Wanted) -> Files:
    return _journal(JournalOf.INQUIRIES, asked)


def _destructions(asked: Wanted) -> Files:
    return _journal(JournalOf.DESTRUCTIONS, asked)


def _incidents(asked: Wanted) -> Files:
    first, last = asked.span
    if Incident.objects.filter(
        operator=asked.operator, detected_at__gte=first, detected_at__lt=last
    ).exists():
        content = incident_register_export(
            operator=asked.operator, since=asked.since, until=asked.until, media=Media.PDF,
            language=asked.language, now=asked.now,
        )  # fmt: skip
        what = str(PackPart.INCIDENTS.label)
        yield PackFile(f"incidents-{asked.days}.pdf", what, content, dated=True)


def _inspections(asked: Wanted) -> Files:
    if Inspection.objects.filter(
        operator=asked.operator, ordered_on__range=(asked.since, asked.until)
    ).exists():
        content = inspection_register_export(
            operator=asked.operator, since=asked.since, until=asked.until, media=Media.PDF,
            language=asked.language, by=asked.by, now=asked.now,
        )  # fmt: skip
        what = str(PackPart.INSPECTIONS.label)
        yield PackFile(f"inspections-{asked.days}.pdf", what, content, dated=True)


def _looked(asked: Wanted) -> Files:
    first, last = asked.span
    events = AccessEvent.objects.filter(operator=asked.operator, at__gte=first, at__lt=last)
    if not events.exists():
        return
    zone = asked.operator.zone
    columns = [
        gettext("When"), gettext("Who"), gettext("What"), gettext("Code of the card"),
        gettext("Reason"),
    ]  # fmt: skip
    found = events.select_related("user", "subject").order_by("at", "pk")
    with streamed(found, at_once=1000) as rows:
        lines = (
            [
                f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                str(row.user) if row.user else gettext("the office itself"),
                str(row.get_what_display()),
                row.subject.code if row.subject else "",
                row.reason,
            ]
            for row in rows
        )
        content = table(columns, lines)
    yield PackFile(f"looked-{asked.days}.csv", str(PackPart.LOOKED.label), content, dated=True)


def _asked(asked: Wanted) -> Files:
    items = list(asked.inspection.items.select_related("answer"))
    if not items:
        return
    zone = asked.operator.zone

    def line(row: InspectionItem) -> list[str]:
        told = [row.number, row.what, str(row.asked_on), str(row.due_on)]
        told.append(str(row.get_state_display()))
        answer = getattr(row, "answer", None)
        if answer is None:
            return [*told, "", "", ""]
        sheets = "" if answer.sheets is None else str(answer.sheets)
        return [*told, f"{answer.given_at.astimezone(zone):%Y-%m-%d %H:%M}", answer.copies, sheets]

    columns = [
        gettext("Number"), gettext("What is asked"), gettext("Asked on"), gettext("Due"),
        gettext("State"), gettext("Given at"), gettext("Copies given"), gettext("Sheets"),
    ]  # fmt: skip
    content = table(columns, (line(item) for item in items))
    yield PackFile("asked.csv", str(PackPart.ASKED.label), content)


PARTS: dict[PackPart, Callable[[Wanted], Files]] = {
    PackPart.REGISTER: _register,
    PackPart.POLICIES: _policies,
    PackPart.PAPERS: _papers,
    PackPart.CONTROL: _control,
    PackPart.CONSENTS: _consents,
    PackPart.ACTS: _acts,
    PackPart.REQUESTS: _requests,
    PackPart.INQUIRIES: _inquiries,
    PackPart.DESTRUCTIONS: _destructions,
    PackPart.INCIDENTS: _incidents,
    PackPart.INSPECTIONS: _inspections,
    PackPart.LOOKED: _looked,
    PackPart.ASKED: _asked,
}
