"""What can still be told of somebody destroyed: marks over their strongest search tokens.

Written by the one module that destroys, in its transaction; asked here, and by whatever takes in
something that is older than the destruction. Holds no value, and needs none: a mark is made of the
token that goes, so nothing is opened to destroy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from registry import seam
from registry.choices import DataFormat
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import ConsentText, DataCategory, Operator, User
from subjects import sealing
from subjects.choices import Looked
from subjects.folding import Term, query_terms
from subjects.models import (
    AccessEvent,
    DataSubject,
    DestructionItem,
    Evidence,
    Ground,
    PersonalDatum,
)
from subjects.services import evidence_keys
from subjects.services.consents_told import ConsentTold, consents_told
from subjects.services.looking import look
from subjects.vault import keyring, store
from subjects.vault.models import KeyUse, Sealed, VaultKey

# What names one person; the words of a name and the last digits of a phone fit too many.
STRONG = frozenset({DataFormat.EMAIL, DataFormat.IIN, DataFormat.ACCOUNT})
# Only of a card that loses none of those: the token of its last 4 digits would be guessed.
FALLBACK = DataFormat.PHONE
LEFT_BY = STRONG | {FALLBACK}
COLUMNS = ("operator_id", "mark", "year", "search", "key", "keep_until")
# Marks in one statement: SQLite takes no more than some ten thousands of parameters.
AT_ONCE = 10_000

QUESTIONS_AN_HOUR = 30
# Of one operator on the machine itself: a list, and not the phone book.
LINES_AN_HOUR = 1_000
TEXT_LIMIT = 300
# Kinds of terms, and meanings of what is typed, under which evidence is looked for: whole ones. The
# last digits of two phones are often the same.
ASKED = frozenset({"email", "phone", "iin", "account"})

# A key that went, as its row was: number, kind, owner, data category, number of the search key.
Gone = tuple[int, int, int, int | None, int | None]


class OlderThanDestruction(Conflict):
    template = gettext_noop(
        "%(category)s: a person with this value was destroyed on %(day)s, and this is older. Only "
        "what the person gave since can be taken (152-FZ 21, 94-V 18)."
    )


class ConsentOlderThanDestruction(Conflict):
    template = gettext_noop(
        "Data of %(code)s that this consent covers were destroyed on %(day)s, and the consent is "
        "older: it cannot bring them back. A newer consent can (152-FZ 21, 94-V 18)."
    )


class NothingAsked(OperatorError):
    template = gettext_noop("Type an e-mail, a phone, an IIN or an account.")


class TooMuchAsked(OperatorError):
    template = gettext_noop("This is longer than any identifier: %(limit)s characters.")


class LineTooLong(OperatorError):
    template = gettext_noop(
        "Line %(number)s is longer than any identifier: %(limit)s characters. Nothing was asked."
    )


class AskedTooOften(OperatorError):
    status = 429
    template = gettext_noop(
        "You have asked %(limit)s times within an hour: wait before you ask again."
    )


# --- writing -------------------------------------------------------------------------------------
def evidence_keep(
    gone: Sequence[Gone], tokens: Iterable[tuple[bytes, int]], *, now: datetime
) -> list[tuple[Any, ...]]:
    """Write the evidence of these keys, just deleted with their tokens; in that transaction.

    Returns the rows, by ``COLUMNS``. Refuses when the year's key is not there: then nothing is
    destroyed.
    """
    found = {
        number: (owner, category, search)
        for number, kind, owner, category, search in gone
        if kind == Sealed.DATUM and search is not None
    }
    chosen = _strongest(found)
    if not chosen:
        return []
    year = evidence_keys.year_of(now)
    secret = keyring.evidence_key(year)
    owners = _owners({found[number][0] for number in chosen}, now)
    rows = []
    for token, number in tokens:
        # A key without a card is nobody's: there is nobody to tell of.
        if number in chosen and (owner := found[number][0]) in owners:
            operator, until = owners[owner]
            search = found[number][2]
            mark = sealing.mark(secret, operator, search, bytes(token))
            rows.append((operator, mark, year, search, number, until))
    seam.copy_rows(Evidence._meta.db_table, COLUMNS, rows)
    store.require_in_use({(KeyUse.EVIDENCE, year)})
    return rows


def _strongest(found: dict[int, tuple[int, int | None, int]]) -> set[int]:
    """The keys whose tokens become evidence. One query."""
    categories = {category for _, category, _ in found.values() if category is not None}
    formats = dict(
        DataCategory.objects.filter(pk__in=categories).values_list("pk", "format")
        if categories
        else ()
    )
    chosen: set[int] = set()
    fallback: dict[int, list[int]] = defaultdict(list)
    for number, (owner, category, _) in found.items():
        # What identifies a row and is no element of the list of data is an account.
        format = DataFormat.ACCOUNT if category is None else formats.get(category)
        if format in STRONG:
            chosen.add(number)
        elif format == FALLBACK:
            fallback[owner].append(number)
    named = {found[number][0] for number in chosen}
    chosen.update(
        number for owner, numbers in fallback.items() if owner not in named for number in numbers
    )
    return chosen


def _owners(numbers: set[int], now: datetime) -> dict[int, tuple[int, date | str]]:
    """Card -> its operator, and the last day of the evidence as the column takes it. One query."""
    cards = seam.among(DataSubject.objects.all(), "id", list(numbers)).values_list(
        "pk", "operator", "operator__time_zone", "operator__jurisdiction__time_zone"
    )
    until: dict[str, date | str] = {}
    found = {}
    for number, operator, own, usual in cards:
        zone = own or usual
        if zone not in until:
            last = evidence_keys.kept_until(now.astimezone(ZoneInfo(zone)).date())
            field = Evidence._meta.get_field("keep_until")
            until[zone] = field.get_db_prep_save(last, connection)
        found[number] = operator, until[zone]
    return found


# --- finding -------------------------------------------------------------------------------------
def evidence_stands(operator: Operator | int, today: date) -> bool:
    """Whether anybody of this operator can still be told to be destroyed; one cheap query."""
    return Evidence.objects.filter(operator=operator, keep_until__gte=today).exists()


def _keys_of(operator: int, terms: Iterable[Term], today: date) -> dict[int, Term]:
    """Destroyed keys whose value had one of these terms; under every search key that is kept."""
    ring = keyring.ring()
    searches = {
        number: sealing.Tokens(ring.get(KeyUse.SEARCH, number))
        for number in ring.numbers(KeyUse.SEARCH)
    }
    secrets = keyring.evidence_keys().values()
    marks: dict[bytes, Term] = {}
    for term in terms:
        for number, tokens in searches.items():
            token = tokens.token(operator, *term)
            for secret in secrets:
                marks[sealing.mark(secret, operator, number, token)] = term
    found: dict[int, Term] = {}
    listed = list(marks)
    for start in range(0, len(listed), AT_ONCE):
        rows = Evidence.objects.filter(operator=operator, keep_until__gte=today)
        hits = seam.among(rows, "mark", listed[start : start + AT_ONCE])
        found |= {key: marks[bytes(mark)] for mark, key in hits.values_list("mark", "key")}
    return found


def last_destroyed(operator: int, terms: Collection[Term], today: date) -> dict[Term, datetime]:
    """When a value with this term was destroyed, the last time; only terms that have evidence."""
    if not terms or not evidence_stands(operator, today):
        return {}
    keys = _keys_of(operator, terms, today)
    found: dict[Term, datetime] = {}
    if keys:
        items = seam.among(DestructionItem.objects.all(), "key", list(keys))
        for key, at in items.values_list("key", "destroyed_at"):
            found[keys[key]] = max(at, found.get(keys[key], at))
    return found


# --- refusing ------------------------------------------------------------------------------------
def is_older(given_at: datetime | None, day: date, destroyed_at: datetime, zone: ZoneInfo) -> bool:
    """Whether a consent of this moment, or what has a day only, comes before the destruction.

    On the very day the person may have come back: only a moment tells.
    """
    if given_at is not None:
        return given_at < destroyed_at
    return day < destroyed_at.astimezone(zone).date()


def require_newer_datum(
    *,
    operator: Operator,
    terms: Collection[Term],
    category: str,
    collected_on: date,
    grounds: Collection[Ground],
    today: date,
) -> None:
    """Refuse a value, by its terms, that is older than the destruction of somebody with it.

    Older is what was collected before that, and what only older grounds cover: on a new card too,
    an old consent brings nothing back. ``grounds``: the live ones that cover it, with their
    consents.
    """
    whole = [term for term in terms if term[0] in ASKED]
    for at in last_destroyed(operator.pk, whole, today).values():
        if is_older(None, collected_on, at, operator.zone) or all(
            is_older(_given_at(ground), ground.started_on, at, operator.zone) for ground in grounds
        ):
            day = at.astimezone(operator.zone).date()
            raise OlderThanDestruction(category=category, day=day)


def _given_at(ground: Ground) -> datetime | None:
    """The moment of the ground's consent; other grounds have a day only."""
    return ground.consent.given_at if hasattr(ground, "consent") else None


