"""The papers that the law wants from the register: written, discarded, signed, printed.

A paper is a draft, written from the register in one language, until somebody signs it; what is
signed never changes (a trigger holds it). What a paper says comes from the writers of
``paper_kinds``; this room numbers, keeps and compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext, override

from registry import seam
from registry.choices import Language, RegisterPaperKind, Role
from registry.explain import long_day
from registry.models import Membership, Operator, ProcessingActivity, RegisterPaper, User
from registry.paper_contents import Contents, contents_of
from registry.paper_refusals import (
    PaperActivityForeign,
    PaperDiscardedWithoutReason,
    PaperFieldsRefused,
    PaperGone,
    PaperIncomplete,
    PaperKindOfOtherLaw,
    PaperKindUnknown,
    PaperLanguageUnknown,
    PaperLeftBehind,
    PaperNeedsActivity,
    PaperOrderMissing,
    PaperSignedAlready,
    PaperSignedInFuture,
    PaperSignedTooEarly,
    PaperTakesNoActivity,
    SignerAway,
    SignerWithoutPosition,
)
from registry.papers import Paper
from registry.services import audit
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads, person_on_duty
from registry.services.numbering import next_number
from registry.services.paper_kinds import KINDS, Ask, PaperKind

SIGNED = ["order_number", "signer", "signer_position", "signed_on", "signed_at"]


# --- reading -----------------------------------------------------------------------------------
def kind_of(kind: str) -> PaperKind:
    """Who writes it and what the law wants of it. Refuses a kind that nobody writes."""
    if kind not in KINDS:
        raise PaperKindUnknown(paper=kind)
    return KINDS[kind]


def kinds_for(operator: Operator) -> list[PaperKind]:
    """The papers that the operator's law knows, in the order of ``RegisterPaperKind``."""
    law = operator.jurisdiction.code
    return [KINDS[kind] for kind in RegisterPaperKind.values
            if kind in KINDS and law in KINDS[kind].laws]  # fmt: skip


def paper_contents(paper: RegisterPaper) -> Contents:
    """What the paper says, as it was written."""
    return contents_of(paper.facts, paper.particulars)


