"""What staff do with our letters: draft, change, send, print, prove, cancel, another way.

Each verb holds the operator, the request and then the letter, in this order.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import User
from registry.papers import Paper
from registry.services import audit
from registry.states import move
from requests import states
from requests.models import Letter, SubjectRequest
from requests.models.letter_templates import LetterPart
from requests.models.letters import PROOF_LIMIT, LetterBy, LetterKind, LetterState, Way
from requests.models.subject_requests import AnswerBy, RequestKind
from requests.services.inquiries import NotYet, ProofMissing
from requests.services.letter_facts import facts_of
from requests.services.letter_templates import in_force
from requests.services.letter_texts import Words, body_of, title_of
from requests.services.letters import (
    RequestOver,
    letter_addresses,
    letter_body,
    letter_kept,
    letter_texts,
)
from requests.services.moving import known, reason_given, request_held
from requests.services.representing import require_told
from requests.services.told import told
from subjects.choices import Looked
from subjects.services.looking import look
from subjects.services.reading import State
from subjects.vault import store
from subjects.vault.field import Plain

# What staff may begin; the office itself writes receipts and closing letters.
DRAFTED = frozenset({LetterKind.DECISION, LetterKind.EXTENSION, LetterKind.REPLY})
# Where staff must say something in their own words.
OWN_WORDS = frozenset({LetterKind.EXTENSION, LetterKind.REPLY})
# What says something of the data; that more time is needed does not.
TELLS = frozenset({LetterKind.DECISION, LetterKind.REPLY})
REFUSALS = (states.REFUSED, states.PARTLY, states.BARRED)
GRANTED = (states.ACCEPTED, states.PARTLY)
ON_PAPER = frozenset({LetterBy.POST, LetterBy.BY_HAND})


class AddressMissing(OperatorError):
    template = gettext_noop("%(number)s: the person has told no address for this way.")


class NothingDecided(OperatorError):
    template = gettext_noop("%(number)s: nothing is decided yet; a decision has nothing to tell.")


class WordsMissing(OperatorError):
    template = gettext_noop("%(number)s: this letter needs words of your own.")


class LetterChanged(Conflict):
    template = gettext_noop(
        "%(number)s: the letter was changed by somebody else. Nothing was saved: open it again."
    )


class NotOnPaper(OperatorError):
    template = gettext_noop("%(number)s: only what goes by post or by hand is printed.")


class ProofTooLong(OperatorError):
    template = gettext_noop("%(number)s: the proof is longer than %(limit)s characters.")


class SecondPersonMissing(OperatorError):
    template = gettext_noop(
        "%(number)s: this letter refuses or discloses something. Somebody else than its writer "
        "approves it first."
    )


class BeforePrinting(OperatorError):
    template = gettext_noop("%(number)s: it cannot have gone before the letter was made.")


def needs_second(row: SubjectRequest, kind: str) -> bool:
    """Whether a letter of this kind refuses something, or discloses what is known of the person,
    and the operator wants a second person for that.
    """
    if kind not in TELLS or not row.operator.second_person:
        return False
    items = row.items.all()
    return (
        items.filter(decision__in=REFUSALS).exists()
        or items.filter(kind=RequestKind.INFORMATION, decision__in=GRANTED).exists()
    )


def letter_held(letter: Letter, verb: str) -> Letter:
    """The letter, held after its request and operator, if its state allows the verb."""
    subject_request = request_held(letter.request)
    row = seam.lock(Letter.objects.filter(pk=letter.pk)).get()
    row.request = subject_request
    move(states.LETTER, row.state, verb, number=subject_request.number)
    return row


def _moved(row: Letter, verb: str, *, by: User | None, reason: str, fields: list[str]) -> Letter:
    row.state = LetterState(move(states.LETTER, row.state, verb, number=row.request.number))
    return audit.save(row, by=by, reason=reason, fields=["state", *fields])


# --- what a letter says and where it goes --------------------------------------------------------
def title(letter: Letter) -> str:
    """The subject line, in the letter's language; no word of the person."""
    return title_of(
        language=letter.language, kind=letter.kind, number=letter.request.number,
        template=letter.template,
    )  # fmt: skip


def composed(
    subject_request: SubjectRequest, *, kind: str, text: str = "", opened: bool, now: datetime
) -> str:
    """The exact letter as it would go now; unless ``opened`` the name in it is masked."""
    return _worded(subject_request, kind=kind, text=text, opened=opened, now=now).body


def _worded(
    subject_request: SubjectRequest, *, kind: str, text: str, opened: bool, now: datetime
) -> Words:
    name = told(subject_request, opened=opened)["name"]
    shown = name.text if name.state in (State.OPEN, State.MASKED) else ""
    facts = facts_of(subject_request, kind=kind, name=shown, text=text, now=now)
    language = subject_request.language
    templates = in_force(
        operator=subject_request.operator, language=language, kind=kind, moment=now
    )
    return body_of(language=language, kind=kind, facts=facts, templates=templates)