def require_newer_consent(*, subject: DataSubject, text: ConsentText, given_at: datetime) -> None:
    """Refuse a consent that is older than the destruction of what it covers, on the same card.

    Of a card of which nothing is left: any older consent. The caller holds the card.
    """
    merged = DataSubject.objects.filter(merged_into=subject).values_list("pk", flat=True)
    items = DestructionItem.objects.filter(
        owner__in=[subject.pk, *merged], kind=Sealed.DATUM, destroyed_at__gt=given_at
    )
    gone = list(items.order_by("-destroyed_at").values_list("category", "destroyed_at"))
    if not gone:
        return
    covered = {None, *text.data_categories.values_list("pk", flat=True)}
    at = next((at for category, at in gone if category in covered), None)
    if at is None and not _anything_left(subject):
        at = gone[0][1]
    if at is not None:
        day = at.astimezone(subject.operator.zone).date()
        raise ConsentOlderThanDestruction(code=subject.code, day=day)


def _anything_left(subject: DataSubject) -> bool:
    data = PersonalDatum.objects.filter(subject=subject, value_key__isnull=False)
    return VaultKey.objects.filter(pk__in=data.values("value_key")).exists()


# --- asking --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Answer:
    """One destroyed value that what was typed names."""

    # Of the card, and of the one that holds the person's data since a merge; empty without one. A
    # card that a restored database never had is empty too.
    code: str
    stays: str
    # email, phone, iin or account.
    matched: str
    destroyed_at: datetime
    reason: str
    # Empty: no act; the office itself.
    act: str
    by: str
    # Under which consents the card had held data until then, the oldest first.
    consents: tuple[ConsentTold, ...] = ()


