"""Who was given what an act destroys: whom to tell, the list for each, and what they answered.

A processor acts on the operator's behalf: the operator sees to it that its copy goes too (152-FZ
21(3)-(5), 6(3); 94-V 18). So by what a processor finds a person waits in the vault until somebody
has told it, and no longer: an answer may never come. Everybody else keeps its copy on a ground of
its own and can only be asked. For them nothing waits; the list is taken before the execution, and
after it holds codes of cards and numbers of disclosures. A body of the state keeps by its own law.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from registry import seam
from registry.calendars import work_calendar
from registry.cells import safe
from registry.choices import DataFormat, RecipientKind
from registry.errors import OperatorError, gettext_noop
from registry.models import DataCategory, Operator, Recipient, User
from registry.services import audit
from registry.states import ForbiddenTransition
from subjects.choices import ActState, DisclosureKind, HeldIn, Looked, Outcome, RecipientState
from subjects.models import (
    ActItem,
    DataSubject,
    DestructionAct,
    DisclosedPerson,
    PersonalDatum,
    RecipientNotice,
)
from subjects.services.acts import act_locked
from subjects.services.covering import Law
from subjects.services.elsewhere import CHUNK, finders, readable
from subjects.services.fates import Fates
from subjects.services.looking import look
from subjects.services.planning import standing_stops
from subjects.vault.sealing_bridge import State, open_rows

# So long somebody may take to tell a recipient, and a recipient to answer; then it is escalated.
PATIENCE = 10  # working days
LIST = "recipient_list"


class NotGiven(OperatorError):
    template = gettext_noop("%(number)s: this recipient was given nothing of what it destroys.")


@dataclass(frozen=True, slots=True)
class Told:
    """A recipient of an act on its page; ``notice``: None as long as the act is only approved."""

    recipient: Recipient
    people: int
    notice: RecipientNotice | None

    @property
    def processor(self) -> bool:
        if self.notice is not None:
            return self.notice.processor
        return self.recipient.kind == RecipientKind.PROCESSOR

    @property
    def state(self) -> str:
        return self.notice.state if self.notice is not None else RecipientState.WAITING


# --- who was given what --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Given:
    """One category of a person of the act, given to a recipient once; ``subject``: of the item."""

    recipient: int
    subject: int
    category: int
    disclosure: str
    document: str


def given_by(
    act: DestructionAct, *, recipient: int | None = None, subjects: Collection[int] | None = None
) -> Iterator[Given]:
    """What recipients of the register were given of what the act destroys; two queries.

    Without what stays or is stopped, what another act destroyed, a disclosure that was reversed,
    bodies of the state, and what the same recipient has confirmed already, for another act.
    """
    journal = DisclosedPerson.objects.filter(
        disclosure__operator=act.operator_id, disclosure__kind=DisclosureKind.TRANSFER,
        disclosure__reversal=None,
    ).exclude(disclosure__transfer__recipient__kind=RecipientKind.STATE_BODY)  # fmt: skip
    if recipient is not None:
        journal = journal.filter(disclosure__transfer__recipient=recipient)
    if not journal.exists():
        return
    gone = Q(outcome__in=["", Outcome.DESTROYED]) | Q(outcome=Outcome.GONE, why="")
    going = ActItem.objects.filter(gone, act=act, category__isnull=False).order_by()
    # Of one query the cards themselves, of the other those that were merged into them.
    for card in ("subject", "subject__merged_into"):
        mine = going.filter(subject=OuterRef(card), category=OuterRef("category"))
        rows = journal.filter(Exists(mine))
        if subjects is None:
            rows = rows.filter(**{f"{card}__in": going.values("subject")})
        else:
            rows = seam.numbered(rows, "subject_id", _merged(subjects, card))
        rows = _unconfirmed(rows, act, card).order_by("pk")
        for cells in rows.values_list(
            "disclosure__transfer__recipient", card, "category", "disclosure__number",
            "disclosure__document",
        ):  # fmt: skip
            yield Given(*cells)


def _merged(subjects: Collection[int], card: str) -> Collection[int]:
    """These cards, or the numbers of those that were merged into them."""
    if card == "subject":
        return subjects
    rows = seam.numbered(DataSubject.objects.order_by(), "merged_into_id", subjects)
    return list(rows.values_list("pk", flat=True))


def _unconfirmed(
    rows: QuerySet[DisclosedPerson], act: DestructionAct, card: str
) -> QuerySet[DisclosedPerson]:
    """Without what the recipient confirmed for another act after it was given that."""
    confirmed = RecipientNotice.objects.filter(
        state=RecipientState.CONFIRMED,
        recipient=OuterRef("disclosure__transfer__recipient"),
        told_at__gte=OuterRef("disclosure__recorded_at"),
        act__items__subject=OuterRef(card),
        act__items__category=OuterRef("category"),
    ).exclude(act=act)
    return rows.exclude(Exists(confirmed))


def recipients_of(act: DestructionAct) -> list[Told]:
    """Whom the act's data were given to, processors first; of a drafted act: whom it would tell."""
    rows = list(act.recipient_notices.select_related("recipient"))
    found = [Told(row.recipient, row.people, row) for row in rows if row.people]
    if not rows and act.state in (ActState.DRAFTED, ActState.APPROVED):
        counts = _people(act)
        recipients = Recipient.objects.in_bulk(counts)
        found = [Told(recipients[pk], count, None) for pk, count in counts.items()]
    return sorted(found, key=lambda one: (not one.processor, one.recipient.code))