def digest_of(facts: Mapping[str, Any], particulars: Mapping[str, Any]) -> str:
    """SHA-256 of facts and particulars as canonical JSON."""
    both = {"facts": facts, "particulars": particulars}
    told = json.dumps(both, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def written_on(paper: RegisterPaper) -> date:
    """The operator's day on which it was written."""
    return paper.made_at.astimezone(paper.operator.zone).date()


# --- verbs -------------------------------------------------------------------------------------
@transaction.atomic
def paper_draft(
    *,
    operator: Operator,
    kind: str,
    language: str,
    activity: ProcessingActivity | None = None,
    given: Mapping[str, Any] | None = None,
    by: User | None,
    now: datetime,
) -> RegisterPaper:
    """Write a paper from the register as it is now; a draft under a number of its own.

    ``given``: what somebody answered on the form, plain JSON, kept in ``facts["given"]``. An
    earlier draft of the same kind stays. Refuses a kind that nobody writes or that the
    operator's law does not know, a language that is none of the office's, an activity that is
    missing, of another operator, or not wanted.
    """
    writer = kind_of(kind)
    if language not in Language.values:
        raise PaperLanguageUnknown(code=language)
    operator = _locked(operator)
    name = RegisterPaperKind(kind).label
    if operator.jurisdiction.code not in writer.laws:
        raise PaperKindOfOtherLaw(operator=str(operator), kind=name)
    if activity is None and writer.per_activity:
        raise PaperNeedsActivity(kind=name)
    if activity is not None and not writer.per_activity:
        raise PaperTakesNoActivity(kind=name)
    if activity is not None and activity.operator_id != operator.pk:
        raise PaperActivityForeign()
    today = now.astimezone(operator.zone).date()
    ask = Ask(operator, language, today, activity, _plain(given or {}))
    facts, particulars = _written(writer, ask)
    paper = RegisterPaper(
        operator=operator,
        kind=kind,
        number=_next_number(operator, today.year),
        language=language,
        activity=activity,
        facts=facts,
        particulars=particulars,
        digest=digest_of(facts, particulars),
        made_at=now,
        made_by=by,
    )
    return audit.save(paper, by=by, reason="written from the register")


@transaction.atomic
def paper_discard(*, paper: RegisterPaper, by: User | None, now: datetime, reason: str) -> None:
    """Throw a draft away; the history keeps it, its number and the reason.

    Refuses what is signed, and a discard without a reason.
    """
    row = _draft_locked(paper)
    if not reason.strip():
        raise PaperDiscardedWithoutReason(number=row.number)
    traced: Any = row
    traced._history_user, traced._change_reason = by, reason.strip()
    traced._history_date = now
    row.delete()


@transaction.atomic
def paper_sign(
    *,
    paper: RegisterPaper,
    signer: User,
    order_number: str,
    signed_on: date,
    by: User | None,
    now: datetime,
) -> RegisterPaper:
    """Record that a draft was signed: from now on it never changes.

    Refuses what is signed already, a day that has not come or before the paper was written, a
    signer who is not on the staff that day, only reads, is away, or has no position; a paper that
    lacks what the law wants in it (all of it is named), one that takes effect by an order without
    the order's number, and one that the register has left behind since.
    """
    row = _draft_locked(paper)
    writer = kind_of(row.kind)
    if signed_on > now.astimezone(row.operator.zone).date():
        raise PaperSignedInFuture(number=row.number, day=signed_on)
    if signed_on < written_on(row):
        raise PaperSignedTooEarly(number=row.number, day=signed_on, written_day=written_on(row))
    row.signer_position = _position(signer, row.operator, signed_on)
    if row.facts["missing"]:
        raise PaperIncomplete(number=row.number, lacking=" ".join(row.facts["missing"]))
    row.order_number = order_number.strip()
    if writer.order and not row.order_number:
        raise PaperOrderMissing(number=row.number, article=row.facts["article"])
    _check(row, "order_number", "signer_position")
    _refuse_left_behind(row, writer, signed_on)
    row.signer, row.signed_on, row.signed_at = signer, signed_on, now
    return audit.save(row, by=by, reason="signed", fields=SIGNED)


# --- inside ------------------------------------------------------------------------------------
def _locked(operator: Operator) -> Operator:
    rows = seam.lock(Operator.objects.filter(pk=operator.pk))
    return rows.select_related("jurisdiction").get()


def _draft_locked(paper: RegisterPaper) -> RegisterPaper:
    """The draft, with its operator locked first: every verb takes the locks in this order."""
    operator = _locked(paper.operator)
    rows = seam.lock(RegisterPaper.objects.filter(pk=paper.pk))
    row = rows.select_related("activity").first()
    if row is None:
        raise PaperGone()
    row.operator = operator
    if row.is_signed:
        raise PaperSignedAlready(number=row.number, day=row.signed_on)
    return row


def _next_number(operator: Operator, year: int) -> str:
    """One more than the last that was ever given; the history knows the discarded ones too."""
    told = RegisterPaper.history.filter(operator=operator)
    return next_number(told, operator=operator, prefix=f"{RegisterPaper.numbered}-{year}-")


def _plain(told: Any) -> Any:
    """As JSON gives it back, so that what was stored and what is written anew compare."""
    return json.loads(json.dumps(told, ensure_ascii=False))


def _written(writer: PaperKind, ask: Ask) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facts and particulars; the names on the paper's head are kept as they are on that day."""
    with override(ask.language):
        contents = writer.write(ask)
        facts = contents.facts() | {
            "operator": str(ask.operator),
            "activity": str(ask.activity or ""),
            "given": dict(ask.given),
        }
    return _plain(facts), _plain(dict(contents.particulars))


def _refuse_left_behind(row: RegisterPaper, writer: PaperKind, day: date) -> None:
    """What is signed must be what the register says on that day, in words and in codes; of a kind
    that binds some particulars only, those."""
    ask = Ask(row.operator, row.language, day, row.activity, row.facts["given"])
    facts, particulars = _written(writer, ask)
    if writer.binds:
        same = all(particulars.get(name) == row.particulars.get(name) for name in writer.binds)
    else:
        # The particulars too: a code changes without a word, and the next notice is compared by it.
        same = digest_of(facts, particulars) == row.digest
    # What somebody bent since would be signed under the digest of another.
    if not same or digest_of(row.facts, row.particulars) != row.digest:
        raise PaperLeftBehind()


def _position(signer: User, operator: Operator, day: date) -> str:
    """In what position the person signs for the operator on that day.

    Whether the account is open today is not asked: whoever has left since did sign.
    """
    memberships = Membership.objects.filter(user=signer, operator=operator)
    held = [row for row in memberships.order_by("-started_on", "-pk") if row.holds_on(day)]
    if not held:
        raise NotOnTheStaff(user=str(signer), operator=str(operator))
    signing = [row for row in held if row.role != Role.AUDITOR]
    if not signing:
        raise OwnerOnlyReads(user=str(signer))
    on_duty = person_on_duty(user=signer, operator=operator, today=day)
    if on_duty != signer:
        raise SignerAway(user=str(signer), day=day, substitute=str(on_duty))
    for row in signing:
        if row.position.strip():
            return row.position.strip()
    raise SignerWithoutPosition(user=str(signer), operator=str(operator))


def _check(row: RegisterPaper, *names: str) -> None:
    """Refuse by name what the fields refuse, before the database does it by its own words."""
    others = [one.name for one in row._meta.concrete_fields if one.name not in names]
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        why = " ".join(text for texts in error.message_dict.values() for text in texts)
        raise PaperFieldsRefused(number=row.number, why=why) from None


# --- printing ----------------------------------------------------------------------------------
def paper_pdf(paper: RegisterPaper) -> bytes:
    """The paper as PDF in its own language; a draft says so at the top of it and on every page.

    What was signed is printed as it was signed: with the operator's name and the signer's of then.
    """
    contents = paper_contents(paper)
    operator = paper.facts["operator"]
    with override(paper.language):
        number = gettext("No. %(number)s") % {"number": paper.number}
        sheet = Paper(
            contents.title,
            language=paper.language,
            number=number if paper.is_signed else f"{gettext('DRAFT')} · {number}",
            subtitle=operator,
            made_at=paper.made_at,
            footer=f"{operator} · SHA-256 {paper.digest[:16]}",
        )
        if not paper.is_signed:
            sheet.heading(gettext("DRAFT"))
            sheet.text(gettext("This is a draft: it has no force until it is signed."))
            if contents.missing:
                sheet.heading(gettext("What is missing"))
                for sentence in contents.missing:
                    sheet.text(sentence)
        sheet.facts(_head(paper, contents))
        for place, section in enumerate(contents.sections, 1):
            sheet.heading(f"{place}. {section.heading}")
            for paragraph in section.text:
                sheet.text(paragraph)
            if section.pairs:
                sheet.facts(section.pairs)
            if section.columns:
                sheet.table(section.columns, section.rows)
        sheet.heading(gettext("State of this paper"))
        sheet.facts(_foot(paper))
        if paper.signer is not None:
            sheet.signatures([(paper.signer_position, signer_name(paper))])
    return sheet.render()


def signer_name(paper: RegisterPaper) -> str:
    """The signer's name as it was when the paper was signed: people marry, papers stay."""
    if paper.signer is None:
        return ""
    then = (
        User.history.filter(id=paper.signer_id, history_date__lte=paper.signed_at)
        .order_by("-history_date", "-history_id")
        .first()
    )
    person = then.instance if then is not None else paper.signer
    return str(person)


def _head(paper: RegisterPaper, contents: Contents) -> list[tuple[str, str]]:
    head = [(gettext("Wanted by"), contents.article)]
    if paper.facts["activity"]:
        head.append((gettext("Processing activity"), paper.facts["activity"]))
    head.append((gettext("Written from the register on"), long_day(written_on(paper))))
    if paper.order_number and paper.signed_on:
        order = {"number": paper.order_number, "day": long_day(paper.signed_on)}
        head.append((gettext("Order"), gettext("No. %(number)s of %(day)s") % order))
    return head


def _foot(paper: RegisterPaper) -> list[tuple[str, str]]:
    if paper.signed_on is None:
        state = gettext("draft, not signed")
    else:
        state = gettext("signed on %(day)s") % {"day": long_day(paper.signed_on)}
    return [(gettext("State"), state), (gettext("Digest (SHA-256)"), paper.digest)]