def was_destroyed(*, operator: Operator, text: str, by: User | None, now: datetime) -> list[Answer]:
    """Whether the person with this e-mail, phone, IIN or account was destroyed; the newest first.

    Empty: nobody, or longer than three years ago. Leaves an access event with the number of
    answers, never what was typed. Refuses an empty text, more than ``QUESTIONS_AN_HOUR`` of one
    user, and to answer while a key is missing without which the answer could be wrong.
    """
    text = text.strip()
    if not text:
        raise NothingAsked()
    if len(text) > TEXT_LIMIT:
        raise TooMuchAsked(limit=TEXT_LIMIT)
    labels: dict[Term, str] = {}
    for meaning in query_terms(text):
        if meaning.label in ASKED:
            for term in meaning.groups[0]:
                labels.setdefault(term, meaning.label)
    with transaction.atomic():
        if by is not None:
            _require_patience(by, now)
        today = now.astimezone(operator.zone).date()
        keys = _keys_of(operator.pk, labels, today)
        answers = _answers({key: labels[term] for key, term in keys.items()})
        look(
            operator=operator, what=Looked.DESTROYED_LOOK, user=by, now=now, hits=len(answers)
        )  # fmt: skip
    return answers


@transaction.atomic
def were_destroyed(
    *, operator: Operator, lines: Mapping[int, str], now: datetime
) -> dict[int, list[Answer]]:
    """``was_destroyed`` for each line of a list (number -> text), asked on the machine itself.

    All of them are asked and recorded, or none: refuses a line that is too long, by its number, and
    more than ``LINES_AN_HOUR`` of one operator.
    """
    for number, text in lines.items():
        if len(text.strip()) > TEXT_LIMIT:
            raise LineTooLong(number=number, limit=TEXT_LIMIT)
    seam.lock(Operator.objects.filter(pk=operator.pk)).get()
    asked = AccessEvent.objects.filter(
        operator=operator, user=None, what=Looked.DESTROYED_LOOK, at__gt=now - timedelta(hours=1)
    )
    if asked.count() + len(lines) > LINES_AN_HOUR:
        raise AskedTooOften(limit=LINES_AN_HOUR)
    return {
        number: was_destroyed(operator=operator, text=text, by=None, now=now)
        for number, text in lines.items()
    }


def _require_patience(user: User, now: datetime) -> None:
    """One question after the other: two at once would both be the thirtieth."""
    seam.lock(User.objects.filter(pk=user.pk)).values_list("pk").first()
    asked = AccessEvent.objects.filter(
        user=user, what=Looked.DESTROYED_LOOK, at__gt=now - timedelta(hours=1)
    )
    if asked.count() >= QUESTIONS_AN_HOUR:
        raise AskedTooOften(limit=QUESTIONS_AN_HOUR)


def _answers(keys: dict[int, str]) -> list[Answer]:
    items = list(
        seam.among(DestructionItem.objects.all(), "key", list(keys))
        .select_related("act", "destroyed_by")
        .order_by("-destroyed_at", "key")
    )
    owners = DataSubject.objects.filter(pk__in={item.owner for item in items})
    # Merging leads every card straight to the one that stays.
    cards = {card.pk: card for card in owners.select_related("merged_into")}
    consents = consents_told({card.merged_into_id or card.pk for card in cards.values()})
    answers = [
        Answer(
            code=card.code if (card := cards.get(item.owner)) else "",
            stays=card.merged_into.code if card and card.merged_into else "",
            matched=keys[item.key],
            destroyed_at=item.destroyed_at,
            reason=item.reason,
            act=item.act.number if item.act else "",
            by=str(item.destroyed_by) if item.destroyed_by else "",
            consents=tuple(
                one
                for one in consents.get(card.merged_into_id or card.pk, ())
                if one.given_at <= item.destroyed_at
            )
            if card
            else (),
        )
        for item in items
    ]
    return list(dict.fromkeys(answers))