def _people(act: DestructionAct) -> dict[int, int]:
    """Recipient -> about how many people it was given something that the act destroys."""
    people: dict[int, set[int]] = defaultdict(set)
    for one in given_by(act):
        people[one.recipient].add(one.subject)
    return {recipient: len(cards) for recipient, cards in people.items()}


# --- the notices ---------------------------------------------------------------------------------
def notices_draft(act: DestructionAct, *, now: datetime) -> None:
    """A notice to each recipient that has none yet. The caller holds the act."""
    counts = _people(act)
    if not counts:
        return
    there = set(act.recipient_notices.values_list("recipient", flat=True))
    due_on = expected(act.operator, now.astimezone(act.operator.zone).date())
    for recipient in Recipient.objects.filter(pk__in=counts.keys() - there).order_by("pk"):
        row = RecipientNotice(
            act=act, recipient=recipient, people=counts[recipient.pk], drafted_at=now,
            processor=recipient.kind == RecipientKind.PROCESSOR, due_on=due_on,
        )  # fmt: skip
        audit.save(row, by=None, reason=act.number)


def notices_count(act: DestructionAct) -> None:
    """What the execution left alone is nobody's to destroy either. The caller holds the act."""
    rows = list(act.recipient_notices.filter(answered_at=None))
    counts = _people(act) if rows else {}
    for row in rows:
        if row.people != counts.get(row.recipient_id, 0):
            row.people = counts.get(row.recipient_id, 0)
            audit.save(row, by=None, reason="executed", fields=["people"])


def expected(operator: Operator, day: date) -> date:
    return work_calendar(operator.jurisdiction).add_working_days(day, PATIENCE)


def untold_keys(act: DestructionAct, cards: Mapping[int, int], keys: Collection[int]) -> set[int]:
    """Of these keys: those by which a processor that nobody has told yet finds its people.

    ``cards``: card of an item -> the card that holds the data now. The caller holds the act.
    """
    waiting = act.recipient_notices.filter(processor=True, state=RecipientState.WAITING)
    recipients = set(waiting.values_list("recipient", flat=True))
    if not recipients or not keys:
        return set()
    given: dict[tuple[int, int], set[int]] = defaultdict(set)
    for one in given_by(act, subjects=cards.keys()):
        if one.recipient in recipients:
            given[one.recipient, cards[one.subject]].add(one.category)
    data = readable({owner for _, owner in given}, keys)
    return {
        one.value_key
        for (_, owner), categories in given.items()
        for one in known_there(data[owner], categories)
        if one.value_key
    }


