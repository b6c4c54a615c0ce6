"""The answer about a person's data: prepared, looked through, released, ended.

What is released are two sealed files, a paper and a file for machines, that end together after
thirty days, or at once when a value in them is destroyed. Each verb holds the operator, the request
and then the answer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext, override
from pypdf import PdfReader

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.services import audit
from registry.states import move
from requests import states, withholding
from requests.models import AccessAnswer, SubjectRequest
from requests.models.access_answers import AnswerState, Withheld
from requests.models.subject_requests import RequestKind
from requests.services.access_facts import AccessFacts, access_facts
from requests.services.access_paper import answer_json, answer_paper
from requests.services.access_parts import Section, texts_of
from requests.services.answer_ends import MACHINE, PAPER, answer_end, looked
from requests.services.moving import known, reason_given, request_held
from requests.services.representing import require_told
from requests.services.sealed_copies import packed
from requests.services.writing import SecondPersonMissing
from requests.withholding import Passage
from subjects.choices import Looked
from subjects.models import AccessEvent, SealedFile, VaultKey
from subjects.services.destruction import flush
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.files import file_seal
from subjects.services.looking import look
from subjects.services.reading import State, shown_texts
from subjects.vault.field import Plain
from subjects.vault.models import Sealed

TERM = timedelta(days=30)
GRANTED = (states.ACCEPTED, states.PARTLY)
WITHHELD_LIMIT = 200


class NothingToAnswer(OperatorError):
    template = gettext_noop(
        "%(number)s: no demand for information about the data has been accepted."
    )


class AnswerInWork(Conflict):
    template = gettext_noop("%(number)s: an answer is being prepared already.")


class PassageTooShort(OperatorError):
    template = gettext_noop("What is withheld has %(least)s to %(limit)s characters.")


class PassageNotFound(OperatorError):
    template = gettext_noop(
        "These words stand nowhere in the answer: copy them as they are written there."
    )


class WithheldTooMuch(OperatorError):
    template = gettext_noop("More than %(limit)s passages: withhold whole letters instead.")


class NotWithheld(OperatorError):
    template = gettext_noop("This is not withheld.")


class StillReadable(OperatorError):
    """A guard against ourselves: the finished file was read again."""

    template = gettext_noop(
        "Nothing is released: what is withheld under number %(found)s can still be read in the "
        "finished file."
    )


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """One thing that is withheld: words, or the row of that key (``datum-7``); and why."""

    number: int
    why: str
    words: str = ""
    row: str = ""


# --- what is withheld ----------------------------------------------------------------------------
def kept_back(answer: AccessAnswer) -> list[Kept]:
    """What is withheld so far, opened; nothing once that was destroyed."""
    shown = shown_texts({"": (answer, "withheld")}, opened=True, masked=lambda *_: "")[""]
    if shown.state != State.OPEN:
        return []
    return [Kept(**one) for one in json.loads(shown.text)]


def _keep(row: AccessAnswer, kept: Iterable[Kept], *, by: User) -> AccessAnswer:
    words = [
        {"number": one.number, "why": one.why, "words": one.words, "row": one.row} for one in kept
    ]
    row.withheld = Plain(json.dumps(words, ensure_ascii=False))  # type: ignore[assignment]
    return audit.save(row, by=by, reason=row.request.number, fields=["withheld"])


def _held(answer: AccessAnswer, verb: str) -> AccessAnswer:
    request = request_held(answer.request)
    row = seam.lock(AccessAnswer.objects.filter(pk=answer.pk)).get()
    row.request = request
    move(states.ANSWER, row.state, verb, number=request.number)
    return row


@transaction.atomic
def answer_draft(*, subject_request: SubjectRequest, by: User, now: datetime) -> AccessAnswer:
    """Begin an answer; what is withheld in the one that stands is withheld again.

    Refuses a request in which no demand for information was accepted (that took the proof of who
    asks), and while another one is being prepared.
    """
    row = request_held(subject_request)
    granted = row.items.filter(kind=RequestKind.INFORMATION, decision__in=GRANTED)
    if not granted.exists():
        raise NothingToAnswer(number=row.number)
    if row.answers.filter(state=states.DRAFT).exists():
        raise AnswerInWork(number=row.number)
    before = row.answers.filter(state=states.RELEASED).first()
    answer = AccessAnswer(request=row, language=row.language, made_at=now, made_by=by)
    audit.save(answer, by=by, reason=row.number)
    return _keep(answer, kept_back(before) if before else [], by=by)


@transaction.atomic
def answer_withhold(
    *, answer: AccessAnswer, words: str = "", row_key: str = "", why: str, by: User, now: datetime
) -> Kept:
    """Keep words out of all texts of the answer, or one whole row (a letter, a datum).

    Refuses what stands nowhere in the answer: a slip would leave the words there.
    """
    known(why, Withheld)
    row = _held(answer, "withhold")
    kept = kept_back(row)
    if len(kept) >= WITHHELD_LIMIT:
        raise WithheldTooMuch(limit=WITHHELD_LIMIT)
    with override(row.language):
        facts = access_facts(row.request, now=now)
    words = withholding.spelled(words)
    number = max((one.number for one in kept), default=0) + 1
    new = Kept(number, why, words=words, row=row_key)
    if row_key:
        keys = {one.get("key") for section in facts.sections for one in section.rows}
        if row_key not in keys or any(one.row == row_key for one in kept):
            raise PassageNotFound()
    else:
        if not withholding.LEAST <= len(words) <= withholding.LIMIT:
            raise PassageTooShort(least=withholding.LEAST, limit=withholding.LIMIT)
        told, _counted = told_of(facts, kept)
        if not any(withholding.left_over([text], [Passage(number, words)]) for text in told):
            raise PassageNotFound()
    _keep(row, [*kept, new], by=by)
    return new


@transaction.atomic
def answer_restore(*, answer: AccessAnswer, number: int, by: User, now: datetime) -> AccessAnswer:
    """Withhold it no more."""
    row = _held(answer, "withhold")
    kept = kept_back(row)
    left = [one for one in kept if one.number != number]
    if len(left) == len(kept):
        raise NotWithheld()
    return _keep(row, left, by=by)


# --- what is told --------------------------------------------------------------------------------
def mark_of(number: int) -> str:
    """What stands in the place of what is withheld: of one length, whatever it was."""
    return gettext("[withheld: %(number)s]") % {"number": number}


def told_of(facts: AccessFacts, kept: Sequence[Kept]) -> tuple[Sequence[str], Mapping[int, int]]:
    """The texts of the answer without what is withheld, and how often each stood there."""
    sections, counted = _without(facts.sections, kept)
    return texts_of(sections), counted


def _without(
    sections: Iterable[Section], kept: Sequence[Kept]
) -> tuple[list[Section], dict[int, int]]:
    marks = {one.number: mark_of(one.number) for one in kept}
    passages = [Passage(one.number, one.words) for one in kept if one.words]
    rows = {one.row: one.number for one in kept if one.row}
    counted = dict.fromkeys(marks, 0)

    def clean(text: str) -> str:
        told, found = withholding.withheld(text, passages, marks)
        for number, times in found.items():
            counted[number] += times
        return told

    done = []
    for section in sections:
        new = Section(section.code, section.article, section.title, section.columns)
        new.lines = [clean(line) for line in section.lines]
        for row in section.rows:
            number = rows.get(str(row.get("key", "")))
            if number is not None:
                counted[number] += 1
                first = next(iter(section.columns))
                new.rows.append({"key": row["key"], first: marks[number]})
                continue
            new.rows.append(
                {
                    name: clean(cell) if isinstance(cell, str) and name != "key"
                    else [clean(one) for one in cell] if isinstance(cell, list)
                    else cell
                    for name, cell in row.items()
                }
            )  # fmt: skip
        done.append(new)
    return done, counted


def answer_sections(answer: AccessAnswer, *, now: datetime) -> tuple[list[Section], AccessFacts]:
    """The answer as it would be released now, with the list of what is withheld, in its language.

    Must stand in ``override`` of that language.
    """
    facts = access_facts(answer.request, now=now)
    kept = kept_back(answer)
    sections, counted = _without(facts.sections, kept)
    columns = {
        "number": gettext("No."), "what": gettext("Kind"), "why": gettext("Why"),
        "times": gettext("Times"),
    }  # fmt: skip
    manifest = Section("withheld", "", gettext("What is withheld"), columns)
    reasons = dict(Withheld.choices)
    for one in kept:
        manifest.rows.append(
            {
                "number": str(one.number),
                "what": gettext("a whole entry") if one.row else gettext("words in a text"),
                "why": str(reasons[Withheld(one.why)]),
                "times": str(counted[one.number]),
            }
        )
    if not kept:
        manifest.lines = [gettext("Nothing.")]
    return [*sections, manifest], facts


# --- releasing -----------------------------------------------------------------------------------
def answer_open(*, answer: AccessAnswer, user: User, now: datetime) -> AccessEvent:
    """Show the draft to this person for a while; each card in it gets its event."""
    row = answer.request
    with transaction.atomic():
        _held(answer, "open")
        looked(answer, Looked.EXPORT, user, now)
        return look(
            operator=row.operator_id, what=Looked.REVEAL, user=user, now=now, reason=row.number,
            until=now + timedelta(minutes=settings.REVEAL_MINUTES), answer=answer.pk,
        )  # fmt: skip


def answer_open_until(answer: AccessAnswer, user: User, now: datetime) -> datetime | None:
    events = AccessEvent.objects.filter(
        operator=answer.request.operator_id, user=user.pk, what=Looked.REVEAL, subject=None,
        until__gt=now, details__answer=answer.pk,
    )  # fmt: skip
    return events.order_by("-until").values_list("until", flat=True).first()


def answer_release(*, answer: AccessAnswer, by: User, now: datetime) -> AccessAnswer:
    """Seal the paper and the file for machines; the person may fetch them for thirty days.

    The finished files are read again: where anything withheld can still be read, nothing is
    released. The answer that stood before ends. Refuses a representative whose power has ended,
    and the one who prepared it where the operator wants a second person. Must not stand in a
    transaction.
    """
    evidence_key_ready(now=now)
    with transaction.atomic():
        row = _held(answer, "release")
        operator = row.request.operator
        require_told(row.request, today=now.astimezone(operator.zone).date())
        if operator.second_person and by.pk == row.made_by_id:
            raise SecondPersonMissing(number=row.request.number)
        for before in row.request.answers.filter(state=states.RELEASED):
            answer_end(before, reason=str(row), by=by, now=now)
        with override(row.language):
            sections, facts = answer_sections(row, now=now)
            paper = answer_paper(row, sections, now=now)
            machine = answer_json(row, sections, now=now)
        passages = [Passage(one.number, one.words) for one in kept_back(row) if one.words]
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages]
        told = [[machine.decode()], *([text] for text in texts_of(sections))]
        if found := [
            number for texts in (pages, *told) for number in withholding.left_over(texts, passages)
        ]:
            raise StillReadable(found=found[0])
        row.paper = _sealed(row, paper, PAPER, now)
        row.machine = _sealed(row, machine, MACHINE, now)
        row.keys = packed(facts.keys)
        row.state = AnswerState(move(states.ANSWER, row.state, "release", number=str(row)))
        row.released_at, row.released_by = now, by
        row.ends_on = now.astimezone(operator.zone).date() + TERM
        audit.save(
            row, by=by, reason=row.request.number,
            fields=["state", "paper", "machine", "keys", "released_at", "released_by", "ends_on"],
        )  # fmt: skip
        keys = [row.paper.key, row.machine.key, row.withheld_key]
        VaultKey.objects.filter(pk__in=keys).update(destroy_on=row.ends_on)
        looked(row, Looked.EXPORT, by, now)
    flush()
    return row


def _sealed(row: AccessAnswer, content: bytes, media_type: str, now: datetime) -> SealedFile:
    return file_seal(
        operator=row.request.operator, kind=Sealed.ANSWER, owner=row.pk, category=None,
        pieces=[content], media_type=media_type, now=now,
    )  # fmt: skip


def answer_withdraw(*, answer: AccessAnswer, reason: str, by: User, now: datetime) -> AccessAnswer:
    """Nobody fetches it any more: its keys are destroyed, for the reason given. Must not stand in a
    transaction.
    """
    reason = reason_given(answer.request, reason)
    evidence_key_ready(now=now)
    with transaction.atomic():
        row = _held(answer, "withdraw")
        answer_end(row, reason=reason, by=by, now=now)
    flush()
    return row
