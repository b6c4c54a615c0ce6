"""The execution of an act: in chunks of people, each of which is done whole or not at all.

A chunk is one transaction: the act's row, then the cards, then the keys are locked in the order
of their numbers; what stays or is stopped is written down, the rest is destroyed. Killed anywhere
and begun again, it goes on; two workers follow one another, and what one did the other passes by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from registry import seam
from registry.errors import OperatorError, gettext_noop
from registry.services import audit
from registry.states import move
from subjects import states
from subjects.choices import ActState, Outcome
from subjects.models import ActItem, DataSubject, DestructionAct, DestructionItem, SealedFile
from subjects.services.acts import act_locked, not_before
from subjects.services.covering import Law
from subjects.services.destruction import flush, keys_destroy_many
from subjects.services.elsewhere import finding_keys
from subjects.services.evidence_keys import evidence_key_ready
from subjects.services.fates import Fates, Held
from subjects.services.planning import standing_stops
from subjects.services.recipients import notices_count, notices_draft, untold_keys
from subjects.vault.models import KeyUse, MasterKey, Sealed, VaultKey

ITEMS = 5_000  # keys in a chunk, and the rest of the last person's
WORDS = 300  # the room of a reason
# The reason of data that no ground ever covered, as their items hold it.
NO_GROUND = "no ground"


class NotDueYet(OperatorError):
    template = gettext_noop("%(number)s is due on %(day)s; it is not executed before that.")


class CardsMoving(OperatorError):
    """Somebody merges cards of this act without end; the next sweep comes again."""

    template = gettext_noop("%(number)s: its cards are being merged just now.")


@dataclass(frozen=True, slots=True)
class _Item:
    pk: int
    subject: int
    key: int | None
    datum: int | None
    rule: str
    article: str


def act_execute(
    act: DestructionAct,
    *,
    now: datetime,
    today: date,
    after_chunk: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Destroy what the act names and nothing holds or stops any longer; what became of how many.

    Refuses an act that was not approved (or whose rule is not automatic), and before its day,
    unless a request asks for it: nobody has to wait then. A card with a stop, and what a ground or
    a storage term covers by now, stay, by name. Data held elsewhere wait for their confirmation,
    and by what the person is found there waits with them, as it waits until each processor that
    was given the data has been told: ``elsewhere`` of the answer. As long as there is any the
    execution has not ended, and the next sweep goes on with it.
    ``after_chunk`` gets the number of items looked at. Must not stand in a transaction.
    """
    row = _begin(act, now=now, today=today)
    did = {"destroyed": 0, "stays": 0, "stopped": 0, "gone": 0, "elsewhere": 0}
    if row.finished_at is not None:
        return did
    now = not_before(now, row.started_at)
    evidence_key_ready(now=now)
    law = Law(row.operator)
    looked = 0
    for part in _chunks(row):
        for outcome, count in _chunk(row, part, law, now=now, today=today).items():
            did[outcome] += count
        looked += len(part)
        if after_chunk is not None:
            after_chunk(looked)
    with transaction.atomic():
        row = act_locked(row)
        if row.finished_at is None and not did["elsewhere"]:
            # Another worker's sweep may have begun later than this one.
            gone = DestructionItem.objects.filter(act=row).order_by()
            row.finished_at = not_before(now, gone.aggregate(last=Max("destroyed_at"))["last"])
            audit.save(row, by=None, reason="executed", fields=["finished_at"])
            notices_count(row)
    flush()
    return did


def _begin(act: DestructionAct, *, now: datetime, today: date) -> DestructionAct:
    """Claim it: approved or begun already, and due."""
    with transaction.atomic():
        row = act_locked(act)
        state = move(states.ACT, row.state, "execute", number=row.number)
        if today < row.due_on and not row.label:
            raise NotDueYet(number=row.number, day=row.due_on)
        if row.state != state or row.started_at is None:
            row.state, row.started_at = state, not_before(now, row.drafted_at, row.approved_at)
            audit.save(row, by=None, reason="execution began", fields=["state", "started_at"])
        if row.finished_at is None:
            notices_draft(row, now=now)
    return row


