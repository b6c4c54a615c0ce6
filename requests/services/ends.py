"""The end of a correspondence: by when each key of it goes, and the hourly sweep that destroys.

The contact goes as soon as nothing is on its way to it any more, all the rest when no claim can
come from it. Destroyed is what an item names; no row of a request or a letter is touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from registry import seam
from registry.choices import Effect, Event, RetentionEvent
from registry.errors import OperatorError, gettext_noop
from registry.models import Operator, User
from registry.services import audit
from registry.services.rules import outcome, rules_for
from requests import states
from requests.models import AccessAnswer, Letter, LetterFile, RequestNote, SubjectRequest
from requests.services.moving import request_held
from subjects.choices import StopKind
from subjects.models import DataSubject, SealedFile, Stop, VaultKey
from subjects.services.covering import Law
from subjects.services.destruction import flush, keys_destroy
from subjects.services.evidence_keys import evidence_key_ready
from subjects.vault.field import SealedField
from subjects.vault.models import Sealed

log = logging.getLogger(__name__)

KINDS = (Sealed.REQUEST, Sealed.LETTER)
# Where an answer goes to; needed by nobody once it has gone there.
CONTACT = ("email_key", "phone_key", "postal_key")
# A letter in one of these still needs the address.
ON_ITS_WAY = (states.QUEUED, states.SENDING, states.FAILED, states.PRINTED)
DAY = timedelta(days=1)
# Instead of the code of a rule of law: the operator's own, as letters word it.
OWN = "own"


class NoTermOfCorrespondence(OperatorError):
    template = gettext_noop(
        "The law of %(operator)s has no term for which a correspondence is kept as evidence."
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """Through which day a correspondence is kept, that day included, and by which rule.

    ``rule``: the code of a rule of law, or ``OWN``.
    """

    until: date
    rule: str
    article: str


def kept_until(operator: Operator, ended_on: date) -> Kept:
    """As the operator's own rule for closed requests says; without one as long as a claim can come
    from it: the limitation period (CC RK 178, CC RF 196).

    That rule is the one of the proof of a consent: an answered request is the proof of its end. Of
    several rules of the operator the one that ends first (152-FZ 5(7), 94-V 12(2)).
    """
    law = Law(operator)
    own = [
        (last, rule)
        for rule in law.retention
        if rule.event == RetentionEvent.REQUEST_CLOSED and rule.activity_id is None
        if (last := law.period(rule, ended_on)) is not None
    ]
    if own:
        until, first = min(own, key=lambda pair: (pair[0], pair[1].code))
        return Kept(until, OWN, first.article or first.code)
    statute, promise = rules_for(
        operator=operator, event=Event.CONSENT_ENDED, effect=Effect.KEEP_EVIDENCE, day=ended_on
    )
    rule = statute or promise
    if rule is None:
        raise NoTermOfCorrespondence(operator=str(operator))
    found = outcome(operator=operator, statute=statute, promise=promise, trigger=ended_on)
    assert found.due_on is not None
    return Kept(found.due_on, rule.code, rule.article)


# --- dates ---------------------------------------------------------------------------------------
def _columns() -> list[str]:
    """The columns of a request that hold the keys of what it seals, whatever it seals."""
    fields = SubjectRequest._meta.concrete_fields
    return [field.key for field in fields if isinstance(field, SealedField)]


def _contact_keys(row: SubjectRequest, letters: Iterable[Letter]) -> list[int]:
    found = [getattr(row, name) for name in CONTACT] + [one.address_key for one in letters]
    return [number for number in found if number]


def _all_keys(row: SubjectRequest, letters: Iterable[Letter]) -> list[int]:
    found = [getattr(row, name) for name in _columns()]
    for letter in letters:
        found += [letter.body_key, letter.address_key]
    found += row.notes.values_list("text_key", flat=True)
    found += SealedFile.objects.filter(letter_file__letter__request=row).values_list(
        "key", flat=True
    )
    return [number for number in found if number]


def correspondence_dated(row: SubjectRequest, *, by: User | None, now: datetime) -> int:
    """Write into the keys of a request that has ended by when they go; how many were dated.

    The contact at once, unless a letter is still on its way to it. The request is locked.
    """
    assert row.ended_at is not None
    zone = row.operator.zone
    kept = kept_until(row.operator, row.ended_at.astimezone(zone).date())
    letters = list(Letter.objects.filter(request=row).order_by("pk"))
    keys = VaultKey.objects.filter(kind__in=KINDS)
    dated = keys.filter(pk__in=_all_keys(row, letters), destroy_on=None).update(
        destroy_on=kept.until + DAY
    )
    today = now.astimezone(zone).date()
    # The one-time code of an answer that can still be fetched goes to the contact.
    fetched = row.answers.filter(state=states.RELEASED, ends_on__gt=today).exists()
    if not fetched and not any(letter.state in ON_ITS_WAY for letter in letters):
        contact = keys.filter(pk__in=_contact_keys(row, letters), destroy_on__gt=today)
        dated += contact.update(destroy_on=today)
    for letter in letters:
        if letter.keep_until != kept.until:
            letter.keep_until = kept.until
            audit.save(letter, by=by, reason=row.number, fields=["keep_until"])
    return dated


def correspondence_undated(row: SubjectRequest, *, by: User | None) -> None:
    """A request goes on: what is left of it has no day any more. The request is locked."""
    letters = list(Letter.objects.filter(request=row).order_by("pk"))
    keys = VaultKey.objects.filter(kind__in=KINDS, pk__in=_all_keys(row, letters))
    keys.update(destroy_on=None)
    for letter in letters:
        if letter.keep_until is not None:
            letter.keep_until = None
            audit.save(letter, by=by, reason=row.number, fields=["keep_until"])


def _to_date(now: datetime) -> QuerySet[SubjectRequest]:
    """Requests that have ended and whose keys do not say by when they go, or say it too late."""
    undated = VaultKey.objects.filter(destroy_on=None)
    # A day is over in the east of the world before it is here.
    late = VaultKey.objects.filter(destroy_on__gt=(now + DAY).date())
    letters = Letter.objects.filter(request=OuterRef("pk"))
    files = LetterFile.objects.filter(letter__request=OuterRef("pk"))
    missing = Q(Exists(letters.filter(Exists(undated.filter(pk=OuterRef("body_key"))))))
    missing |= Q(Exists(letters.filter(Exists(undated.filter(pk=OuterRef("address_key"))))))
    missing |= Q(Exists(files.filter(Exists(undated.filter(pk=OuterRef("file__key"))))))
    notes = RequestNote.objects.filter(request=OuterRef("pk"))
    missing |= Q(Exists(notes.filter(Exists(undated.filter(pk=OuterRef("text_key"))))))
    for name in _columns():
        missing |= Q(Exists(undated.filter(pk=OuterRef(name))))
    answers = AccessAnswer.objects.filter(request=OuterRef("pk"), state=states.RELEASED)
    arrived = ~Exists(letters.filter(state__in=ON_ITS_WAY)) & ~Exists(answers)
    waiting = Q(Exists(letters.filter(Exists(late.filter(pk=OuterRef("address_key"))))))
    for name in CONTACT:
        waiting |= Q(Exists(late.filter(pk=OuterRef(name))))
    ended = SubjectRequest.objects.filter(ended_at__isnull=False)
    return ended.filter(missing | (Q(arrived) & waiting))


# --- the sweep -----------------------------------------------------------------------------------
def ends_sweep(
    *, now: datetime, after_request: Callable[[int], None] | None = None
) -> dict[str, int]:
    """Date what has ended and destroy what is due, one request a transaction; what was done.

    Late, twice or killed half-way it does no harm: what is due is found by its keys alone.
    ``held``: requests that a legal hold on a linked card keeps; their day comes when it is lifted.
    What fails for one request does not keep the others waiting. Must not stand in a transaction.
    """
    did = dict.fromkeys(("dated", "destroyed", "held", "failed"), 0)
    evidence_key_ready(now=now)
    for number in list(_to_date(now).order_by("pk").values_list("pk", flat=True)):
        _alone(did, "dated", number, partial(_date, number, now))
    for number in _due(now):
        _alone(did, "destroyed", number, partial(_destroy, number, did, now))
        if after_request is not None:
            after_request(number)
    if did["destroyed"]:
        flush()
    return did


def _alone(did: dict[str, int], name: str, number: int, work: Callable[[], int]) -> None:
    try:
        did[name] += work()
    except (OperationalError, InterfaceError):
        # The database itself is away: nobody's turn would come.
        raise
    except Exception as error:
        log.error("request %s: %s", number, type(error).__name__)
        did["failed"] += 1


def _date(number: int, now: datetime) -> int:
    with transaction.atomic():
        row = request_held(SubjectRequest.objects.only("operator_id").get(pk=number))
        return correspondence_dated(row, by=None, now=now)


def _due(now: datetime) -> list[int]:
    """Requests with a key whose day may have come, wherever they are."""
    keys = VaultKey.objects.filter(kind__in=KINDS, destroy_on__lte=(now + DAY).date())
    found: set[int] = set()
    letters: set[int] = set()
    for kind, owner in keys.order_by().values_list("kind", "owner").distinct():
        (found if kind == Sealed.REQUEST else letters).add(owner)
    owners = seam.numbered(Letter.objects.order_by(), "id", sorted(letters))
    return sorted(found | set(owners.values_list("request_id", flat=True)))


def _destroy(number: int, did: dict[str, int], now: datetime) -> int:
    """What is due of one request, unless a legal hold stands; the cards are locked.

    Operator, then cards, then keys: nobody can order a hold between the look and the destruction.
    """
    with transaction.atomic():
        row = request_held(SubjectRequest.objects.only("operator_id").get(pk=number))
        today = now.astimezone(row.operator.zone).date()
        letters = list(Letter.objects.filter(request=row))
        due = VaultKey.objects.filter(
            kind__in=KINDS, pk__in=_all_keys(row, letters), destroy_on__lte=today
        )
        keys = list(due.values_list("pk", flat=True))
        if not keys:
            return 0
        if _held(row):
            did["held"] += 1
            return 0
        assert row.ended_at is not None
        kept = kept_until(row.operator, row.ended_at.astimezone(row.operator.zone).date())
        files = list(SealedFile.objects.filter(key__in=keys))
        contact = set(_contact_keys(row, letters)) if today <= kept.until else set()
        items = keys_destroy(contact & set(keys), reason=row.number, by=None, now=now)
        reason = f"{row.number} ({kept.article})"
        items += keys_destroy(set(keys) - contact, reason=reason, by=None, now=now)
        # Their keys are gone; what a killed process leaves is taken by the sweep of the files.
        transaction.on_commit(lambda: _remove(files))
    return len(items)


def _held(row: SubjectRequest) -> bool:
    linked = row.people.filter(unlinked_at=None).select_related("subject")
    cards = {link.subject_id for link in linked}
    cards |= {link.subject.merged_into_id for link in linked if link.subject.merged_into_id}
    list(seam.lock(DataSubject.objects.filter(pk__in=cards).order_by("pk")))
    stops = Stop.objects.filter(subject__in=cards, kind=StopKind.LEGAL_HOLD, ended_at=None)
    return stops.exists()


def _remove(files: Iterable[SealedFile]) -> None:
    for file in files:
        with suppress(OSError):
            file.path.unlink(missing_ok=True)
