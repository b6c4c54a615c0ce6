"""The one module that destroys. Nothing here opens a value, and nothing needs a KEK.

Destroying is deleting a value's rows in the vault's two tables and writing the item that proves
it, in one transaction; no row of people or of history is touched, and what they hold goes mute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from registry import seam
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import Operator, User
from subjects.models import (
    Consent,
    DataSubject,
    DestructionAct,
    DestructionItem,
    Evidence,
    Ground,
    PersonalDatum,
    SealedFile,
)
from subjects.services import bulk
from subjects.services.covering import Coverage, end_of
from subjects.services.destruction_journal import journal_note
from subjects.services.evidence import evidence_keep
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.fates import APART
from subjects.services.planning import standing_stops
from subjects.vault.models import SearchToken, VaultKey


class StillCovered(OperatorError):
    template = gettext_noop(
        "%(code)s: %(category)s stays: %(ground)s (%(article)s) covers it. End the ground first."
    )


class DestructionStopped(Conflict):
    template = gettext_noop(
        "%(code)s: %(stop)s stops the destruction. Nothing of the person goes before it ends."
    )


class NotOfCard(OperatorError):
    template = gettext_noop("%(datum)s is not on the card %(code)s.")


class DestructionReasonMissing(OperatorError):
    template = gettext_noop("A destruction needs its reason.")


def keys_destroy(
    numbers: Iterable[int],
    *,
    reason: str,
    by: User | None,
    now: datetime,
    act: DestructionAct | None = None,
) -> list[DestructionItem]:
    """Destroy these keys and their tokens, and write their items; those already gone are passed by.

    Evidence of the strongest tokens stays (Order 179, 8). Safe to run twice and from two processes:
    each key is destroyed by exactly one of them. Refuses to destroy what it could not prove, while
    the year's evidence key is missing; it is made here, unless a transaction stands around.
    """
    if not reason.strip():
        raise DestructionReasonMissing()
    wanted = sorted({number for number in numbers if number})
    evidence_key_ready(now=now)
    with transaction.atomic():
        gone, marks = _delete(wanted, now=now)
        journal_note([row[0] for row in gone], marks)
        return DestructionItem.objects.bulk_create(
            DestructionItem(
                key=number,
                kind=kind,
                owner=owner,
                category=category,
                reason=reason,
                destroyed_at=now,
                destroyed_by=by,
                act=act,
            )
            for number, kind, owner, category, _ in gone
        )


def keys_destroy_many(
    reasons: Mapping[int, str], *, act: DestructionAct, by: User | None, now: datetime
) -> int:
    """``keys_destroy`` for the thousands of an act: key -> reason; returns how many went.

    The items are copied in. Stands in the caller's transaction or makes its own.
    """
    if not all(reason.strip() for reason in reasons.values()):
        raise DestructionReasonMissing()
    columns = [
        "key", "kind", "owner", "category", "reason", "destroyed_at", "destroyed_by_id", "act_id",
    ]  # fmt: skip
    at = connection.ops.adapt_datetimefield_value(now)
    user = by.pk if by else None
    with transaction.atomic():
        gone, marks = _delete(sorted(reasons), now=now)
        journal_note([row[0] for row in gone], marks)
        rows = (
            (number, kind, owner, category, reasons[number], at, user, act.pk)
            for number, kind, owner, category, _ in gone
        )
        bulk.insert(DestructionItem, columns, rows)
    return len(gone)


def _delete(wanted: list[int], *, now: datetime) -> tuple[list[Any], list[tuple[Any, ...]]]:
    """Take the keys and their tokens away, and keep the evidence; what each key was, its marks."""
    gone = seam.delete_returning(VaultKey, wanted, ["id", "kind", "owner", "category", "search"])
    tokens = seam.delete_returning(
        SearchToken, sorted(row[0] for row in gone), ["token", "key"], by="key"
    )
    return gone, evidence_keep(gone, tokens, now=now)


def destruction_repeat(lines: Sequence[Mapping[str, Any]], *, today: date) -> int:
    """Destroy once more what a restored database does not know it has destroyed.

    ``lines`` of the journal whose keys no item names; the items keep their reasons and moments, and
    evidence that is still kept is written again. Returns how many keys and tokens stood. In the
    restore's own transaction.
    """
    numbers = [line["key"] for line in lines]
    stood = seam.delete_returning(VaultKey, sorted(numbers), ["id"])
    seam.delete_returning(SearchToken, sorted(numbers), ["token"], by="key")
    acts = dict(
        DestructionAct.objects.filter(
            pk__in={line["act"][0] for line in lines if line["act"]}
        ).values_list("pk", "number")
    )
    people = set(
        User.objects.filter(pk__in={line["by"] for line in lines}).values_list("pk", flat=True)
    )
    taken = set(
        DestructionItem.objects.filter(pk__in=[line["item"] for line in lines]).values_list(
            "pk", flat=True
        )
    )
    DestructionItem.objects.bulk_create(
        DestructionItem(
            # Under its own number, for the journal to know it again.
            pk=None if line["item"] in taken else line["item"],
            key=line["key"],
            kind=line["kind"],
            owner=line["owner"],
            category=line["category"],
            act_id=act[0] if (act := line["act"]) and acts.get(act[0]) == act[1] else None,
            reason=line["reason"],
            destroyed_at=datetime.fromisoformat(line["at"]),
            destroyed_by_id=line["by"] if line["by"] in people else None,
        )
        for line in lines
    )
    _marks_repeat(lines, today=today)
    return len(stood)


def _marks_repeat(lines: Sequence[Mapping[str, Any]], *, today: date) -> None:
    """The evidence of these keys, as far as its three years are not over."""
    marks = [
        (*mark[:4], line["key"], date.fromisoformat(mark[4]))
        for line in lines
        for mark in line["marks"]
        if mark[4] >= today.isoformat()
    ]
    operators = set(Operator.objects.values_list("pk", flat=True))
    Evidence.objects.bulk_create(
        Evidence(
            operator_id=operator, mark=bytes.fromhex(mark), year=year, search=search, key=key,
            keep_until=until,
        )
        for operator, mark, year, search, key, until in marks
        if operator in operators
    )  # fmt: skip


def data_destroy(
    *,
    subject: DataSubject,
    data: Iterable[PersonalDatum],
    reason: str,
    by: User | None,
    now: datetime,
    today: date,
    label: str = "",
) -> list[DestructionItem]:
    """Destroy data of one person. Refuses, by name, a datum that a ground still covers.

    Refuses while a stop stands, but that of the request ``label`` that asks for it. The card is
    locked, so that no ground and no stop can begin between the check and the destruction.
    """
    chosen = list(data)
    evidence_key_ready(now=now)
    with transaction.atomic():
        _card_free(subject, label=label)
        fates = Coverage(subject).fates(today)
        for datum in chosen:
            found = fates.get(datum.pk)
            if found is None:
                raise NotOfCard(datum=str(datum), code=subject.code)
            if found.stays:
                holding = found.held_by[0]
                raise StillCovered(
                    code=subject.code,
                    category=datum.category.name if datum.category else "",
                    ground=holding.activity,
                    article=holding.article,
                )
        items = keys_destroy(
            [number for datum in chosen if (number := datum.key_number)],
            reason=reason,
            by=by,
            now=now,
        )
        # Whoever was killed after the keys went left the files: whoever comes again takes them.
        files = [datum.file for datum in chosen if datum.file_id and datum.file]
        transaction.on_commit(lambda: _remove(files))
    flush()
    return items


def flush() -> None:
    """Take what was destroyed out of the database's files; in a transaction: after it."""
    transaction.on_commit(lambda: seam.flush_deleted([VaultKey, SearchToken]), robust=True)