def address_of(subject_request: SubjectRequest, way: str) -> str:
    """Where a letter of this way goes: one address, or a name and a postal address; opened.

    Refuses when the person has told none, and when it is destroyed or lost.
    """
    if way == LetterBy.PAGE:
        return ""
    opened = told(subject_request, opened=True)
    needed = {LetterBy.EMAIL: "email", LetterBy.POST: "postal"}.get(LetterBy(way))
    for shown in opened.values():
        if shown.state == State.LOST:
            raise store.ValueLost()
    if needed and opened[needed].state != State.OPEN:
        raise AddressMissing(number=subject_request.number)
    if way == LetterBy.EMAIL:
        return opened["email"].text
    lines = [opened["name"].text, opened["postal"].text if way == LetterBy.POST else ""]
    return "\n".join(line for line in lines if line)


def _way(subject_request: SubjectRequest) -> LetterBy:
    """As the person asks; by hand, where the office knows no address, stays by hand."""
    return {AnswerBy.EMAIL: LetterBy.EMAIL, AnswerBy.POST: LetterBy.POST}.get(
        AnswerBy(subject_request.answer_by), LetterBy.BY_HAND
    )


def _made(
    row: SubjectRequest, kind: str, way: str, state: str, *, text: str, by: User | None,
    now: datetime,
) -> Letter:  # fmt: skip
    words = _worded(row, kind=kind, text=text, opened=True, now=now)
    letter = Letter(
        request=row, way=Way.OUT, kind=LetterKind(kind), language=row.language, by=LetterBy(way),
        state=LetterState(state), made_at=now, made_by=by, template=words.used.get(kind),
        greeting_template=words.used.get(LetterPart.GREETING),
        footer_template=words.used.get(LetterPart.FOOTER),
        next_attempt_at=now if way == LetterBy.EMAIL and state == states.QUEUED else None,
    )  # fmt: skip
    return letter_kept(
        letter, by=by, reason=row.number, address=address_of(row, way),
        body=letter_body(words.body, number=row.number),
    )  # fmt: skip


# --- what the office writes itself ---------------------------------------------------------------
def closing_letter(row: SubjectRequest, *, by: User | None, now: datetime) -> Letter:
    """The last letter, waiting to be sent or printed; in the transaction that closes the request.

    The request is held by the caller.
    """
    return _made(row, LetterKind.CLOSING, _way(row), states.QUEUED, text="", by=by, now=now)


def receipts_due() -> QuerySet[SubjectRequest]:
    """Open requests that are answered by e-mail and have no receipt yet."""
    known_to_person = Letter.objects.filter(kind=LetterKind.RECEIPT).values("request")
    return SubjectRequest.objects.filter(ended_at=None, answer_by=AnswerBy.EMAIL).exclude(
        pk__in=known_to_person
    )


@transaction.atomic
def receipt_made(*, subject_request: SubjectRequest, now: datetime) -> Letter | None:
    """The receipt of a request, once: number, last day and why, the link; None: it has one."""
    row = request_held(subject_request)
    if not receipts_due().filter(pk=row.pk).exists():
        return None
    return _made(row, LetterKind.RECEIPT, LetterBy.EMAIL, states.QUEUED, text="", by=None, now=now)


# --- verbs of staff ------------------------------------------------------------------------------
@transaction.atomic
def letter_draft(
    *,
    subject_request: SubjectRequest,
    kind: str,
    text: str = "",
    way: str = "",
    by: User | None,
    now: datetime,
) -> Letter:
    """Begin a letter: a decision, a notice of more time, a reply; nothing goes out yet.

    ``way``: empty: as the person asks. Refuses a request that is over, a decision before anything
    is decided, a reply without words, a way for which the person has told no address.
    """
    if kind not in DRAFTED:
        known("", LetterKind)
    row = request_held(subject_request)
    if row.ended_at is not None:
        raise RequestOver(number=row.number)
    text = text.replace("\r\n", "\n").strip()
    if kind in OWN_WORDS and not text:
        raise WordsMissing(number=row.number)
    if kind == LetterKind.DECISION and not row.items.exclude(decision=states.OPEN).exists():
        raise NothingDecided(number=row.number)
    way = way or _way(row)
    known(way, LetterBy)
    return _made(row, kind, way, states.DRAFT, text=text, by=by, now=now)


def version_of(letter: Letter) -> str:
    """Tells one version of a text from another, and says nothing of it."""
    raw = letter.body.raw if letter.body is not None else b""
    return hashlib.sha256(raw).hexdigest()[:16]


@transaction.atomic
def letter_edit(*, letter: Letter, body: str, version: str, by: User | None) -> Letter:
    """Change a draft. ``version``: of the text that the writer started from; refuses if it has
    been changed since.
    """
    row = letter_held(letter, "edit")
    if version_of(row) != version:
        raise LetterChanged(number=row.request.number)
    row.body = Plain(letter_body(body, number=row.request.number))  # type: ignore[assignment]
    row.written_by, row.approved_by, row.approved_at = by, None, None
    fields = ["body", "written_by", "approved_by", "approved_at"]
    return _moved(row, "edit", by=by, reason="changed", fields=fields)