def _chunks(act: DestructionAct) -> Iterator[list[_Item]]:
    """What is not settled yet, in the order of the draft, which is that of the people."""
    last, carried = 0, list[_Item]()
    rows = ActItem.objects.filter(act=act, outcome="").order_by("pk")
    while True:
        part = [
            _Item(*cells)
            for cells in rows.filter(pk__gt=last).values_list(
                "pk", "subject_id", "key", "datum_id", "rule", "article"
            )[:ITEMS]
        ]
        if not part:
            break
        last = part[-1].pk
        part = carried + part
        # The last person may have more: both halves go together.
        cut = next(
            (at for at, one in enumerate(part) if one.subject == part[-1].subject), len(part)
        )  # fmt: skip
        part, carried = part[:cut], part[cut:]
        if part:
            yield part
    if carried:
        yield carried


def _chunk(
    act: DestructionAct, part: list[_Item], law: Law, *, now: datetime, today: date
) -> dict[str, int]:
    """One transaction; nothing of it when every item of it has been destroyed before."""
    part = _undone(act, part)
    if not part:
        return {}
    wider: set[int] = set()
    for _ in range(5):
        with transaction.atomic():
            row = act_locked(act)
            # Once more under the lock: what another worker of this act has done since then is
            # destroyed by this act, not "gone before" it.
            part = _undone(act, part)
            if not part:
                return {}
            cards = _cards(part, wider)
            if not set(cards.values()) <= cards.keys():
                # Merged since the draft: the card that stays has to be held as well.
                wider |= set(cards.values())
                continue
            if row.state != ActState.RUNNING or row.finished_at is not None:
                return {}
            return _settle(row, part, cards, law, now=now, today=today)
    raise CardsMoving(number=act.number)


def elsewhere_settle(act: DestructionAct, *, now: datetime, today: date) -> dict[str, int]:
    """Of what waits elsewhere after the execution: what a hold stops or a ground covers by now.

    Nobody is asked to confirm the destruction of what must not be destroyed. Returns how many
    ``stays`` and ``stopped``. Must not stand in a transaction.
    """
    did = {"stays": 0, "stopped": 0}
    waiting = ActItem.objects.filter(act=act, key=None, outcome="").order_by("pk")
    last = 0
    while numbers := list(waiting.filter(pk__gt=last).values_list("pk", flat=True)[:ITEMS]):
        last = numbers[-1]
        with transaction.atomic():
            row = act_locked(act)
            if row.state != ActState.RUNNING:
                break
            cells = seam.lock(waiting.filter(pk__in=numbers)).values_list(
                "pk", "subject_id", "key", "datum_id", "rule", "article"
            )
            part = [_Item(*one) for one in cells]
            cards = _cards(part, set())
            cards |= _cards(part, set(cards.values()))
            law = Law(row.operator)
            for outcome, count in _settle(row, part, cards, law, now=now, today=today).items():
                if outcome in did:
                    did[outcome] += count
    return did


def _undone(act: DestructionAct, part: list[_Item]) -> list[_Item]:
    """Without what this act has destroyed already."""
    keys = [one.key for one in part if one.key]
    items = seam.numbered(DestructionItem.objects.filter(act=act), "key", keys)
    done = set(items.values_list("key", flat=True))
    return [one for one in part if one.key not in done]


def _cards(part: list[_Item], wider: set[int]) -> dict[int, int]:
    """Card -> the card that holds its data now; both locked, in the order of their numbers."""
    numbers = sorted({one.subject for one in part} | wider)
    rows = seam.lock(seam.numbered(DataSubject.objects.order_by("pk"), "id", numbers))
    return {
        number: merged_into or number
        for number, merged_into in rows.values_list("pk", "merged_into_id")
    }