def subject_destroy(
    *,
    subject: DataSubject,
    reason: str,
    by: User | None,
    now: datetime,
    today: date,
    label: str = "",
) -> list[DestructionItem]:
    """Everything the vault holds about a person whom no ground covers any longer.

    Refuses, by name, while a ground holds: the proof of a live consent is needed; and while a stop
    stands, but that of the request ``label`` that asks for it.
    """
    evidence_key_ready(now=now)
    with transaction.atomic():
        _card_free(subject, label=label)
        live = Ground.objects.filter(subject=subject).select_related("activity", "legal_basis")
        for ground in live:
            if _holds(ground, today):
                raise StillCovered(
                    code=subject.code,
                    category=Consent._meta.verbose_name,
                    ground=str(ground.activity),
                    article=ground.legal_basis.article,
                )
        items = data_destroy(
            subject=subject,
            data=PersonalDatum.objects.filter(subject=subject).select_related("category", "file"),
            reason=reason,
            by=by,
            now=now,
            today=today,
            label=label,
        )
        evidence = Consent.objects.filter(ground__subject=subject, evidence_key__isnull=False)
        items += keys_destroy(
            evidence.values_list("evidence_key", flat=True), reason=reason, by=by, now=now
        )
    return items


def _card_free(subject: DataSubject, *, label: str) -> None:
    """Hold the card, and refuse one that something stops."""
    seam.lock(DataSubject.objects.filter(pk=subject.pk)).get()
    stop = standing_stops([subject.pk], label=label).get(subject.pk)
    if stop is not None:
        raise DestructionStopped(code=subject.code, stop=stop.partition(APART)[2])


def _holds(ground: Ground, today: date) -> bool:
    """Whether it covers anything today or will: its own end, its consent's term, its purpose's."""
    end = end_of(ground)
    return end is None or today < end.on


def _remove(files: Iterable[SealedFile]) -> None:
    """Their keys are gone, so this only gives back the space; the sweep takes what stays."""
    for file in files:
        with suppress(OSError):
            file.path.unlink(missing_ok=True)