@transaction.atomic
def letter_send(*, letter: Letter, by: User | None, now: datetime) -> Letter:
    """Let a draft go: by e-mail with the next bell, on paper to the print queue, the page at once.

    What goes can no longer be changed. Refuses a request that is over, to tell what was decided to
    a representative whose power has ended, and a refusal or disclosure that no second person has
    approved, where the operator wants one.
    """
    row = letter_held(letter, "send")
    if row.request.ended_at is not None:
        raise RequestOver(number=row.request.number)
    if row.kind in TELLS:
        require_told(row.request, today=now.astimezone(row.operator.zone).date())
    if row.approved_by_id is None and needs_second(row.request, row.kind):
        raise SecondPersonMissing(number=row.request.number)
    if row.by == LetterBy.PAGE:
        row.sent_at = now
        return _moved(row, "publish", by=by, reason="sent", fields=["sent_at"])
    row.next_attempt_at = now if row.by == LetterBy.EMAIL else None
    return _moved(row, "send", by=by, reason="sent", fields=["next_attempt_at"])


@transaction.atomic
def letter_cancel(*, letter: Letter, reason: str, by: User | None) -> Letter:
    """It will not go. Refuses what has gone, and what is on its way this minute."""
    reason = reason_given(letter.request, reason)
    return _moved(letter_held(letter, "cancel"), "cancel", by=by, reason=reason, fields=[])


@transaction.atomic
def letter_reroute(*, letter: Letter, way: str, by: User | None, now: datetime) -> Letter:
    """Send the same text another way: the mailbox does not answer, the envelope came back."""
    row = letter_held(letter, "reroute")
    known(way, LetterBy)
    address = address_of(row.request, way)
    if way == LetterBy.PAGE:
        # It would need no address, and no proof: the person asked for another way.
        raise AddressMissing(number=row.request.number)
    row.by, row.attempts, row.error, row.claimed_at = LetterBy(way), 0, "", None
    row.next_attempt_at = now if way == LetterBy.EMAIL else None
    fields = ["by", "attempts", "error", "claimed_at", "next_attempt_at"]
    if address:
        row.address = Plain(address)  # type: ignore[assignment]
        fields.append("address")
    return _moved(row, "reroute", by=by, reason="another way", fields=fields)


@transaction.atomic
def letter_retry(*, letter: Letter, by: User | None, now: datetime) -> Letter:
    """Try a failed e-mail again at once, from the first try on."""
    row = letter_held(letter, "retry")
    row.attempts, row.next_attempt_at, row.error = 0, now, ""
    return _moved(
        row, "retry", by=by, reason="retry", fields=["attempts", "next_attempt_at", "error"]
    )


# --- paper ---------------------------------------------------------------------------------------
@transaction.atomic
def letter_print(*, letter: Letter, user: User, now: datetime) -> bytes:
    """The letter as PDF, and that it was printed; again as often as wanted until it has gone.

    Leaves an access event. Refuses what goes by e-mail, and what was destroyed.
    """
    row = letter_held(letter, "print")
    if row.by not in ON_PAPER:
        raise NotOnPaper(number=row.request.number)
    content = letter_paper(row)
    look(
        operator=row.request.operator_id, what=Looked.PAPER, user=user, now=now,
        reason=row.request.number, letter=row.pk,
    )  # fmt: skip
    _moved(row, "print", by=user, reason="printed", fields=[])
    return content


def letter_paper(letter: Letter) -> bytes:
    """One letter as PDF: the address stands where the window of the envelope is."""
    body, address = letter_texts([letter])[letter], letter_addresses([letter], opened=True)[letter]
    if body.state != State.OPEN:
        raise store.ValueDestroyed() if body.state == State.DESTROYED else store.ValueLost()
    operator = letter.request.operator
    paper = Paper(
        title(letter), language=letter.language, number=letter.request.number,
        made_at=letter.made_at, footer=str(operator),
        sender=[str(operator), operator.address],
        window=address.text.split("\n") if address.state == State.OPEN else [],
    )  # fmt: skip
    for paragraph in body.text.split("\n\n"):
        paper.text(paragraph)
    return paper.render()


@transaction.atomic
def letter_prove(
    *, letter: Letter, proof: str, sent_at: datetime, by: User | None, now: datetime
) -> Letter:
    """It was posted or handed over: by which number, or who took it; no names of people.

    Refuses what was not printed, a moment to come, one before the letter was made.
    """
    row = letter_held(letter, "prove")
    number, proof = row.request.number, proof.strip()
    if not proof:
        raise ProofMissing(number=number)
    if len(proof) > PROOF_LIMIT:
        raise ProofTooLong(number=number, limit=PROOF_LIMIT)
    if sent_at > now:
        raise NotYet(number=number)
    if sent_at < row.made_at.replace(second=0, microsecond=0):
        raise BeforePrinting(number=number)
    row.proof, row.sent_at = proof, sent_at
    return _moved(row, "prove", by=by, reason="proof of sending", fields=["proof", "sent_at"])