def _settle(
    act: DestructionAct,
    part: list[_Item],
    cards: dict[int, int],
    law: Law,
    *,
    now: datetime,
    today: date,
) -> dict[str, int]:
    """Under the locks: what stays, what is stopped, what is gone; the rest goes."""
    owners = sorted(set(cards.values()))
    held = Fates(law, today).read(owners)
    by_key = {one.key: one for one in held if one.key}
    by_datum = {one.datum: one for one in held if one.key is None and one.datum}
    stops = standing_stops(owners, label=act.label)
    settled: list[ActItem] = []
    reasons: dict[int, str] = {}
    missing: list[_Item] = []
    waiting: dict[int, list[int]] = defaultdict(list)

    def say(one: _Item, outcome: Outcome, why: str) -> None:
        settled.append(ActItem(pk=one.pk, outcome=outcome, why=why[:WORDS]))

    for one in part:
        found = by_key.get(one.key) if one.key else by_datum.get(one.datum or 0)
        if found is None:
            missing.append(one)
        elif (stop := stops.get(cards[one.subject])) is not None:
            say(one, Outcome.STOPPED, stop)
        elif not _may_go(found, today):
            say(one, Outcome.STAYS, found.destiny.why)
        elif one.key:
            reasons[one.key] = reason_of(act.label, one.rule, one.article)
        elif one.datum:
            waiting[cards[one.subject]].append(one.datum)
    # Whoever is to destroy something elsewhere has to find the person there.
    kept = finding_keys(waiting, reasons.keys()) | untold_keys(act, cards, reasons.keys())
    reasons = {key: why for key, why in reasons.items() if key not in kept}
    for one, why in _gone(missing):
        say(one, Outcome.GONE, why)
    destroyed = _destroy(act, reasons, {one.key for one in held if one.kind == Sealed.FILE}, now)
    if settled:
        seam.rewrite(ActItem, settled, ["outcome", "why"])
    did = {"destroyed": destroyed, "stays": 0, "stopped": 0, "gone": 0, "elsewhere": len(kept)}
    for item in settled:
        did[item.outcome] += 1
    return did


def _may_go(held: Held, today: date) -> bool:
    """Nothing holds it today; the proof of a consent also waits for its own day."""
    if held.destiny.stays:
        return False
    due_on = held.destiny.due_on
    return held.kind != Sealed.EVIDENCE or (due_on is not None and due_on <= today)


def reason_of(label: str, rule: str, article: str) -> str:
    """Why a value was destroyed, as its item says it: request, rule and article (Order 179)."""
    words = f"{rule} {article}".strip() or NO_GROUND
    return (f"{label}: {words}" if label else words)[:WORDS]


def _gone(missing: list[_Item]) -> Iterator[tuple[_Item, str]]:
    """Which of them another act (or a hand) destroyed before; the rest are lost, and stay open.

    A value with neither key nor item is an incident: the verification fails by it.
    """
    keys = [one.key for one in missing if one.key]
    if not keys:
        return
    rows = seam.numbered(DestructionItem.objects.order_by(), "key", keys)
    others = {key: number or "" for key, number in rows.values_list("key", "act__number")}
    for one in missing:
        if one.key in others:
            yield one, others[one.key]


def _destroy(
    act: DestructionAct, reasons: dict[int, str], files: set[int | None], now: datetime
) -> int:
    """Destroy these keys (key -> why) in the caller's transaction; their files follow it."""
    if not reasons:
        return 0
    wanted = sorted(reasons)
    locked = seam.lock(seam.numbered(VaultKey.objects.order_by("pk"), "id", wanted))
    _say_keks(act, {kek for _, kek in locked.values_list("pk", "kek")}, now)
    count = keys_destroy_many(reasons, act=act, by=act.approved_by, now=now)
    going = [key for key in wanted if key in files]
    if going:
        paths = [row.path for row in seam.numbered(SealedFile.objects.order_by(), "key", going)]
        transaction.on_commit(lambda: _remove(paths), robust=True)
    return count


def _say_keks(act: DestructionAct, numbers: set[int], now: datetime) -> None:
    """Under which KEK the values were, and from when on no copy of them opens."""
    rows = MasterKey.objects.filter(use=KeyUse.KEK, number__in=numbers)
    day = max((retires_on(row, now) for row in rows), default=None)
    newest = max([*numbers, act.kek or 0])
    mute_on = max(filter(None, [day, act.mute_on]), default=None)
    if (newest, mute_on) != (act.kek, act.mute_on):
        act.kek, act.mute_on = newest or None, mute_on
        audit.save(act, by=None, reason="keys", fields=["kek", "mute_on"])


def retires_on(key: MasterKey, now: datetime) -> date:
    """The day from which a KEK may be destroyed: decided already, or as the schedule has it."""
    if key.retire_on is not None:
        return key.retire_on
    rotated = key.made_at.date() + timedelta(days=settings.KEK_ROTATION_DAYS)
    # One that should have been rotated long ago is rotated today at the earliest.
    return max(rotated, now.date()) + timedelta(days=settings.KEK_RETIREMENT_DAYS)


def _remove(paths: Iterable[Path]) -> None:
    """Their keys are gone, so this only gives back the space; the sweep takes what stays."""
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