def known_there(
    data: Collection[PersonalDatum], categories: Collection[int]
) -> list[PersonalDatum]:
    """By which of a person's values a recipient knows them: only what it was given itself.

    A list must tell nobody anything new.
    """
    given = [one for one in data if one.category_id in categories]
    names = [one for one in given if one.category and one.category.format == DataFormat.NAME]
    return finders(given, HeldIn.SYSTEM) or names


# --- the list ------------------------------------------------------------------------------------
def recipient_list(*, act: DestructionAct, recipient: Recipient, by: User, now: datetime) -> bytes:
    """About whom to tell a recipient, as CSV: code, by what it knows them, what it was given.

    From the draft on, so that it can be taken before the values go; what is gone from the vault is
    left empty. Whom a stop or a ground holds by now is not on it. Opens values, so it leaves an
    access event, and is kept nowhere. Refuses a cancelled act, and who was given nothing.
    """
    with transaction.atomic():
        row = act_locked(act)
        if row.state == ActState.CANCELLED:
            raise ForbiddenTransition(number=row.number, state=row.state)
        found = list(given_by(row, recipient=recipient.pk))
        if not found:
            raise NotGiven(number=row.number)
        cards = _cards({one.subject for one in found})
        people = _free(row, found, cards, now)
        look(
            operator=row.operator_id, what=Looked.EXPORT, user=by, now=now, reason=row.number,
            kind=LIST, recipient=recipient.code, people=len(people),
        )  # fmt: skip
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(
        [
            gettext("Code of the card"), gettext("Found by"), gettext("Data category"),
            gettext("Disclosure"), gettext("Document"), gettext("Done (x)"),
        ]
    )  # fmt: skip
    for cells in _lines(people, cards, DataCategory.objects.filter(operator=row.operator_id)):
        writer.writerow([safe(cell) for cell in cells])
    # For the spreadsheets that take a file without this mark for one of their own code page.
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def _cards(numbers: Iterable[int]) -> dict[int, DataSubject]:
    rows = seam.numbered(DataSubject.objects.order_by("pk"), "id", numbers)
    return {row.pk: row for row in rows}


def _free(
    act: DestructionAct, found: list[Given], cards: Mapping[int, DataSubject], now: datetime
) -> dict[int, list[Given]]:
    """Card -> what of it is to go there too: neither a stop nor a ground holds it today."""
    owner = {number: card.merged_into_id or number for number, card in cards.items()}
    owners = sorted(set(owner.values()))
    stops = standing_stops(owners, label=act.label)
    today = now.astimezone(act.operator.zone).date()
    stays = {
        (one.subject, one.category)
        for one in Fates(Law(act.operator), today).read(owners)
        if one.destiny.stays
    }
    people: dict[int, list[Given]] = defaultdict(list)
    for one in found:
        holder = owner[one.subject]
        if holder not in stops and (holder, one.category) not in stays:
            people[one.subject].append(one)
    return people


def _lines(
    people: Mapping[int, list[Given]],
    cards: Mapping[int, DataSubject],
    categories: QuerySet[DataCategory],
) -> Iterator[list[str]]:
    names = categories.in_bulk()
    listed = sorted(people)
    for start in range(0, len(listed), CHUNK):
        part = listed[start : start + CHUNK]
        data = readable({cards[number].merged_into_id or number for number in part})
        known = {
            number: known_there(
                data[cards[number].merged_into_id or number],
                {one.category for one in people[number]},
            )
            for number in part
        }
        opened = open_rows([one for rows in known.values() for one in rows], "value")
        for number in part:
            values = [opened[one.pk] for one in known[number]]
            given = people[number]
            yield [
                cards[number].code,
                "; ".join(one.text for one in values if one.state == State.OPEN),
                "; ".join(dict.fromkeys(str(names[one.category]) for one in given)),
                "; ".join(dict.fromkeys(one.disclosure for one in given)),
                "; ".join(dict.fromkeys(one.document for one in given)),
                "",
            ]
