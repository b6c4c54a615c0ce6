"""What the page of a card says: facts from the services, in words for the clerk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, ngettext

from registry.explain import short_day
from subjects import fate
from subjects.choices import BlockReason, GroundEnd, HeldIn, Ruled, StopKind
from subjects.models import Consent, DataSubject, DisseminationPermission, Ground, PersonalDatum
from subjects.services.covering import Coverage, end_of
from subjects.services.grounds import SCOPES
from subjects.services.guard import BLOCKS, STOPS, Standing, annotated
from subjects.services.reading import (
    Neighbour,
    Shown,
    State,
    data_of,
    events_of,
    neighbours,
    open_for,
    open_until,
    show,
)

LOOKS = 20


@dataclass(slots=True)
class DatumLine:
    """One row of the table of data."""

    datum: PersonalDatum
    category: str
    state: str
    value: str
    collected: str
    age: str
    verified: str
    look: str
    fate: str
    can_rectify: bool


@dataclass(slots=True)
class WhatIf:
    """What one end would do, in sentences: each with the data that it is about."""

    goes: list[tuple[str, str]] = field(default_factory=list)
    stays: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class GroundLine:
    """One ground on the timeline, with its consent and what its end would do."""

    ground: Ground
    consent: Consent | None
    since: str
    until: str
    live: bool
    given: str
    expires: str
    withdrawn: str
    evidence: Shown | None
    scopes: list[tuple[Any, Any]]
    permissions: list[DisseminationPermission]
    what_if: WhatIf | None


@dataclass(slots=True)
class HoldLine:
    """A block or a stop in the head of the card."""

    label: str
    what: str
    why: str
    since: str
    reason: str
    until: str = ""
    review: str = ""
    link: str = ""


@dataclass(slots=True)
class Card:
    """The whole page."""

    open_until: str
    minutes_left: str
    data: list[DatumLine]
    grounds: list[GroundLine]
    neighbours: list[Neighbour]
    looks: list[Any]
    more_looks: bool
    lost: int
    blocks: list[HoldLine]
    stops: list[HoldLine]
    # The numbers that open what is blocked, as the one click posts them; empty: nothing to open.
    numbers: str
    all_blocked: bool
    can_release: bool


def card_page(card: DataSubject, *, may_reveal: bool, now: datetime) -> Card:
    """Everything on the page of a card that ``reading.with_state`` has read."""
    zone = card.operator.zone
    today = now.astimezone(zone).date()
    until = open_until(card, now) if may_reveal else None
    data = list(data_of([card.pk]).order_by("category", "pk"))
    for datum in data:
        datum.subject = card
    coverage = Coverage(card, data=data)
    consents = []
    for ground in coverage.grounds:
        ground.subject = card
        if hasattr(ground, "consent"):
            consents.append(ground.consent)
    label = open_for(card, now) if until else ""
    shown = show([*data, *consents], opened=until is not None, for_label=label)
    blocks, stops = annotated(card, BLOCKS), annotated(card, STOPS)
    fates = coverage.fates(today)
    permissions = _permissions(consents)
    beside = neighbours(card)
    looks = events_of([card.pk, *(row.pk for row in beside if row.merged)], LOOKS + 1)
    lines = [_datum(datum, shown[datum], fates[datum.pk], today, zone) for datum in data]
    grounds = [
        _ground(ground, coverage, shown, permissions, today, zone) for ground in coverage.grounds
    ]
    grounds.sort(key=lambda line: (line.live, line.ground.started_on), reverse=True)
    return Card(
        open_until=f"{until.astimezone(zone):%H:%M}" if until else "",
        minutes_left=_minutes(until, now) if until else "",
        data=lines,
        grounds=grounds,
        neighbours=beside,
        looks=looks[:LOOKS],
        more_looks=len(looks) > LOOKS,
        lost=sum(line.state == State.LOST for line in lines),
        blocks=[_block(block, zone) for block in blocks],
        stops=[_stop(stop, zone) for stop in stops],
        numbers=", ".join(dict.fromkeys(block.label for block in blocks))
        if may_reveal and any(one.state == State.BLOCKED for one in shown.values())
        else "",
        all_blocked=any(block.category is None for block in blocks),
        can_release=any(stop.why == StopKind.LEGAL_HOLD for stop in stops),
    )


def _block(block: Standing, zone: Any) -> HoldLine:
    what = block.name or gettext("everything on the card")
    why = str(BlockReason(block.why).label)
    return HoldLine(block.label, what, why, short_moment(block.since, zone), block.reason)


def _stop(stop: Standing, zone: Any) -> HoldLine:
    why = str(StopKind(stop.why).label)
    words = "; ".join(filter(None, [stop.document, stop.reason]))
    return HoldLine(
        stop.label,
        "",
        why,
        short_moment(stop.since, zone),
        words,
        until=short_day(stop.until) if stop.until else "",
        review=short_day(stop.review) if stop.review else "",
        link=reverse("admin:subjects_stop_change", args=[stop.number]),
    )


def short_moment(at: datetime | None, zone: Any) -> str:
    if at is None:
        return "–"
    local = at.astimezone(zone)
    return f"{short_day(local.date())}, {local:%H:%M}"


def age(since: date, today: date) -> str:
    """How long ago, in the largest whole unit."""
    days = (today - since).days
    months = (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)
    if months >= 12:
        count = months // 12
        return ngettext("%(count)d year", "%(count)d years", count) % {"count": count}
    if months >= 1:
        return ngettext("%(count)d month", "%(count)d months", months) % {"count": months}
    if days >= 1:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    return gettext("today")


def _minutes(until: datetime, now: datetime) -> str:
    left = -(-int((until - now).total_seconds()) // 60)
    return ngettext("%(count)d minute left", "%(count)d minutes left", left) % {"count": left}


# --- data ----------------------------------------------------------------------------------------
def _datum(datum: PersonalDatum, shown: Shown, found: fate.Fate, today: date, zone: Any) -> Any:
    value = {
        State.FILE: lambda: gettext("a file"),
        State.ELSEWHERE: lambda: _elsewhere(datum),
        State.DESTROYED: lambda: _destroyed(shown, zone),
        State.BLOCKED: lambda: blocked_in_words(shown, zone),
        State.LOST: lambda: gettext(
            "lost: its key is gone and no destruction names it. This is an incident."
        ),
    }.get(shown.state, lambda: shown.text)()
    gone = shown.state in (State.DESTROYED, State.LOST)
    look, words = ("gone", "–") if gone else fate_in_words(found, today)
    return DatumLine(
        datum=datum,
        category=str(datum.category or gettext("identity in the operator's systems")),
        state=str(shown.state),
        value=value,
        collected=short_day(datum.collected_on),
        age=age(datum.collected_on, today),
        verified=short_day(datum.verified_on),
        look=look,
        fate=words,
        can_rectify=shown.state in (State.OPEN, State.MASKED)
        or (shown.state == State.BLOCKED and not datum.file_id),
    )


def _elsewhere(datum: PersonalDatum) -> str:
    if datum.held_in == HeldIn.SYSTEM:
        return gettext("held in the system %(name)s") % {"name": datum.system}
    return gettext("on the carrier %(name)s") % {"name": datum.carrier}


def _destroyed(shown: Shown, zone: Any) -> str:
    assert shown.item is not None
    return gettext("destroyed on %(day)s (%(reason)s)") % {
        "day": short_day(shown.item.destroyed_at.astimezone(zone).date()),
        "reason": shown.item.reason,
    }


def blocked_in_words(shown: Shown, zone: Any) -> str:
    assert shown.block is not None
    return gettext("blocked by %(label)s since %(day)s") % {
        "label": shown.block.label,
        "day": short_day(shown.block.since.astimezone(zone).date()),
    }


def fate_in_words(found: fate.Fate, today: date) -> tuple[str, str]:
    """How it looks, and a sentence: it stays, and why; or it goes, by when and why."""
    if found.stays:
        holding = found.held_by[0]
        if holding.keep is not None:
            words = gettext("the law keeps it until %(day)s: %(article)s")
            return "kept", words % {
                "day": short_day(holding.keep.until), "article": holding.keep.article,
            }  # fmt: skip
        words = gettext("stays: %(ground)s (%(article)s)")
        sentence = words % {"ground": holding.activity, "article": holding.article}
        if holding.until is not None:
            sentence += gettext(", until %(day)s") % {"day": short_day(holding.until)}
        if len(found.held_by) > 1:
            more = len(found.held_by) - 1
            sentence += ngettext(
                " and %(count)d more ground", " and %(count)d more grounds", more
            ) % {"count": more}
        return "stays", sentence
    day = short_day(found.due_on)
    look = "late" if found.overdue(today) else "goes"
    if found.reason == fate.Reason.NEVER_COVERED:
        return "late", gettext("goes at once: no ground has ever covered it")
    if found.reason == fate.Reason.RULED and found.limit is not None:
        words = gettext("goes by %(day)s, it was decided: %(why)s (%(article)s)")
        return look, words % {
            "day": day, "why": Ruled(found.event).label, "article": found.limit.article,
        }  # fmt: skip
    if found.limit is None:
        return look, gettext("goes by %(day)s: its ground has ended") % {"day": day}
    said = {"day": day, "rule": found.limit.code, "article": found.limit.article}
    if look == "late":
        return look, gettext("should have gone by %(day)s: %(article)s (%(rule)s)") % said
    return look, gettext("goes by %(day)s: %(article)s (%(rule)s)") % said


# --- grounds -------------------------------------------------------------------------------------
def _permissions(consents: Iterable[Consent]) -> dict[int, list[DisseminationPermission]]:
    wanted = [consent.pk for consent in consents if consent.dissemination]
    found: dict[int, list[DisseminationPermission]] = defaultdict(list)
    if wanted:
        rows = DisseminationPermission.objects.filter(consent__in=wanted)
        for row in rows.select_related("category"):
            found[row.consent_id].append(row)
    return found


def _ground(
    ground: Ground, coverage: Coverage, shown: dict[Any, Shown],
    permissions: dict[int, list[DisseminationPermission]], today: date, zone: Any,
) -> GroundLine:  # fmt: skip
    consent: Consent | None = getattr(ground, "consent", None)
    end = end_of(ground)
    live = ground.started_on <= today and (end is None or today < end.on)
    until = ""
    if end is not None:
        why = str(dict(GroundEnd.choices).get(GroundEnd(end.event), end.event))
        # A day to come is the end of a term that still runs.
        until = short_day(end.on) if live else f"{short_day(end.on)} ({why})"
    event = GroundEnd.WITHDRAWN if consent is not None else GroundEnd.ACHIEVED
    fields: Any = Consent._meta
    given = [(fields.get_field(name).verbose_name, getattr(consent, name, None)) for name in SCOPES]
    return GroundLine(
        ground=ground,
        consent=consent,
        since=short_day(ground.started_on),
        until=until,
        live=live,
        given=short_moment(consent.given_at, zone) if consent else "",
        expires=short_day(consent.expires_on) if consent and consent.expires_on else "",
        withdrawn=short_moment(consent.withdrawn_at, zone)
        if consent and consent.withdrawn_at
        else "",
        evidence=shown[consent] if consent else None,
        scopes=given if consent else [],
        permissions=permissions.get(consent.pk, []) if consent else [],
        what_if=what_if(ground, event, coverage, shown, today) if live else None,
    )


def what_if(
    ground: Ground, event: str, coverage: Coverage, shown: dict[Any, Shown], today: date
) -> WhatIf:
    """If this ground ended today: which of its data would go and when, which would stay and why."""
    after, _going = coverage.if_ended(ground, event, today)
    covered = coverage.categories[ground.pk]
    by_pk = {datum.pk: datum for datum in coverage.data}
    goes: dict[str, list[str]] = defaultdict(list)
    stays: dict[str, list[str]] = defaultdict(list)
    for found in after:
        datum = by_pk[found.datum]
        state = shown[datum].state if datum in shown else State.MASKED
        if datum.category_id not in covered or state in (State.DESTROYED, State.LOST):
            continue
        _look, words = fate_in_words(found, today)
        name = str(datum.category)
        told = stays if found.stays else goes
        if name not in told[words]:
            told[words].append(name)
    return WhatIf(
        goes=[("; ".join(names), words) for words, names in goes.items()],
        stays=[("; ".join(names), words) for words, names in stays.items()],
    )
